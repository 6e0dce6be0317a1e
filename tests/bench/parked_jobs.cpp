// Runs that wait for a signal: what they cost while they wait, how soon the
// server is back after a kill, how fast all go on, and whether each goes on
// exactly once.

#include "tests/bench/costs.hpp"
#include "tests/bench/errands.hpp"
#include "tests/bench/jobs.hpp"
#include "tests/bench/peer_process.hpp"
#include "tests/bench/quantile.hpp"

#include <algorithm>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr int clients = 256;
/// Until runs that wait have left memory, and until counters are flushed.
constexpr auto settle_most = 60s;
constexpr auto watch_time = 10s;
/// A session that rests tells its counts after so long; until then they lag.
constexpr auto flush_time = 11s;
constexpr auto patience = 600s;

double seconds_since(steady::time_point then) {
  return std::chrono::duration<double>(steady::now() - then).count();
}

constexpr double mib = 1'024 * 1'024;

struct memory {
  double peer = 0;
  double postgres = 0;
};

memory memory_of(const peer_process& peer) {
  return {static_cast<double>(memory_bytes(peer.pid())) / mib,
          static_cast<double>(family_memory_bytes(peer.postgres_pid())) / mib};
}

void post_all(peer_process& peer, errands& all) {
  load_client load{peer.port(), clients};
  if (!all.run(load, steady::now() + patience))
    throw std::runtime_error{std::to_string(all.left())
                             + " requests were never answered"};
}

void post_all(peer_process& peer, const std::string& route, int from, int to,
              errands& all) {
  for (int i = from; i < to; ++i)
    all.add("/" + route + "/" + std::to_string(i));
  post_all(peer, all);
}

/// Waits until nothing works any more: the CPU of server and database rests.
void settle(const peer_process& peer) {
  auto due = steady::now() + settle_most;
  auto busy = [&] {
    auto spent
        = cpu_seconds(peer.pid()) + family_cpu_seconds(peer.postgres_pid());
    std::this_thread::sleep_for(1s);
    return cpu_seconds(peer.pid()) + family_cpu_seconds(peer.postgres_pid())
               - spent
           > 0.02;
  };
  while (busy() && steady::now() < due) {
  }
}

/// What it costs to wait, over `watch_time`.
json watch(const peer_process& peer, double runs) {
  std::this_thread::sleep_for(flush_time);
  auto db = must(peer.database());
  auto counts = must(read_counts(db));
  auto server = cpu_seconds(peer.pid());
  auto postgres = family_cpu_seconds(peer.postgres_pid());
  std::this_thread::sleep_for(watch_time);
  server = cpu_seconds(peer.pid()) - server;
  postgres = family_cpu_seconds(peer.postgres_pid()) - postgres;
  // The reading of the counters is one of them.
  auto transactions = must(read_counts(db)).transactions - counts.transactions;
  std::chrono::duration<double> length = watch_time;
  return {{"cores_server", server / length.count()},
          {"cores_postgres", postgres / length.count()},
          {"transactions", transactions},
          {"transactions_per_run", static_cast<double>(transactions) / runs}};
}

/// Signals runs `from` to `to` and waits until the line of each is there.
double signal_all(peer_process& peer, int from, int to, line_ledger& lines,
                  json& into) {
  auto before = lines.read().size();
  auto begun = steady::now();
  errands signals;
  post_all(peer, "signal", from, to, signals);
  auto told = seconds_since(begun);
  auto whole = lines.await(before + static_cast<std::size_t>(to - from), 120s);
  auto took = seconds_since(begun);
  into["signals_per_s"] = (to - from) / told;
  into["completed_per_s"] = whole ? (to - from) / took : 0;
  into["refused"] = signals.refused();
  return whole ? (to - from) / took : 0;
}

struct parked_figures {
  std::vector<double> memory_mib, postgres_mib, cores, per_run, peer_back,
      postgres_back, completed;
  int lost = 0;
  int doubled = 0;
};

