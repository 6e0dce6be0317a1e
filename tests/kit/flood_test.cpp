// M1 of docs/reliability.md: one actor is sent far more than it can take.

#include "actors/kit/actor_base.hpp"
#include "actors/kit/directory.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t mailbox_max = 10'000;
constexpr std::uint64_t messages = 1'000'000;
constexpr unsigned senders = 4;

struct drop {
  std::string bytes;
};
struct knock {};
struct here {};

/// Takes 20 us for each message: 50,000 a second at most.
class slow final : public kit::actor_base {
public:
  slow(caf::actor_config& cfg, kit::actor_env& env)
      : actor_base(cfg, env, {"slow"}, mailbox_max) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<drop>([](auto&, auto&) {
      auto until = std::chrono::steady_clock::now() + 20us;
      while (std::chrono::steady_clock::now() < until)
        continue;
    })};
  }
};

class door final : public kit::actor_base {
public:
  door(caf::actor_config& cfg, kit::actor_env& env)
      : actor_base(cfg, env, {"door"}) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<knock>([this](auto& mail, auto&) { reply(mail, here{}); })};
  }
};

/// Knocks again and again, and notes how long each answer takes.
class visitor final : public kit::actor_base {
public:
  visitor(caf::actor_config& cfg, kit::actor_env& env,
          std::vector<double>& took)
      : actor_base(cfg, env, {"visitor"}), took_(took) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    visit();
  }

private:
  void visit() {
    auto since = std::chrono::steady_clock::now();
    ask<here>({"door"}, knock{}, 10s, [this, since](const result<here>&) {
      // One that is turned away after ten seconds shows as that.
      took_.push_back(std::chrono::duration<double>(
                          std::chrono::steady_clock::now() - since)
                          .count());
      after(5ms, [this] { visit(); });
    });
  }

  std::vector<double>& took_;
};

std::uint64_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::uint64_t all = 0;
  std::uint64_t resident = 0;
  file >> all >> resident;
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

TEST_CASE("an actor that is flooded holds what it may, and its neighbours are "
          "answered") {
  kit::directory addresses;
  kit::actor_env env{addresses};
  std::vector<double> took;
  std::uint64_t rejected = 0;
  std::uint64_t processed = 0;
  std::uint64_t most_bytes = 0;
  auto bytes_before = resident_bytes();
  {
    caf::actor_system_config config;
    config.set("scheduler.max-threads", std::size_t{2});
    config.set("scheduler.max-throughput", std::size_t{128});
    caf::actor_system system{config};
    auto flooded = system.spawn<slow>(env);
    auto neighbour = system.spawn<door>(env);
    auto guest = system.spawn<visitor>(env, took);
    const auto& counts = caf::actor_cast<slow*>(flooded)->stats();
    std::atomic<std::uint64_t> deepest{0};
    std::vector<std::thread> floods;
    for (unsigned i = 0; i < senders; ++i)
      floods.emplace_back([&] {
        for (std::uint64_t n = 0; n < messages / senders; ++n) {
          auto mail = std::make_shared<envelope>();
          mail->to = {"slow"};
          mail->body = drop{std::string(200, 'x')};
          addresses.deliver(std::move(mail));
          // 100,000 a second of all together.
          if (n % 100 == 99)
            std::this_thread::sleep_for(4ms);
          auto depth = counts.mailbox_depth();
          for (auto most = deepest.load(); depth > most;)
            if (deepest.compare_exchange_weak(most, depth))
              break;
        }
      });
    for (auto& one : floods)
      one.join();
    most_bytes = resident_bytes();
    rejected = counts.rejected;
    processed = counts.processed;
    CHECK(deepest > mailbox_max / 2);
    // Each sender counts before it is turned away.
    CHECK(deepest <= mailbox_max + senders);
    for (const auto& one : {flooded, neighbour, guest})
      caf::anon_send_exit(one, caf::exit_reason::kill);
    caf::scoped_actor waiter{system};
    waiter->wait_for(flooded, neighbour, guest);
    addresses.clear();
  }
  std::sort(took.begin(), took.end());
  REQUIRE(took.size() > 100);
  auto p99 = took[took.size() * 99 / 100];
  WARN("M1: " << messages << " messages, " << processed << " taken, "
              << rejected << " turned away; the neighbour's p99 " << p99
              << " s, worst " << took.back() << " s; "
              << (most_bytes - std::min(bytes_before, most_bytes)) / 1'048'576
              << " MiB more");
  CHECK(rejected > 0);
  CHECK(processed + rejected <= messages);
  CHECK(p99 <= 0.1);
  CHECK(most_bytes < bytes_before + 64ull * 1'048'576);
}
