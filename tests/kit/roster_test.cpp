#include "actors/kit/roster.hpp"
#include "tests/kit/actor_fixture.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <thread>

using namespace shannon;
using namespace shannon::kit;

namespace {

struct one final : listed {};

/// Reads all in pages of `most`, and runs `between` after each.
template <class F>
std::multiset<std::uint64_t> read_all(const roster& all, std::size_t most,
                                      F between) {
  std::multiset<std::uint64_t> seen;
  std::uint64_t after = 0;
  for (;;) {
    std::size_t page = 0;
    auto next = all.read(after, most, [&](const listed& who) {
      seen.insert(who.listed_as());
      ++page;
      return true;
    });
    CHECK(page <= most);
    if (!next)
      return seen;
    after = *next;
    between();
  }
}

} // namespace

TEST_CASE("a roster read in pages of any size holds everyone once") {
  roster all;
  std::deque<one> who(1'000);
  for (auto& each : who)
    all.add(each);
  CHECK(all.size() == 1'000);
  for (std::size_t most : {1, 7, 999, 1'000, 5'000}) {
    auto seen = read_all(all, most, [] {});
    CHECK(seen.size() == 1'000);
    for (const auto& each : who)
      CHECK(seen.count(each.listed_as()) == 1);
  }
  for (auto& each : who)
    all.remove(each);
  CHECK(all.size() == 0);
  CHECK(read_all(all, 10, [] {}).empty());
}

TEST_CASE("who stays is read once, whoever comes and goes meanwhile") {
  roster all;
  std::deque<one> stay(500);
  std::map<int, one> others;
  int number = 0;
  for (auto& each : stay) {
    all.add(others[number++]);
    all.add(each);
  }
  int gone = 0;
  auto seen = read_all(all, 20, [&] {
    for (int i = 0; i < 10; ++i) {
      all.remove(others.at(gone++));
      all.add(others[number++]);
    }
  });
  CHECK(gone > 100);
  for (const auto& each : stay)
    CHECK(seen.count(each.listed_as()) == 1);
  for (auto& each : stay)
    all.remove(each);
  for (auto& [key, each] : others)
    all.remove(each); // Those that are gone already too.
  CHECK(all.size() == 0);
}

TEST_CASE("a look that says enough is gone on after") {
  roster all;
  std::deque<one> who(10);
  for (auto& each : who)
    all.add(each);
  std::set<std::uint64_t> seen;
  std::optional<std::uint64_t> at = 0;
  for (int looks = 0; at; ++looks) {
    REQUIRE(looks <= 10);
    at = all.read(*at, 100, [&](const listed& found) {
      CHECK(seen.insert(found.listed_as()).second);
      return false;
    });
  }
  CHECK(seen.size() == 10);
  for (auto& each : who)
    all.remove(each);
}

TEST_CASE("threads come and go while others read") {
  roster all;
  std::deque<one> stay(200);
  for (auto& each : stay)
    all.add(each);
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int i = 0; i < 2; ++i)
    busy.emplace_back([&] {
      while (!stop) {
        std::deque<one> mine(64);
        for (auto& each : mine)
          all.add(each);
        for (auto& each : mine)
          all.remove(each);
      }
    });
  for (int round = 0; round < 50; ++round) {
    auto seen = read_all(all, 50, [] {});
    for (const auto& each : stay)
      REQUIRE(seen.count(each.listed_as()) == 1);
  }
  stop = true;
  for (auto& each : busy)
    each.join();
  CHECK(all.size() == 200);
  for (auto& each : stay)
    all.remove(each);
}

namespace {

struct give_birth {};
struct idle {};

class parent_actor final : public actor_base {
public:
  parent_actor(caf::actor_config& cfg, actor_env& shared, std::string self)
      : actor_base(cfg, shared, {std::move(self)}) {}
  const char* name() const override {
    return "parent";
  }

protected:
  handlers make_handlers() override {
    return {on<give_birth>([this](const envelope& mail, const auto&) {
              child_ = spawn<parent_actor>(env(), "child");
              reply(mail, idle{});
            }),
            on<idle>([](const auto&, const auto&) {})};
  }
  void stopping() override {
    child_ = nullptr;
  }
  caf::actor child_;
};

struct seen {
  std::uint64_t number = 0;
  std::uint64_t parent = 0;
  bool running = false;
  std::uint64_t depth = 0;
  std::optional<std::chrono::nanoseconds> oldest;
};

std::map<std::string, seen> look(const roster& all) {
  std::map<std::string, seen> out;
  all.read(0, 1'000, [&](const listed& place) {
    const auto& who = static_cast<const actor_base&>(place);
    out[who.self_address().value]
        = {who.listed_as(), who.parent(), who.stats().running,
           who.stats().mailbox_depth(), who.stats().oldest_age()};
    return true;
  });
  return out;
}

struct listed_world : actor_fixture {
  listed_world() {
    env.actors = &everyone;
  }
};

} // namespace

TEST_CASE_METHOD(listed_world, "an actor is listed from spawn to end, with "
                               "who started it") {
  auto above = spawn<parent_actor>(env, "above");
  REQUIRE(ask_all<idle>("above", give_birth{}).at(0));
  auto found = look(everyone);
  REQUIRE(found.count("above") == 1);
  REQUIRE(found.count("child") == 1);
  CHECK(found["above"].parent == 0);
  CHECK(found["above"].running);
  CHECK(found["child"].parent == found["above"].number);
  caf::anon_send_exit(addresses.find({"child"}),
                      caf::exit_reason::user_shutdown);
  run();
  CHECK(look(everyone).count("child") == 0);
  caf::anon_send_exit(above, caf::exit_reason::kill);
  run();
  CHECK(look(everyone).count("above") == 0);
}

TEST_CASE_METHOD(listed_world, "who has not had its first turn is starting, "
                               "and the age of its mail grows") {
  auto who = system.spawn<parent_actor>(env, "above");
  CHECK_FALSE(look(everyone)["above"].running);
  CHECK_FALSE(look(everyone)["above"].oldest);
  auto mail = std::make_shared<envelope>();
  mail->to = {"above"};
  mail->body = idle{};
  mail->sent = coarse_now() - std::chrono::seconds{5};
  addresses.deliver(mail);
  auto waits = look(everyone)["above"];
  CHECK(waits.depth == 1);
  REQUIRE(waits.oldest);
  CHECK(*waits.oldest >= std::chrono::seconds{5});
  CHECK(*waits.oldest < std::chrono::minutes{1});
  keep(who);
  CHECK(look(everyone)["above"].running);
  CHECK_FALSE(look(everyone)["above"].oldest);
}
