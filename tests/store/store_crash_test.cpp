#include "actors/store/append_writer.hpp"
#include "actors/store/log_queries.hpp"
#include "actors/store/pg_connection.hpp"
#include "actors/store/reader_pool.hpp"
#include "actors/store/server_process.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <thread>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::fresh_database;
using test::next_of;
using test::postgres_server;
using test::store_node;

/// Threads that end with the test, also when it fails half-way.
struct crew {
  std::atomic<bool> stop{false};
  std::vector<std::thread> threads;

  ~crew() {
    join();
  }
  void join() {
    stop = true;
    for (auto& one : threads)
      if (one.joinable())
        one.join();
  }
};

/// One log and the client that fills it, one append after the other. After
/// an answer that does not tell, it reads the log, as a WORKFLOW would.
struct writer {
  std::string log;
  log_tail tail;
  /// Facts the store acknowledged, and those the client then found.
  std::vector<std::string> sure;
  std::uint32_t unsure = 0;
  std::uint32_t conflicts = 0;

  void run(store_node& node, const std::atomic<bool>& stop, int facts_max) {
    for (int i = 0; i < facts_max && !stop;) {
      auto fact = log + " #" + std::to_string(i);
      auto what = i == 0 ? birth_of(log, fact) : next_of(log, tail, fact);
      auto got = node.ask<append_receipt>(std::move(what));
      if (got) {
        tail = got->tail;
        sure.push_back(fact);
        ++i;
      } else if (got.error().code == errc::timeout) {
        ++unsure;
        auto image = node.ask<log_image>(open_log{log_id{log}});
        if (image && image->head.tail.version > tail.version) {
          tail = image->head.tail;
          sure.push_back(fact);
          ++i;
        }
      } else if (got.error().code != errc::unavailable) {
        ++conflicts;
        return;
      }
    }
  }
};

void check_log(store_node& node, const writer& who) {
  auto image = node.ask<log_image>(open_log{log_id{who.log}});
  REQUIRE(image);
  std::vector<std::string> stored;
  for (const auto& fact : image->facts)
    stored.push_back(fact.bytes);
  CHECK(stored == who.sure);
  CHECK(image->head.tail.version == who.tail.version);
  CHECK(image->head.tail.chain == who.tail.chain);
}

double sample(const std::string& text, const std::string& name) {
  auto at = text.find("\n" + name + " ");
  return at == std::string::npos ? 0
                                 : std::stod(text.substr(at + name.size() + 2));
}

} // namespace

TEST_CASE("64 logs filled at once are gapless, and share their commits") {
  store_node node{fresh_database()};
  REQUIRE(node.claim());
  std::atomic<bool> stop{false};
  std::vector<writer> all(64);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].log = "task-" + std::to_string(i);
    threads.emplace_back([&, i] { all[i].run(node, stop, 20); });
  }
  for (auto& one : threads)
    one.join();
  for (const auto& one : all) {
    CHECK(one.sure.size() == 20);
    CHECK(one.conflicts == 0);
    check_log(node, one);
  }
  auto text = node.registry.render();
  auto groups = sample(text, "shannon_store_group_appends_count");
  auto appends = sample(text, "shannon_store_group_appends_sum");
  CHECK(appends == 64 * 20);
  CHECK(groups < appends / 2);
  CHECK(sample(text, "shannon_store_groups_split_total") == 0);
}

TEST_CASE("two appends to one log sent at once go one after the other") {
  store_node node{fresh_database()};
  REQUIRE(node.claim());
  auto first = birth_of("task-1", "1");
  log_tail tail{1, chain(chain_origin(log_id{"task-1"}), 1, "1")};
  auto one = node.start<append_receipt>(first);
  auto two = node.start<append_receipt>(next_of("task-1", tail, "2"));
  CHECK(one.get());
  CHECK(two.get());
}