void one_round(const job_options& options, int runs, parked_figures& into,
               json& told) {
  peer_process peer{options.peer, options.dir};
  must(peer.start());
  errands warm;
  for (int i = 0; i < 1'000; ++i)
    warm.add("/run/10");
  post_all(peer, warm);
  settle(peer);
  auto none = memory_of(peer);
  errands parks;
  auto begun = steady::now();
  post_all(peer, "park", 0, runs, parks);
  told["parked_per_s"] = runs / seconds_since(begun);
  told["refused"] = parks.refused();
  settle(peer);
  auto all = memory_of(peer);
  auto waiting = watch(peer, runs);
  into.memory_mib.push_back(all.peer - none.peer);
  into.postgres_mib.push_back(all.postgres - none.postgres);
  into.cores.push_back(waiting["cores_server"].get<double>()
                       + waiting["cores_postgres"].get<double>());
  into.per_run.push_back(waiting["transactions_per_run"].get<double>());
  told["waiting"] = std::move(waiting);

  line_ledger lines{peer.effects_file()};
  peer.kill();
  into.peer_back.push_back(must(peer.start()).count());
  into.completed.push_back(
      signal_all(peer, 0, runs / 2, lines, told["after_kill"]));
  begun = steady::now();
  peer.kill_postgres();
  must(peer.await_service());
  into.postgres_back.push_back(seconds_since(begun));
  into.completed.push_back(
      signal_all(peer, runs / 2, runs, lines, told["after_postgres_kill"]));

  std::this_thread::sleep_for(500ms); // A second line would still come.
  for (int i = 0; i < runs; ++i) {
    auto at = lines.read().find(std::to_string(i));
    into.lost += at == lines.read().end();
    into.doubled += at != lines.read().end() && at->second > 1;
  }
}

} // namespace

void measure_parked(const job_options& options, report& into) {
  for (auto runs : options.parked) {
    parked_figures found;
    auto name = std::to_string(runs);
    auto& figures = into.figures["parked"][name];
    for (int round = 0; round < options.rounds; ++round)
      one_round(options, runs, found, figures["rounds"].emplace_back());
    figures["memory_mib_server"] = median(found.memory_mib);
    figures["memory_mib_postgres"] = median(found.postgres_mib);
    figures["back_s"] = median(found.peer_back);
    figures["back_after_postgres_s"] = median(found.postgres_back);
    figures["lost"] = found.lost;
    figures["doubled"] = found.doubled;
    auto title = name + " parked runs";
    if (runs >= 100'000) {
      into.at_most(title + ": memory of the server, MiB more",
                   median(found.memory_mib), 64);
      into.at_most(title + ": cores while waiting", median(found.cores), 0.01);
      into.at_most(title + ": transactions a run in 10 s",
                   median(found.per_run), 0.001);
    }
    into.at_most(title + ", kill -9: s until it serves",
                 median(found.peer_back), runs >= 100'000 ? 1 : 0.3);
    into.at_least(title + ", all signalled: completed/s",
                  median(found.completed), 2'000);
    into.at_most(title + ": lost", found.lost, 0);
    into.at_most(title + ": doubled", found.doubled, 0);
  }
}

void measure_activation(const job_options& options, report& into) {
  constexpr int runs = 2'000;
  std::vector<double> p50, p99;
  for (int round = 0; round < options.rounds; ++round) {
    peer_process peer{options.peer, options.dir};
    must(peer.start());
    errands walks;
    post_all(peer, "walk", 0, runs, walks);
    settle(peer);
    // After a kill nothing of them is in memory.
    peer.kill();
    must(peer.start());
    errands signals;
    for (int i = 0; i < runs; ++i)
      signals.add("/signal/" + std::to_string(i));
    load_client one{peer.port(), 1};
    if (!signals.run(one, steady::now() + patience))
      throw std::runtime_error{"signals were never answered"};
    p50.push_back(quantile(signals.took_us(), 0.5) / 1'000);
    p99.push_back(quantile(signals.took_us(), 0.99) / 1'000);
  }
  into.figures["activation"]
      = {{"p50_ms", median(p50)}, {"p99_ms", median(p99)}};
  into.at_most("signal to a run with 20 facts that is not in memory, to its "
               "acknowledgement: p99, ms",
               median(p99), 5);
}

} // namespace shannon::bench
