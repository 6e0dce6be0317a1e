// kill -9 of the node, again and again, at random moments: every accepted
// task ends, no recorded step runs again, and no client misses an event.

#include "actors/store/pg_connection.hpp"
#include "nodes/commands/follow.hpp"
#include "nodes/commands/task_view.hpp"
#include "tests/integration/recorded_steps.hpp"
#include "tests/integration/system_fixture.hpp"
#include "tests/kit/seed.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

constexpr int kills_wanted = 20;

std::int64_t now_us() {
  return unix_us(std::chrono::system_clock::now());
}

/// From before a kill until the process was gone. A call of that process may
/// be read by the far side a little later.
struct kill_time {
  std::int64_t from_us = 0;
  std::int64_t until_us = 0;
};
constexpr std::int64_t far_side_late_us = 250'000;

/// Follows one task over all crashes and keeps the ids it saw.
class follower {
public:
  follower(std::shared_ptr<commands::api_client> api, std::string task)
      : thread_{[this, api, task] {
          commands::follow_options options;
          options.patience = 120s;
          options.pause_max = 200ms;
          auto end = commands::follow_task(
              *api, task, options,
              {[this](const commands::stream_event& event) {
                 if (!event.id.empty())
                   ids.push_back(std::stoll(event.id));
               },
               [this](const error&) { ++breaks; }});
          ended = end.has_value();
        }} {}
  ~follower() {
    join();
  }
  void join() {
    if (thread_.joinable())
      thread_.join();
  }

  std::vector<std::int64_t> ids;
  int breaks = 0;
  bool ended = false;

private:
  std::thread thread_;
};

/// Logs that a start would bring back: those that have not ended, and those
/// whose end nobody has heard. None is left once it has had its time.
std::vector<std::string> left_active(const std::string& dsn,
                                     std::chrono::seconds most) {
  static const store::pg_statement active{
      "test_active", "select log_id from active order by log_id"};
  auto db = store::pg_connection::open({dsn});
  REQUIRE(db);
  auto until = std::chrono::steady_clock::now() + most;
  for (;;) {
    auto rows = db->run(active, {});
    REQUIRE(rows);
    std::vector<std::string> all;
    for (int i = 0; i < rows->size(); ++i)
      all.push_back(rows->text(i, 0));
    if (all.empty() || std::chrono::steady_clock::now() > until)
      return all;
    std::this_thread::sleep_for(50ms);
  }
}

/// Agents of cancelled tasks by how they ended.
std::map<int, std::int64_t> agents_by_status(const std::string& dsn) {
  static const store::pg_statement agents{
      "test_agents", "select a.status, count(*) from heads a "
                     "join heads t on t.log_id = a.parent and t.status = 5 "
                     "where a.kind = 'agent' group by 1"};
  auto db = store::pg_connection::open({dsn});
  REQUIRE(db);
  auto rows = db->run(agents, {});
  REQUIRE(rows);
  std::map<int, std::int64_t> out;
  for (int i = 0; i < rows->size(); ++i)
    out[rows->int2(i, 0)] = rows->int8(i, 1);
  return out;
}

} // namespace