TEST_CASE("a postmaster killed under load costs no acknowledged append") {
  auto& server = postgres_server::shared();
  store_node node{fresh_database()};
  REQUIRE(node.claim());
  std::vector<writer> all(32);
  crew clients;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].log = "task-" + std::to_string(i);
    clients.threads.emplace_back(
        [&, i] { all[i].run(node, clients.stop, 1'000'000); });
  }
  auto facts = [&] {
    return sample(node.registry.render(), "shannon_store_facts_total");
  };
  auto unclear = [&] {
    return sample(node.registry.render(),
                  "shannon_store_commits_unclear_total");
  };
  // Three times, and on until one has met a commit.
  for (int kill = 0; kill < 3 || (unclear() == 0 && kill < 20); ++kill) {
    // Only once it works again: so it does recover by itself, each time.
    auto before = facts();
    auto due = std::chrono::steady_clock::now() + 30s;
    while (facts() < before + 500 && std::chrono::steady_clock::now() < due)
      std::this_thread::sleep_for(5ms);
    REQUIRE(facts() >= before + 500);
    server.kill();
    server.restart();
  }
  auto after = facts();
  auto due = std::chrono::steady_clock::now() + 30s;
  while (facts() < after + 500 && std::chrono::steady_clock::now() < due)
    std::this_thread::sleep_for(5ms);
  CHECK(facts() >= after + 500);
  clients.join();
  std::uint32_t conflicts = 0;
  for (const auto& one : all) {
    conflicts += one.conflicts;
    check_log(node, one);
  }
  CHECK(conflicts == 0);
  CHECK(unclear() > 0);
}

TEST_CASE("a frozen database is told as unavailable in time, then used again") {
  auto& server = postgres_server::shared();
  config::store_settings settings;
  settings.outage_wait = 500ms;
  settings.connect_timeout = 300ms;
  settings.statement_timeout = 500ms;
  store_node node{fresh_database(), settings};
  REQUIRE(node.claim());
  REQUIRE(node.ask<append_receipt>(birth_of("task-1")));
  // The postmaster and each session: they have process groups of their own.
  auto frozen = store::processes_in(server.data_dir());
  for (auto one : frozen)
    ::kill(one, SIGSTOP);
  auto start = std::chrono::steady_clock::now();
  auto in_flight = node.start<append_receipt>(birth_of("task-2"));
  auto read = node.start<log_head>(get_head{log_id{"task-1"}});
  std::vector<std::future<result<append_receipt>>> queued;
  for (int i = 3; i < 20; ++i)
    queued.push_back(
        node.start<append_receipt>(birth_of("task-" + std::to_string(i))));
  auto first = in_flight.get();
  REQUIRE_FALSE(first);
  CHECK((first.error().code == errc::timeout
         || first.error().code == errc::unavailable));
  CHECK(first.error().retryable);
  auto head = read.get();
  REQUIRE_FALSE(head);
  CHECK(head.error().code == errc::unavailable);
  for (auto& one : queued) {
    auto got = one.get();
    REQUIRE_FALSE(got);
    CHECK(got.error().retryable);
  }
  CHECK(std::chrono::steady_clock::now() - start < 6s);
  for (auto one : frozen)
    ::kill(one, SIGCONT);
  auto due = std::chrono::steady_clock::now() + 20s;
  auto alive = [&] { return node.ask<pong>(ping{}).has_value(); };
  while (!alive() && std::chrono::steady_clock::now() < due) {
  }
  CHECK(alive());
  CHECK(node.ask<append_receipt>(birth_of("task-99")));
}

