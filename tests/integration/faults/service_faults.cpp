// Faults of what nodes stand on: Postgres and Redis.

#include "actors/store/server_process.hpp"
#include "tests/integration/faults/storm.hpp"
#include "tests/kit/postgres_fixture.hpp"

#include <csignal>

namespace shannon::test {

using namespace std::chrono_literals;

namespace {

void signal_postgres(int number) {
  for (auto one : store::processes_in(postgres_server::shared().data_dir()))
    ::kill(one, number);
}

} // namespace

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