TEST_CASE("twenty kills cost no finished step and no event") {
  auto seed = seed_of_test();
  std::minstd_rand chance{seed};
  WARN(repeat_with(seed));
  system_fixture world;
  world.start();

  std::vector<std::string> tasks;
  std::vector<std::unique_ptr<follower>> followers;
  auto submit = [&] {
    auto number = tasks.size();
    auto id = world.submit("[[steps:10]] [[delay:40]] crash task "
                           + std::to_string(number));
    if (!id)
      return;
    tasks.push_back(*id);
    followers.push_back(std::make_unique<follower>(world.client(), *id));
  };
  for (int i = 0; i < 4; ++i)
    submit();

  std::vector<kill_time> kills;
  while (kills.size() < kills_wanted) {
    // Between "just ready" and "far into the loops".
    std::this_thread::sleep_for(std::chrono::milliseconds{chance() % 500});
    if (kills.size() % 3 == 0)
      submit();
    auto from_us = now_us();
    world.kill();
    kills.push_back({from_us, now_us()});
    world.start();
  }

  REQUIRE(tasks.size() >= 4);
  for (const auto& id : tasks) {
    auto end = world.await_end(id, 120s);
    INFO(end.dump());
    CHECK(commands::has_succeeded(end));
  }

  for (auto& client : followers) {
    client->join();
    CHECK(client->ended);
    std::vector<std::int64_t> expected(client->ids.size());
    for (std::size_t i = 0; i < expected.size(); ++i)
      expected[i] = static_cast<std::int64_t>(i + 1);
    CHECK(client->ids == expected);
    CHECK(client->ids.size() > 20);
  }

  // What the far side saw, against the kills and the records.
  std::map<std::string, std::vector<std::int64_t>> seen;
  for (const auto& call : world.ledger())
    seen[call.attempt_key].push_back(call.at_us);
  CHECK(seen.size() >= tasks.size() * 11);
  auto recorded = recorded_steps(world.postgres_dsn());
  std::size_t repeated = 0;
  for (auto& [key, times] : seen) {
    std::sort(times.begin(), times.end());
    auto between
        = std::count_if(kills.begin(), kills.end(), [&](const auto& kill) {
            return kill.until_us >= times.front() - far_side_late_us
                   && kill.from_us <= times.back();
          });
    INFO(key);
    CHECK(static_cast<std::int64_t>(times.size()) <= 1 + between);
    repeated += times.size() > 1;
    auto at = recorded.find(key);
    REQUIRE(at != recorded.end());
    // Nobody asks again for what is on disk.
    CHECK(times.back() <= at->second);
  }
  WARN(tasks.size() << " tasks, " << kills.size() << " kills, " << seen.size()
                    << " attempts, " << repeated << " made again");
  CHECK(left_active(world.postgres_dsn(), 30s).empty());
  // All that is on disk keeps the rules of histories, seen from outside.
  auto verified = run_shannon({"verify", "--dsn", world.postgres_dsn()});
  WARN(verified.out << verified.err);
  CHECK(verified.code == 0);
  CHECK(verified.out.find(" facts, 0 findings\n") != std::string::npos);
  auto end = world.stop();
  CHECK(end.code == 0);
}

TEST_CASE("a task that is cancelled around a kill leaves no agent at work") {
  auto seed = seed_of_test();
  std::minstd_rand chance{seed};
  WARN(repeat_with(seed));
  system_fixture world;
  world.start();
  auto cancel = [](commands::api_client& api, const std::string& id) {
    return api.post("/api/v1/tasks/" + id + "/cancel", nlohmann::json::object(),
                    std::chrono::steady_clock::now() + 5s);
  };
  std::vector<std::string> tasks;
  int in_time = 0;
  for (int i = 0; i < 10; ++i) {
    // It would work for a minute.
    auto id = world.submit("[[steps:200]] [[delay:300]] given up "
                           + std::to_string(i));
    REQUIRE(id);
    tasks.push_back(*id);
    // Its agent is on its way, or at work.
    std::this_thread::sleep_for(std::chrono::milliseconds{chance() % 250});
    std::atomic<bool> told{false};
    std::thread client{
        [&, api = world.client()] { told = cancel(*api, *id).has_value(); }};
    std::this_thread::sleep_for(std::chrono::milliseconds{chance() % 12});
    world.kill();
    client.join();
    in_time += told;
    world.start();
    if (!told) {
      // Whether it is on disk nobody knows; then the second is refused.
      auto api = world.client();
      cancel(*api, *id);
    }
  }
  for (const auto& id : tasks) {
    auto end = world.await_end(id, 60s);
    INFO(end.dump());
    CHECK(commands::is_over(end));
  }
  CHECK(left_active(world.postgres_dsn(), 30s).empty());
  auto agents = agents_by_status(world.postgres_dsn());
  auto cancelled = static_cast<int>(store::log_status::cancelled);
  WARN(in_time << " acknowledged, " << agents[cancelled]
               << " agents cancelled");
  CHECK(agents[cancelled] > 0);
  CHECK(agents.size() == 1);
  auto verified = run_shannon({"verify", "--dsn", world.postgres_dsn()});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
}