TEST_CASE("an append that fails in its group does not fail the others") {
  auto dsn = fresh_database();
  store_node node{dsn};
  REQUIRE(node.claim());
  std::vector<log_tail> tails;
  for (int i = 0; i < 8; ++i) {
    auto got = node.ask<append_receipt>(birth_of("task-" + std::to_string(i)));
    REQUIRE(got);
    tails.push_back(got->tail);
  }
  // Two that put a row of facts where the next append belongs, and have not
  // decided yet: who meets them waits.
  auto stray = [&](const std::string& log) {
    auto db = pg_connection::open({dsn});
    REQUIRE(db);
    REQUIRE(db->exec("begin; insert into facts (log_no, chain, at, first, "
                     "last, epoch, facts) select log_no, 0, now(), 2, 2, 0, "
                     "'stray' from heads where log_id = '"
                     + log + "'"));
    return std::move(*db);
  };
  auto before_0 = stray("task-0");
  auto before_3 = stray("task-3");
  auto watch = pg_connection::open({dsn});
  REQUIRE(watch);
  std::vector<std::future<result<append_receipt>>> all;
  auto send = [&](std::size_t i) {
    all.push_back(node.start<append_receipt>(
        next_of("task-" + std::to_string(i), tails[i], "next")));
  };
  auto until = [](auto true_yet) {
    auto due = std::chrono::steady_clock::now() + 5s;
    while (!true_yet() && std::chrono::steady_clock::now() < due)
      std::this_thread::sleep_for(1ms);
    return true_yet();
  };
  auto one_waits = [&] {
    auto waits = watch->exec("select 1 from pg_stat_activity where "
                             "datname = current_database() and "
                             "wait_event_type = 'Lock'");
    return waits && waits->size() == 1;
  };
  // A group of one waits while the next one gathers.
  send(0);
  REQUIRE(until(one_waits));
  for (std::size_t i = 1; i < tails.size(); ++i)
    send(i);
  REQUIRE(until([&] {
    return sample(node.registry.render(), "shannon_store_appends_waiting") == 7;
  }));
  REQUIRE(before_0.exec("rollback"));
  CHECK(all[0].get());
  REQUIRE(until(one_waits));
  REQUIRE(before_3.exec("commit"));
  for (std::size_t i = 1; i < all.size(); ++i) {
    auto got = all[i].get();
    if (i == 3) {
      REQUIRE_FALSE(got);
      CHECK(got.error().code == errc::conflict);
    } else {
      REQUIRE(got);
      CHECK(got->tail.version == 2);
    }
  }
  CHECK(sample(node.registry.render(), "shannon_store_groups_split_total")
        == 1);
}

TEST_CASE("threads that stop answer everybody, each once") {
  metrics::registry registry;
  metrics::store_metrics counts{registry};
  auto context = std::make_shared<const store_context>(store_context{
      {}, fresh_database(), std::make_shared<kit::owned_shards>(), counts, {}});
  context->owned->hold_until(kit::owned_shards::clock::time_point::max());
  for (std::uint32_t shard = 0; shard < 256; ++shard)
    context->owned->gain({{shard, 1}});
  constexpr std::size_t count = 2'000;
  std::vector<std::atomic<int>> appended(count);
  std::vector<std::atomic<int>> read(count);
  {
    append_writer writer{context};
    reader_pool readers{context};
    for (std::size_t i = 0; i < count; ++i) {
      auto log = "task-" + std::to_string(i);
      writer.submit({birth_of(log), [&, i](auto) { ++appended[i]; }});
      readers.submit<log_head>(
          "get_head", {},
          [log](pg_connection& db) { return read_head(db, log_id{log}); },
          [&, i](auto) { ++read[i]; });
    }
  }
  auto once = [](const std::atomic<int>& times) { return times == 1; };
  CHECK(std::all_of(appended.begin(), appended.end(), once));
  CHECK(std::all_of(read.begin(), read.end(), once));
}

TEST_CASE("above its limits the store says overloaded") {
  config::store_settings settings;
  settings.queue_max = 4;
  settings.group_max = 1;
  store_node node{fresh_database(), settings};
  REQUIRE(node.claim());
  std::vector<std::future<result<append_receipt>>> all;
  for (int i = 0; i < 500; ++i)
    all.push_back(
        node.start<append_receipt>(birth_of("task-" + std::to_string(i))));
  int taken = 0;
  int refused = 0;
  for (auto& one : all) {
    auto got = one.get();
    if (got)
      ++taken;
    else if (got.error().code == errc::overloaded)
      ++refused;
  }
  CHECK(taken > 0);
  CHECK(refused > 0);
  CHECK(taken + refused == 500);
}

} // namespace shannon::store
