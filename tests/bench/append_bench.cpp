// Facts a second through the store's appender at 1, 16, 64 and 256 logs, each
// log with one append in flight, against what this Postgres can commit at
// all: single-row inserts on 1 and on 64 connections, and rows in groups of the
// size then seen. With what an append costs: processor time of this process
// and of Postgres, bytes of WAL. The same again through the EVENT STORE's
// mailbox shows what the actors cost. Prints one JSON object.

#include "actors/kit/actor_base.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/store/append_writer.hpp"
#include "actors/store/event_store.hpp"
#include "actors/store/log_queries.hpp"
#include "actors/store/pg_connection.hpp"
#include "tests/bench/bench_database.hpp"
#include "tests/bench/costs.hpp"
#include "tests/bench/limits.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;

namespace {

using bench_clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds span = 3s;
constexpr std::size_t fact_bytes = 300;

[[noreturn]] void die(const error& why) {
  std::fprintf(stderr, "append_bench: %s\n", why.text.c_str());
  std::exit(1);
}

store::append next_append(const log_id& log, store::log_tail tail) {
  store::append what;
  what.log = log;
  what.expected = tail;
  if (tail.version == 0)
    what.birth
        = store::log_birth{"workflow", {}, tenant_id{"t"}, user_id{"u"}, {}};
  what.facts = {std::string(fact_bytes, 'f')};
  return what;
}

/// Logs that each append again as soon as they are answered. Touched by one
/// thread, once they have begun.
class fillers {
public:
  using sender = std::function<void(
      store::append, std::function<void(result<store::append_receipt>)>)>;

  fillers(int logs, sender send) : running_(logs), send_(std::move(send)) {
    static int round = 0;
    ++round;
    for (int i = 0; i < logs; ++i)
      all_.push_back(
          {log_id{"task-" + std::to_string(round) + "-" + std::to_string(i)},
           {},
           {}});
  }

  void begin() {
    start_ = bench_clock::now();
    for (auto& one : all_)
      next(one);
  }

  /// Waits for `span` and what is then in flight; answers seconds.
  double finish() {
    std::this_thread::sleep_for(span);
    stop_ = true;
    while (running_ != 0)
      std::this_thread::sleep_for(1ms);
    return std::chrono::duration<double>(bench_clock::now() - start_).count();
  }

  std::vector<double>& latencies() {
    return latencies_;
  }

private:
  struct log {
    log_id id;
    store::log_tail tail;
    bench_clock::time_point sent;
  };

  void next(log& one) {
    one.sent = bench_clock::now();
    send_(next_append(one.id, one.tail),
          [this, &one](result<store::append_receipt> got) {
            if (!got)
              die(got.error());
            latencies_.push_back(
                std::chrono::duration<double>(bench_clock::now() - one.sent)
                    .count());
            one.tail = got->tail;
            if (stop_)
              --running_;
            else
              next(one);
          });
  }

  std::atomic<bool> stop_{false};
  std::atomic<int> running_;
  sender send_;
  std::vector<log> all_;
  std::vector<double> latencies_;
  bench_clock::time_point start_;
};

struct sample {
  double facts_per_second = 0;
  double p50_ms = 0;
  double p99_ms = 0;
  double group = 0;
  // Of one append.
  double cpu_us_own = 0;
  double cpu_us_postgres = 0;
  double wal_bytes = 0;
};

/// What all of it has used so far.
struct costs_so_far {
  explicit costs_so_far(const std::string& dsn) {
    auto db = bench::must(store::pg_connection::open({dsn}));
    wal_bytes = bench::must(bench::read_counts(db)).wal_bytes;
    own = bench::own_cpu_seconds();
    postgres = bench::family_cpu_seconds(test::postgres_server::shared().pid());
  }

