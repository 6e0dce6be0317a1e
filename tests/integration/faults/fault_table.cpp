// Each fault, made and healed.

#include "tests/integration/faults/fault_table.hpp"

#include "actors/store/server_process.hpp"
#include "tests/integration/faults/storm.hpp"
#include "tests/kit/postgres_fixture.hpp"

#include <csignal>

namespace shannon::test {

using namespace std::chrono_literals;

namespace {

/// Longer than a lease and than what the others need to take over.
constexpr int long_sleep_ms = 4'000;

void signal_postgres(int number) {
  for (auto one : store::processes_in(postgres_server::shared().data_dir()))
    ::kill(one, number);
}

} // namespace

const std::vector<fault>& fault_table() {
  static const std::vector<fault> all{
      {"K2", "SIGKILL of a node, started again after 0-3 s", &storm::kill_one,
       true, false, 5},
      {"K3", "SIGKILL of two nodes, then of the third; all started again",
       &storm::kill_two_then_all, true, false, 10},
      {"K4", "SIGTERM of a node, started again", &storm::end_one_in_order,
       false, false, 0},
      {"Z1", "SIGSTOP of a node for 1-10 s", &storm::freeze_one, true, true,
       10},
      {"N2",
       "a node's wire to Postgres holds everything for 1-8 s, then "
       "breaks",
       &storm::cut_one_from_postgres, true, true, 10},
      {"N5", "links with a delay of 5-300 ms, and resets",
       &storm::disturb_links, true, false, 0},
      {"D1-fast", "Postgres is restarted in order",
       &storm::restart_postgres_fast, true, false, 0},
      {"D1-immediate", "Postgres is restarted at once (SIGQUIT)",
       &storm::restart_postgres_at_once, true, false, 0},
      {"D1-kill", "SIGKILL of the postmaster, and a start",
       &storm::kill_postgres, true, false, 0},
      {"D2", "SIGSTOP of all processes of Postgres for 1-5 s",
       &storm::freeze_postgres, true, true, 0},
      {"D5", "a node's answers from Postgres are held, then the wire breaks",
       &storm::lose_acknowledgements, true, false, 0},
      {"R1", "SIGKILL of Redis, started again after 2 s", &storm::kill_redis,
       false, false, 0},
  };
  return all;
}

void storm::kill_one() {
  auto node = draw_node();
  auto away = milliseconds{draw(0, 3'000)};
  cluster_->kill(node);
  until_us_ = unix_now_us();
  pause(away);
  start(node);
}

void storm::kill_two_then_all() {
  auto last = draw_node();
  auto between = milliseconds{draw(0, 1'500)};
  auto away = milliseconds{draw(0, 1'000)};
  for (unsigned i = 0; i < 3; ++i)
    if (i != last)
      cluster_->kill(i);
  pause(between);
  cluster_->kill(last);
  until_us_ = unix_now_us();
  pause(away);
  able_us_ = unix_now_us();
  for (unsigned i = 0; i < 3; ++i)
    start(i);
}

void storm::end_one_in_order() {
  auto node = draw_ready_node();
  auto end = cluster_->stop(node);
  INFO(end.err);
  CHECK(end.code == 0);
  start(node);
}

void storm::freeze_one() {
  auto node = draw_ready_node();
  auto asleep = draw(1'000, 10'000);
  auto before = refusals(node);
  cluster_->signal(node, SIGSTOP);
  pause(milliseconds{asleep});
  cluster_->signal(node, SIGCONT);
  until_us_ = unix_now_us();
  if (asleep >= long_sleep_ms)
    await_refusals(node, before);
}

void storm::cut_one_from_postgres() {
  auto node = draw_ready_node();
  auto away = milliseconds{draw(1'000, 8'000)};
  wires_[node]->hold_requests();
  wires_[node]->hold_answers();
  pause(away);
  wires_[node]->cut();
}

void storm::disturb_links() {
  for (int i = 0; i < 6; ++i) {
    for (auto& one : detours_)
      one->delay(milliseconds{draw(5, 300)});
    pause(700ms);
    detours_[draw_node()]->reset();
  }
  int used = 0;
  for (auto& one : detours_) {
    one->delay(0ms);
    used += one->bytes() > 0;
  }
  // Of two nodes one calls the other: all links go this way.
  CHECK(used >= 2);
}

void storm::restart_postgres_fast() {
  auto before = ready_nodes().size();
  postgres_server::shared().restart();
  time_ready(before);
}

void storm::restart_postgres_at_once() {
  auto before = ready_nodes().size();
  ::kill(postgres_server::shared().pid(), SIGQUIT);
  postgres_server::shared().restart();
  time_ready(before);
}

void storm::kill_postgres() {
  auto before = ready_nodes().size();
  postgres_server::shared().kill();
  postgres_server::shared().restart();
  time_ready(before);
}

void storm::freeze_postgres() {
  auto before = ready_nodes().size();
  auto asleep = milliseconds{draw(1'000, 5'000)};
  signal_postgres(SIGSTOP);
  pause(asleep);
  signal_postgres(SIGCONT);
  time_ready(before);
}

void storm::lose_acknowledgements() {
  auto of = ready_nodes();
  auto before = doubts(of);
  // Until it fell between a commit and its answer; the check is that it did.
  for (int i = 0; i < 5 || (i < 25 && doubts(of) <= before); ++i) {
    auto node = draw_node();
    auto held = milliseconds{draw(100, 400)};
    wires_[node]->hold_answers();
    pause(held);
    wires_[node]->cut();
    pause(milliseconds{draw(100, 500)});
  }
  doubts_ += doubts(of) - before;
}

void storm::kill_redis() {
  ::kill(redis_->pid(), SIGKILL);
  pause(2s);
  redis_.reset(); // gives the folder free
  prepare_redis();
}

} // namespace shannon::test
