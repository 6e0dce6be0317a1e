// Schedules on a virtual clock.

#include "actors/workflow/strategies/schedule.hpp"
#include "tests/kit/run_driver.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::workflow;

namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t hour = 3'600 * second;
/// 2026-01-01T00:00:00Z
constexpr std::int64_t new_year = 1'767'225'600 * second;

remote::Schedule hourly() {
  remote::Schedule what;
  what.set_id("s");
  what.set_name("report");
  what.set_cron("0 * * * *");
  what.set_timezone("UTC");
  what.set_task_query("what is new?");
  (*what.mutable_task_context())["role"] = "reporter";
  what.set_catch_up_seconds(2 * 3'600);
  what.set_timeout_seconds(1'800);
  what.set_seen_until_us(new_year);
  what.set_tenant("a");
  what.set_user("ann");
  return what;
}

/// A schedule, the tasks it has started, and what becomes of them.
struct schedule_world {
  explicit schedule_world(const remote::Schedule& what)
      : driver{[](context ctx, std::string input) {
                 return run_schedule(std::move(ctx), std::move(input));
               },
               [this](const auto& start) { return end_of(start); }} {
    driver.now_us = new_year + second;
    driver.hangs = [this](const auto&) { return !tasks_end; };
    driver.begin(what.SerializeAsString());
    run_until(driver.now_us);
  }

  durable_run::effect_outcome end_of(const durable_run::effect_start& start) {
    const auto* run = dynamic_cast<const remote::ChildRun*>(start.input.get());
    REQUIRE(run);
    if (tasks_fail)
      return {fail(errc::failed, "no"), {}, {}, 0};
    remote::ChildResult result;
    result.set_run(run->id());
    return {result.SerializeAsString(), {}, {}, 0};
  }

  /// Steps while nothing later than `until` would happen.
  void run_until(std::int64_t until) {
    for (int i = 0; i < 10'000; ++i) {
      auto agenda = driver.run->next(driver.now_us);
      bool due = agenda.wake_at_us && *agenda.wake_at_us <= until;
      bool busy = !agenda.append.empty() || !agenda.start.empty()
                  || !agenda.stop.empty()
                  || (tasks_end && !driver.pending.empty());
      take(agenda);
      if (!agenda.append.empty())
        continue;
      if (tasks_end && !driver.pending.empty()) {
        auto start = driver.pending.front();
        driver.pending.erase(driver.pending.begin());
        driver.run->effect_ended(start.key, start.attempt, end_of(start),
                                 driver.now_us);
        continue;
      }
      if (due) {
        driver.now_us = std::max(driver.now_us, *agenda.wake_at_us);
        driver.run->tick(driver.now_us);
        continue;
      }
      if (!busy)
        break;
    }
    driver.now_us = std::max(driver.now_us, until);
  }

  void take(durable_run::agenda& agenda) {
    for (auto& start : agenda.start) {
      const auto& run = dynamic_cast<const remote::ChildRun&>(*start.input);
      ids.insert(run.id());
      ++driver.started[start.key];
      driver.pending.push_back(std::move(start));
    }
    for (auto& stop : agenda.stop) {
      const auto& run = dynamic_cast<const remote::ChildRun&>(*stop.input);
      cancelled.insert(run.id());
      std::erase_if(driver.pending,
                    [&](auto& one) { return one.key == stop.key; });
      driver.run->stop_taken(stop.key, stop.attempt, driver.now_us);
    }
    if (agenda.append.empty())
      return;
    if (agenda.base)
      driver.base = driver.log.size() + *agenda.base;
    for (auto& fact : agenda.append)
      driver.log.push_back({static_cast<log_version>(driver.log.size() + 1),
                            {},
                            fact.SerializeAsString()});
    for (auto& blob : agenda.blobs)
      driver.blobs[blob.hash] = blob.bytes;
    driver.run->committed(driver.now_us);
  }

  void change(remote::ScheduleChange::What how,
              const remote::Schedule& to = {}) {
    remote::ScheduleChange wish;
    wish.set_what(how);
    wish.set_at_us(driver.now_us);
    *wish.mutable_schedule() = to;
    driver.run->signal("change", std::to_string(++changes),
                       wish.SerializeAsString(), driver.now_us);
    run_until(driver.now_us);
  }

  remote::Schedule state() {
    auto known = driver.run->attributes();
    remote::Schedule what;
    auto text = known.at("schedule");
    auto number = [&](const char* key) {
      auto at = text.find('"' + std::string{key} + "\":");
      return at == std::string::npos
                 ? 0
                 : std::stoi(text.substr(at + std::string{key}.size() + 3));
    };
    what.set_total_runs(number("total_runs"));
    what.set_successful_runs(number("successful_runs"));
    what.set_failed_runs(number("failed_runs"));
    what.set_skipped_runs(number("skipped_runs"));
    return what;
  }

  bool tasks_end = true;
  bool tasks_fail = false;
  int changes = 0;
  std::set<std::string> ids;
  std::set<std::string> cancelled;
  run_driver driver;
};

} // namespace

TEST_CASE("a schedule starts a task each time it is due") {
  schedule_world world{hourly()};
  CHECK(world.ids.empty());
  world.run_until(new_year + hour - second);
  CHECK(world.ids.empty());
  world.run_until(new_year + hour);
  CHECK(world.ids.size() == 1);
  world.run_until(new_year + 24 * hour);
  CHECK(world.ids.size() == 24);
  CHECK(world.state().total_runs() == 24);
  CHECK(world.state().successful_runs() == 24);
  CHECK(world.driver.run->attributes().at("status") == "ACTIVE");
}

TEST_CASE("a schedule goes on for years without its log growing with it") {
  auto daily = hourly();
  daily.set_cron("0 9 * * *");
  schedule_world world{daily};
  world.run_until(new_year + 400 * 24 * hour);
  CHECK(world.ids.size() == 400);
  CHECK(world.driver.base > 0); // It has begun anew.
  CHECK(world.driver.log.size() - world.driver.base < 2'500);
}

TEST_CASE("the task of a schedule has its words, and nobody waits for it") {
  auto what = hourly();
  what.set_max_budget_per_run_usd(2);
  auto input = scheduled_task(what, new_year);
  CHECK(input.query() == "what is new?");
  CHECK(input.context_json() == R"({"budget_max":2.0,"role":"reporter"})");
  CHECK(input.tenant() == "a");
  CHECK(input.priority() == "batch");
}

TEST_CASE("a crash at any moment repeats no task and leaves none out") {
  schedule_world world{hourly()};
  world.tasks_end = false;
  for (int i = 1; i <= 6; ++i) {
    world.run_until(new_year + i * hour);
    world.driver.crash();
    CHECK_FALSE(world.driver.replay_failed);
    world.tasks_end = true;
    world.run_until(new_year + i * hour + second);
    world.tasks_end = false;
    CHECK(world.ids.size() == static_cast<std::size_t>(i));
  }
  CHECK(world.state().total_runs() == 6);
}

TEST_CASE(
    "while a task goes on, what is due is left out or started beside it") {
  auto what = hourly();
  what.set_timeout_seconds(0);
  SECTION("left out") {
    schedule_world world{what};
    world.tasks_end = false;
    world.run_until(new_year + 3 * hour);
    CHECK(world.ids.size() == 1);
    CHECK(world.state().skipped_runs() == 2);
    world.tasks_end = true;
    world.run_until(new_year + 4 * hour);
    CHECK(world.ids.size() == 2);
    CHECK(world.state().total_runs() == 2);
  }
  SECTION("beside it") {
    what.set_overlap(remote::Schedule::ALLOW);
    schedule_world world{what};
    world.run_until(new_year + 3 * hour);
    CHECK(world.ids.size() == 3);
    CHECK(world.state().skipped_runs() == 0);
  }
}

TEST_CASE("a task that goes on for too long is cancelled and has failed") {
  schedule_world world{hourly()};
  world.tasks_end = false;
  world.run_until(new_year + hour + 1'799 * second);
  CHECK(world.cancelled.empty());
  world.run_until(new_year + hour + 1'803 * second);
  CHECK(world.cancelled == world.ids);
  CHECK(world.state().failed_runs() == 1);
  world.tasks_end = true;
  world.run_until(new_year + 2 * hour);
  CHECK(world.ids.size() == 2);
}

TEST_CASE("what was due while nobody was there is started if it is not too "
          "late") {
  schedule_world world{hourly()};
  world.driver.crash();
  // Away from 0:00 to 9:30: 8:00 and 9:00 are within two hours.
  world.driver.now_us = new_year + 9 * hour + hour / 2;
  world.run_until(world.driver.now_us);
  CHECK(world.ids.size() == 2);
  CHECK(world.state().skipped_runs() >= 1);
  world.run_until(new_year + 10 * hour);
  CHECK(world.ids.size() == 3);
}

TEST_CASE("a paused schedule starts nothing, and goes on from when it is "
          "resumed") {
  schedule_world world{hourly()};
  world.change(remote::ScheduleChange::PAUSE);
  CHECK(world.driver.run->attributes().at("status") == "PAUSED");
  world.run_until(new_year + 5 * hour);
  CHECK(world.ids.empty());
  CHECK(world.driver.run->next(world.driver.now_us).idle);
  world.driver.crash();
  world.change(remote::ScheduleChange::RESUME);
  CHECK(world.driver.run->attributes().at("status") == "ACTIVE");
  CHECK(world.ids.empty()); // What was due meanwhile was not to be.
  world.run_until(new_year + 6 * hour);
  CHECK(world.ids.size() == 1);
}

TEST_CASE("a changed schedule goes by its new times, a deleted one ends") {
  schedule_world world{hourly()};
  auto to = hourly();
  to.set_cron("30 */6 * * *");
  world.change(remote::ScheduleChange::UPDATE, to);
  world.run_until(new_year + 6 * hour);
  CHECK(world.ids.size() == 1); // 0:30
  world.run_until(new_year + 7 * hour);
  CHECK(world.ids.size() == 2);
  world.change(remote::ScheduleChange::DELETE);
  CHECK(world.driver.run->ended());
  CHECK(world.driver.run->attributes().at("status") == "DELETED");
  CHECK(world.driver.run->status() == store::log_status::completed);
}