  double own = 0;
  double postgres = 0;
  std::uint64_t wal_bytes = 0;
};

sample measure(fillers& all, metrics::registry& registry,
               const std::string& dsn, const costs_so_far& before) {
  auto took = all.finish();
  costs_so_far after{dsn};
  auto& times = all.latencies();
  std::sort(times.begin(), times.end());
  auto at = [&](double share) {
    auto last = static_cast<double>(times.size() - 1);
    return times[static_cast<std::size_t>(share * last)] * 1'000;
  };
  auto text = registry.render();
  auto number = [&](const std::string& name) {
    auto where = text.find("\n" + name + " ");
    return where == std::string::npos
               ? 0.0
               : std::stod(text.substr(where + name.size() + 2));
  };
  auto groups = number("shannon_store_group_appends_count");
  auto appends = static_cast<double>(times.size());
  return {appends / took,
          at(0.5),
          at(0.99),
          number("shannon_store_group_appends_sum") / std::max(groups, 1.0),
          (after.own - before.own) * 1e6 / appends,
          (after.postgres - before.postgres) * 1e6 / appends,
          static_cast<double>(after.wal_bytes - before.wal_bytes) / appends};
}

using owned_ptr = std::shared_ptr<kit::owned_shards>;

sample through_appender(const owned_ptr& owned, const std::string& dsn,
                        int logs) {
  metrics::registry registry;
  metrics::store_metrics counts{registry};
  store::append_writer writer{std::make_shared<const store::store_context>(
      store::store_context{{}, dsn, owned, counts, die})};
  fillers all{logs, [&](store::append what, auto done) {
                writer.submit({std::move(what), std::move(done)});
              }};
  costs_so_far before{dsn};
  all.begin();
  return measure(all, registry, dsn, before);
}

/// One actor that asks the EVENT STORE for all logs.
class asker final : public kit::actor_base {
public:
  asker(caf::actor_config& cfg, kit::actor_env& shared, fillers*& all, int logs,
        std::atomic<bool>& ready)
      : actor_base(cfg, shared, {"asker"}, 1'000'000),
        fillers_(logs,
                 [this](store::append what, auto then) {
                   ask<store::append_receipt>({"store"}, std::move(what), 30s,
                                              std::move(then));
                 }),
        ready_(ready) {
    all = &fillers_;
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    fillers_.begin();
    ready_ = true;
  }

private:
  fillers fillers_;
  std::atomic<bool>& ready_;
};

sample through_actors(const owned_ptr& owned, const std::string& dsn,
                      int logs) {
  metrics::registry registry;
  metrics::store_metrics counts{registry};
  kit::directory addresses;
  kit::actor_env env{addresses};
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor owner{system};
  config::store_settings settings;
  settings.dsn = dsn;
  auto hub = store::spawn_store(*owner.ptr(), {env, settings, counts, owned});
  fillers* all = nullptr;
  std::atomic<bool> ready{false};
  costs_so_far before{dsn};
  auto who = system.spawn<asker>(env, all, logs, ready);
  while (!ready)
    std::this_thread::sleep_for(1ms);
  auto got = measure(*all, registry, dsn, before);
  caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(hub, caf::exit_reason::user_shutdown);
  owner->wait_for(who, hub);
  addresses.clear();
  return got;
}

double rounded(double value) {
  return static_cast<double>(static_cast<std::int64_t>(value * 100 + 0.5))
         / 100;
}

} // namespace

int main() {
  bench::database database;
  nlohmann::ordered_json out;
  auto one = database.commits_per_second(1, span);
  auto many = database.commits_per_second(64, span);
  out["commits_per_second"]
      = {{"1_connection", rounded(one)}, {"64_connections", rounded(many)}};
  // All shards as they are: nobody else is here.
  auto owned = std::make_shared<kit::owned_shards>();
  auto raised = store::pg_connection::open({database.dsn()})
                    .and_then([](store::pg_connection db) {
                      return db.exec("update shards set epoch = 1");
                    });
  if (!raised)
    die(raised.error());
  for (std::uint32_t shard = 0; shard < 256; ++shard)
    owned->gain({{shard, 1}});
  owned->hold_until(kit::owned_shards::clock::time_point::max());
  auto best = bench::must(bench::limits::open(database.dsn()));
  auto add = [&](const char* way, int logs, const sample& got) {
    auto batched = best.rows_per_second(
        std::max(static_cast<int>(got.group + 0.5), 1), span);
    out[way][std::to_string(logs) + "_logs"]
        = {{"facts_per_second", rounded(got.facts_per_second)},
           {"p50_ms", rounded(got.p50_ms)},
           {"p99_ms", rounded(got.p99_ms)},
           {"appends_per_group", rounded(got.group)},
           {"cpu_us_own", rounded(got.cpu_us_own)},
           {"cpu_us_postgres", rounded(got.cpu_us_postgres)},
           {"wal_bytes", rounded(got.wal_bytes)},
           {"batched_rows_per_second", rounded(batched)},
           {"ratio_to_batched_rows", rounded(got.facts_per_second / batched)},
           {"ratio_to_1_connection", rounded(got.facts_per_second / one)},
           {"ratio_to_64_connections", rounded(got.facts_per_second / many)}};
  };
  for (int logs : {1, 16, 64, 256})
    add("appender", logs, through_appender(owned, database.dsn(), logs));
  for (int logs : {1, 16, 64, 256})
    add("actors", logs, through_actors(owned, database.dsn(), logs));
  std::printf("%s\n", out.dump(2).c_str());
}
