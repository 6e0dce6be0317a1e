// Faults of what nodes stand on: Postgres and Redis.

#include "actors/store/server_process.hpp"
#include "tests/integration/faults/storm.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"

#include <csignal>
#include <string_view>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <vector>

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

void storm::exhaust_connections() {
  auto before = ready_nodes().size();
  int turned_away = 0;
  for (auto& one : wires_) {
    turned_away -= one->turned_away();
    one->turn_away();
  }
  pause(milliseconds{draw(2'000, 6'000)});
  for (auto& one : wires_) {
    turned_away += one->turned_away();
    one->cut();
  }
  // The fault fell, and nobody asked without end.
  CHECK(turned_away > 0);
  CHECK(turned_away < 1'000);
  time_ready(before);
}

/// Each statement that writes fails as those do that met another one. A
/// sequence counts also what is rolled back.
void storm::prepare_failing_statements() {
  run_sql(audit_->db(), R"sql(
    create sequence statements_failed;
    create table statements_fail (share float8);
    insert into statements_fail values (0);
    create function fail_some() returns trigger
      language plpgsql security definer
      set search_path from current as $$
    begin
      if random() < (select share from statements_fail) then
        perform nextval('statements_failed');
        raise exception 'planted' using errcode =
          (array['40001', '40P01', '55P03'])[1 + floor(random() * 3)::int];
      end if;
      return null;
    end $$;
    do $$ declare written text; begin
      foreach written in array array['facts', 'heads', 'active', 'blobs',
                                     'blob_refs', 'shards', 'nodes', 'sessions']
      loop
        execute format('create trigger fail_some before insert or update or '
                       'delete on %I for each statement '
                       'execute function fail_some()', written);
      end loop;
    end $$;)sql");
}

void storm::fail_statements() {
  auto fallen = [this] {
    return audit_->number("select case when is_called then last_value else 0 "
                          "end from statements_failed");
  };
  auto before = fallen();
  auto percent = draw(2, 10);
  run_sql(audit_->db(), "update statements_fail set share = "
                            + std::to_string(percent) + " / 100.0");
  pause(milliseconds{draw(4'000, 7'000)});
  run_sql(audit_->db(), "update statements_fail set share = 0");
  CHECK(fallen() > before);
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

/// Nobody waits for it: each node counts alone meanwhile.
void storm::freeze_redis() {
  auto until
      = std::chrono::steady_clock::now() + milliseconds{draw(2'000, 4'000)};
  ::kill(redis_->pid(), SIGSTOP);
  std::vector<double> took;
  while (std::chrono::steady_clock::now() < until)
    for (unsigned i = 0; i < nodes_max; ++i) {
      auto since = std::chrono::steady_clock::now();
      cluster_->page(i, "/api/v1/tasks?limit=1", false);
      took.push_back(std::chrono::duration<double>(
                         std::chrono::steady_clock::now() - since)
                         .count());
      pause(50ms);
    }
  ::kill(redis_->pid(), SIGCONT);
  // Who waited for it would do so for each.
  CHECK(quantile(std::move(took), 0.5) <= 0.5);
}

void storm::flush_redis() {
  constexpr std::string_view scheme = "unix://";
  auto path = redis_->url().substr(scheme.size());
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof where.sun_path);
  path.copy(where.sun_path, path.size());
  auto wire = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  CHECK(::connect(wire, reinterpret_cast<sockaddr*>(&where), sizeof where)
        == 0);
  constexpr std::string_view order = "FLUSHALL\r\n";
  CHECK(::send(wire, order.data(), order.size(), MSG_NOSIGNAL)
        == static_cast<ssize_t>(order.size()));
  std::string answer(5, '\0');
  CHECK(::recv(wire, answer.data(), answer.size(), MSG_WAITALL)
        == static_cast<ssize_t>(answer.size()));
  CHECK(answer == "+OK\r\n");
  ::close(wire);
}

} // namespace shannon::test
