// How many workflows a second, how long each takes, what each costs.

#include "tests/bench/costs.hpp"
#include "tests/bench/jobs.hpp"
#include "tests/bench/limits.hpp"
#include "tests/bench/load_client.hpp"
#include "tests/bench/peer_process.hpp"
#include "tests/bench/quantile.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;

/// What was measured with so many clients, one entry a round.
struct series {
  std::vector<double> per_second, p50_ms, p99_ms, server_cpu_ms,
      postgres_cpu_ms, client_cpu_ms, wal_bytes, facts_per_s, group;
};

struct loaded_peer {
  explicit loaded_peer(const job_options& options)
      : process(options.peer, options.dir) {
    must(process.start());
    db.emplace(must(process.database()));
    yardstick.emplace(must(limits::open(process.dsn())));
  }
  peer_process process;
  std::optional<store::pg_connection> db;
  std::optional<limits> yardstick;
};

/// What the EVENT STORE has appended so far, by its own count.
struct appended {
  explicit appended(const peer_process& peer)
      : facts(peer.counter("shannon_store_facts_total")),
        appends(peer.counter("shannon_store_group_appends_sum")),
        groups(peer.counter("shannon_store_group_appends_count")) {}
  double facts;
  double appends;
  double groups;
};

/// One closed loop over `path`, warmed up, then `time` long. Every answer must
/// be `expected`.
void measure(loaded_peer& peer, const std::string& path,
             const std::string& expected, int clients,
             std::chrono::milliseconds time, series& into) {
  std::vector<double> took;
  std::string wrong;
  load_work work;
  work.next = [&] { return load_request{post_request(path)}; };
  work.answered = [&](const load_request&, const http_reply& reply) {
    if (reply.status != 200 || reply.body != expected)
      wrong = path + " answered " + std::to_string(reply.status) + ", \""
              + std::string{reply.body} + "\" for \"" + expected + '"';
    took.push_back(reply.took_us);
  };
  load_client load{peer.process.port(), clients};
  load.run(work, std::chrono::steady_clock::now() + time / 4);
  took.clear();
  auto postgres = peer.process.postgres_pid();
  auto counts = must(read_counts(*peer.db));
  auto stored = appended(peer.process);
  auto server_cpu = cpu_seconds(peer.process.pid());
  auto postgres_cpu = family_cpu_seconds(postgres);
  auto client_cpu = own_cpu_seconds();
  auto begun = std::chrono::steady_clock::now();
  load.run(work, begun + time);
  std::chrono::duration<double> length
      = std::chrono::steady_clock::now() - begun;
  client_cpu = own_cpu_seconds() - client_cpu;
  server_cpu = cpu_seconds(peer.process.pid()) - server_cpu;
  postgres_cpu = family_cpu_seconds(postgres) - postgres_cpu;
  auto now_stored = appended(peer.process);
  auto wal = must(read_counts(*peer.db)).wal_bytes - counts.wal_bytes;
  if (!wrong.empty())
    throw std::runtime_error{wrong};
  auto done = static_cast<double>(took.size());
  if (took.empty())
    throw std::runtime_error{path + " was not answered once"};
  into.per_second.push_back(done / length.count());
  into.p50_ms.push_back(quantile(took, 0.5) / 1'000);
  into.p99_ms.push_back(quantile(took, 0.99) / 1'000);
  into.server_cpu_ms.push_back(server_cpu / done * 1'000);
  into.postgres_cpu_ms.push_back(postgres_cpu / done * 1'000);
  into.client_cpu_ms.push_back(client_cpu / done * 1'000);
  into.wal_bytes.push_back(static_cast<double>(wal) / done);
  into.facts_per_s.push_back((now_stored.facts - stored.facts)
                             / length.count());
  into.group.push_back((now_stored.appends - stored.appends)
                       / std::max(now_stored.groups - stored.groups, 1.0));
}

json to_json(const series& one) {
  return {{"per_s", median(one.per_second)},
          {"p50_ms", median(one.p50_ms)},
          {"p99_ms", median(one.p99_ms)},
          {"cpu_ms_server", median(one.server_cpu_ms)},
          {"cpu_ms_postgres", median(one.postgres_cpu_ms)},
          {"cpu_ms_client", median(one.client_cpu_ms)},
          {"wal_bytes", median(one.wal_bytes)},
          {"facts_per_s", median(one.facts_per_s)},
          {"appends_in_a_group", median(one.group)}};
}

double cpu_ms(const series& one) {
  return median(one.server_cpu_ms) + median(one.postgres_cpu_ms);
}

struct rates {
  std::map<int, series> by_clients;
  double commits_1 = 0;
  double commits_64 = 0;
  /// Durable rows in groups of the size seen with the most clients.
  double batched_rows = 0;
};

/// Rounds over all numbers of clients, with the limits measured in between.
rates measure_rates(const job_options& options, const std::string& path,
                    const std::string& expected, json& into) {
  loaded_peer peer{options};
  rates found;
  std::vector<double> commits_1, commits_64;
  for (int round = 0; round < options.rounds; ++round) {
    commits_1.push_back(peer.yardstick->commits_per_second(1, 1s));
    commits_64.push_back(peer.yardstick->commits_per_second(64, 1s));
    for (auto clients : options.clients)
      measure(peer, path, expected, clients, options.time,
              found.by_clients[clients]);
  }
  found.commits_1 = median(commits_1);
  found.commits_64 = median(commits_64);
  auto group = median(found.by_clients.rbegin()->second.group);
  found.batched_rows = peer.yardstick->rows_per_second(
      std::max(static_cast<int>(group), 1), 2s);
  into["commits_per_s"] = {{"1", found.commits_1}, {"64", found.commits_64}};
  into["batched_rows_per_s"] = found.batched_rows;
  for (const auto& [clients, one] : found.by_clients)
    into["clients"][std::to_string(clients)] = to_json(one);
  return found;
}

/// Rate at 256 clients against the best at any number.
void no_collapse(const rates& all, const char* name, report& into) {
  if (all.by_clients.size() < 2 || all.by_clients.count(256) == 0)
    return;
  double best = 0;
  for (const auto& [clients, one] : all.by_clients)
    best = std::max(best, median(one.per_second));
  into.at_least(std::string{name} + ": rate at 256 clients of the best at any",
                median(all.by_clients.at(256).per_second) / best, 0.9);
}

void one_client(const rates& all, const char* name, double commits_max,
                report& into) {
  auto at = all.by_clients.find(1);
  if (at == all.by_clients.end())
    return;
  auto p50 = median(at->second.p50_ms);
  into.at_most(std::string{name} + ", 1 client: p50 in single commits",
               p50 * all.commits_1 / 1'000, commits_max);
  into.at_most(std::string{name} + ", 1 client: p99 in p50",
               median(at->second.p99_ms) / p50, 3);
}

} // namespace

void measure_one_step(const job_options& options, report& into) {
  auto& figures = into.figures["steps1"];
  auto all = measure_rates(options, "/run/1", "1\n", figures);
  one_client(all, "1 step", 4, into);
  no_collapse(all, "1 step", into);
  auto at = all.by_clients.find(256);
  if (at == all.by_clients.end())
    return;
  const auto& busy = at->second;
  into.at_least("1 step, 256 clients: workflows/s", median(busy.per_second),
                10'000);
  into.at_most("1 step, 256 clients: p99, ms", median(busy.p99_ms), 60);
  into.at_most("1 step, 256 clients: WAL, bytes", median(busy.wal_bytes),
               1'024);
}

void measure_ten_steps(const job_options& options, report& into) {
  auto& figures = into.figures["steps10"];
  auto all = measure_rates(options, "/run/10", "10\n", figures);
  one_client(all, "10 steps", 17, into);
  no_collapse(all, "10 steps", into);
  auto at = all.by_clients.find(256);
  if (at == all.by_clients.end())
    return;
  const auto& busy = at->second;
  auto rate = median(busy.per_second);
  into.at_least("10 steps, 256 clients: workflows/s", rate, 2'500);
  into.at_least("10 steps, 256 clients: steps/s in single commits/s at 64",
                rate * 10 / all.commits_64, 2);
  into.at_least("10 steps, 256 clients: facts/s in batched durable rows/s of "
                "the same group",
                median(busy.facts_per_s) / all.batched_rows, 0.8);
  into.at_most("10 steps, 256 clients: CPU, ms", cpu_ms(busy), 0.5);
  into.at_most("10 steps, 256 clients: WAL, bytes", median(busy.wal_bytes),
               3.5 * 1'024);
}

void measure_fan(const job_options& options, report& into) {
  job_options alone = options;
  alone.clients = {1};
  auto all = measure_rates(alone, "/fan/100", "5050\n", into.figures["fan"]);
  into.at_most("fan-out of 100 steps: p50, ms",
               median(all.by_clients.at(1).p50_ms), 6);
}

void measure_child_runs(const job_options& options, report& into) {
  job_options alone = options;
  alone.clients = {1};
  auto all = measure_rates(alone, "/fanwf/100", "100\n", into.figures["fanwf"]);
  into.at_most("fan-out of 100 child runs: p50, ms",
               median(all.by_clients.at(1).p50_ms), 15);
}

} // namespace shannon::bench
