// Faults of what nodes stand on: Postgres and Redis.

#include "actors/store/server_process.hpp"
#include "nodes/commands/api_client.hpp"
#include "tests/integration/faults/storm.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/nodes/process.hpp"
#include "tests/store/sql.hpp"

#include <csignal>
#include <string_view>
#include <sys/socket.h>
#include <sys/time.h>
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
  auto before = counted("node");
  ::kill(redis_->pid(), SIGKILL);
  check_door(time_answers(2s), before);
  redis_.reset(); // gives the folder free
  prepare_redis();
}

void storm::freeze_redis() {
  auto before = counted("node");
  ::kill(redis_->pid(), SIGSTOP);
  auto took = time_answers(milliseconds{draw(2'000, 4'000)});
  ::kill(redis_->pid(), SIGCONT);
  check_door(std::move(took), before);
}

/// It answers once in half a second, to all who have asked meanwhile.
void storm::slow_redis() {
  auto before = counted("node");
  std::vector<double> took;
  for (int i = draw(4, 8); i > 0; --i) {
    CHECK(ask_redis("CLIENT PAUSE 480 ALL") == "+OK");
    auto more = time_answers(500ms);
    took.insert(took.end(), more.begin(), more.end());
  }
  check_door(std::move(took), before);
}

/// It has no memory left, and gives nothing up for what is new.
void storm::fill_redis() {
  auto before = counted("node");
  CHECK(ask_redis("CONFIG SET maxmemory-policy noeviction") == "+OK");
  CHECK(ask_redis("CONFIG SET maxmemory 1") == "+OK");
  auto took = time_answers(milliseconds{draw(2'000, 4'000)});
  CHECK(ask_redis("CONFIG SET maxmemory "
                  + std::to_string(
                      services::private_redis_options{}.memory_bytes_max))
        == "+OK");
  CHECK(ask_redis("CONFIG SET maxmemory-policy allkeys-lru") == "+OK");
  check_door(std::move(took), before);
}

/// Its script is gone, too: it is sent again, and nobody counts alone.
void storm::flush_redis() {
  auto before = counted("redis");
  CHECK(ask_redis("FLUSHALL") == "+OK");
  CHECK(ask_redis("SCRIPT FLUSH") == "+OK");
  auto until = std::chrono::steady_clock::now() + 10s;
  while (counted("redis") <= before && std::chrono::steady_clock::now() < until)
    time_answers(100ms);
  CHECK(counted("redis") > before);
}

/// A node that asks for credentials and counts requests: where everybody may
/// come in nobody is counted, and Redis not asked.
void storm::prepare_door() {
  auto secrets = redis_folder_ + "/secrets";
  auto made = run_shannon({"keys", "secrets", secrets});
  INFO(made.err);
  REQUIRE(made.code == 0);
  cluster_->guard(door, secrets);
  start(door);
  cluster_->await_ready(door);
  auto key = run_shannon({"keys", "create", "--dsn", cluster_->dsn(),
                          "--secrets", secrets, "--key-name", "storm"});
  INFO(key.err);
  REQUIRE(key.code == 0);
  door_key_ = key.out.substr(0, key.out.find('\n'));
  flush_redis();
}

/// So many requests the door has counted, `redis` or `node`: by itself.
double storm::counted(const std::string& where) {
  return counter(door, "shannon_gateway_rates_counted_total{where=\"" + where
                           + "\"}");
}

/// Seconds that each answer of the door takes, if only to say that it is one
/// too many.
std::vector<double> storm::time_answers(milliseconds how_long) {
  using clock = std::chrono::steady_clock;
  commands::api_client client{
      *commands::parse_server_url("http://127.0.0.1:"
                                  + std::to_string(cluster_->port(door))),
      door_key_};
  std::vector<double> took;
  for (auto until = clock::now() + how_long; clock::now() < until;) {
    auto since = clock::now();
    client.get("/api/v1/tasks?limit=1", since + 10s);
    took.push_back(std::chrono::duration<double>(clock::now() - since).count());
    pause(50ms);
  }
  return took;
}

/// Nobody waits for Redis: who did would do so for each. The node counts alone.
void storm::check_door(std::vector<double> took, double counted_before) {
  CHECK(quantile(std::move(took), 0.5) <= 0.4);
  CHECK(counted("node") > counted_before);
}

/// The first line of what it says to this; within 5 s, or empty.
std::string storm::ask_redis(const std::string& order) {
  constexpr std::string_view scheme = "unix://";
  auto path = redis_->url().substr(scheme.size());
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  REQUIRE(path.size() < sizeof where.sun_path);
  path.copy(where.sun_path, path.size());
  auto wire = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  timeval patience{5, 0};
  ::setsockopt(wire, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  CHECK(::connect(wire, reinterpret_cast<sockaddr*>(&where), sizeof where)
        == 0);
  auto line = order + "\r\n";
  CHECK(::send(wire, line.data(), line.size(), MSG_NOSIGNAL)
        == static_cast<ssize_t>(line.size()));
  std::string answer;
  for (char next = 0; ::recv(wire, &next, 1, 0) == 1 && next != '\r';)
    answer.push_back(next);
  ::close(wire);
  return answer;
}

} // namespace shannon::test
