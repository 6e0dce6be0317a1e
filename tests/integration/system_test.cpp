// The whole installation and one misbehaving provider: what a client sees.

#include "nodes/commands/sse_reader.hpp"
#include "nodes/commands/task_view.hpp"
#include "tests/integration/system_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// One installation for all cases: starting it is most of their time.
system_fixture& world() {
  static std::unique_ptr<system_fixture> one = [] {
    auto made = std::make_unique<system_fixture>();
    made->start();
    return made;
  }();
  return *one;
}

json run(const std::string& query, const std::string& mode = "simple") {
  auto id = world().submit(query, mode);
  REQUIRE(id);
  return world().await_end(*id, 60s);
}

std::vector<json> events_of(const std::string& id) {
  auto page
      = world().client()->get("/api/v1/tasks/" + id + "/events?limit=200");
  REQUIRE(page);
  return (*page)["events"].get<std::vector<json>>();
}

std::size_t count(const std::vector<json>& events, const std::string& type) {
  return static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(),
                    [&](const json& event) { return event["type"] == type; }));
}

std::vector<commands::stream_event> stream(const std::string& target,
                                           const std::string& last_id = {}) {
  std::vector<commands::stream_event> seen;
  commands::sse_reader reader;
  auto done = world().client()->stream(
      target, last_id, std::chrono::steady_clock::now() + 30s,
      [&](std::string_view bytes) {
        return reader.take(bytes, [&](const commands::stream_event& event) {
          seen.push_back(event);
        });
      });
  REQUIRE(done);
  return seen;
}

} // namespace

TEST_CASE("ten steps of model and tools give one answer") {
  auto task = run("[[steps:10]] count");
  INFO(task.dump(2));
  CHECK(commands::has_succeeded(task));
  CHECK(task["provider"] == "openai");
  CHECK(task["usage"]["total_tokens"].get<int>() > 0);
  auto events = events_of(task["task_id"]);
  CHECK(count(events, "TOOL_INVOKED") >= 9);
  CHECK(count(events, "TOOL_OBSERVATION") == count(events, "TOOL_INVOKED"));
  for (std::size_t i = 0; i < events.size(); ++i)
    CHECK(events[i]["seq"] == i + 1);
  CHECK(events.back()["type"] == "STREAM_END");
}

TEST_CASE("a task without a mode is planned first") {
  auto task = run("[[steps:2]] plan and do", "");
  CHECK(commands::has_succeeded(task));
  CHECK(count(events_of(task["task_id"]), "PROGRESS") >= 1);
}

TEST_CASE("several tools of one turn all run") {
  auto task = run("[[steps:2]] [[tools:3]] three at once");
  CHECK(commands::has_succeeded(task));
  CHECK(count(events_of(task["task_id"]), "TOOL_OBSERVATION") >= 3);
}

TEST_CASE("bad tool arguments reach the model and break nothing") {
  auto task = run("[[steps:3]] [[badargs]] nonsense");
  INFO(task.dump(2));
  CHECK(commands::has_succeeded(task));
  bool failed = false;
  for (const auto& event : events_of(task["task_id"]))
    if (event["type"] == "TOOL_OBSERVATION")
      failed = failed || event["payload"]["success"] == false;
  CHECK(failed);
}

TEST_CASE("a task ends within its budget, and clients are warned") {
  auto cost = [](const json& task) {
    return task["usage"].value("estimated_cost", 0.0);
  };
  auto whole = run("[[steps:10]] count");
  REQUIRE(commands::has_succeeded(whole));
  auto bounded = [&](double dollars) {
    auto sent = world().client()->post("/api/v1/tasks",
                                       {{"query", "[[steps:10]] count"},
                                        {"mode", "simple"},
                                        {"context", {{"budget_max", dollars}}}},
                                       std::chrono::steady_clock::now() + 10s);
    REQUIRE(sent);
    return world().await_end((*sent)["task_id"], 60s);
  };
  auto steps = [](const json& task) {
    return count(events_of(task["task_id"]), "TOOL_INVOKED");
  };
  auto ample = bounded(cost(whole) * 1'000);
  CHECK(commands::has_succeeded(ample));
  CHECK(cost(ample) == cost(whole));
  // Answers may be of 8,192 tokens: what so little pays for is less, and said
  // to the model. The scripted one is short by itself.
  auto half = bounded(cost(whole) / 2);
  INFO(half.dump(2));
  CHECK(cost(half) <= cost(whole) / 2);
  CHECK(steps(half) < steps(whole));
  CHECK(commands::has_succeeded(half));
  CHECK(count(events_of(half["task_id"]), "BUDGET_THRESHOLD") >= 1);
  auto none = bounded(1e-9);
  CHECK(none["status"] == "TASK_STATUS_FAILED");
  CHECK(none["error"].get<std::string>().find("budget") != std::string::npos);
  CHECK(cost(none) == 0);
}

TEST_CASE("a provider that is busy, down or cuts is asked again") {
  for (const std::string marker :
       {"[[status:429:2]]", "[[status:500:2]]", "[[status:503:1]]"}) {
    INFO(marker);
    auto task = run("[[steps:1]] " + marker + " try again");
    INFO(task.dump(2));
    CHECK(commands::has_succeeded(task));
    CHECK(count(events_of(task["task_id"]), "ERROR_RECOVERY") >= 1);
  }
}

TEST_CASE("a provider that says no for good fails the task with its words") {
  auto task = run("[[steps:1]] [[status:401:9]] no entry");
  INFO(task.dump(2));
  CHECK(task["status"] == "TASK_STATUS_FAILED");
  CHECK(task.dump().find("401") != std::string::npos);
  CHECK(task.dump().find("test-key") == std::string::npos);
}

TEST_CASE("cancel stops the call under way and ends the task") {
  auto id = world().submit("[[steps:5]] [[delay:20000]] slow");
  REQUIRE(id);
  auto until = std::chrono::steady_clock::now() + 10s;
  std::vector<upstream_call> mine;
  while (mine.empty() && std::chrono::steady_clock::now() < until) {
    for (auto& call : world().ledger())
      if (call.attempt_key.rfind(*id, 0) == 0)
        mine.push_back(call);
    std::this_thread::sleep_for(20ms);
  }
  REQUIRE_FALSE(mine.empty());
  auto asked = std::chrono::steady_clock::now();
  auto ack = world().client()->post("/api/v1/tasks/" + *id + "/cancel",
                                    {{"reason", "enough"}});
  REQUIRE(ack);
  CHECK((*ack)["success"] == true);
  auto task = world().await_end(*id, 5s);
  CHECK(task["status"] == "TASK_STATUS_CANCELLED");
  CHECK(std::chrono::steady_clock::now() - asked < 3s);
  auto again = world().client()->post("/api/v1/tasks/" + *id + "/cancel",
                                      json::object());
  REQUIRE(again);
  CHECK((*again)["success"] == false);
}

TEST_CASE("a stream resumes anywhere, filters, and ends with done") {
  auto task = run("[[steps:4]] stream me");
  std::string id = task["task_id"];
  auto all = stream("/api/v1/stream/sse?workflow_id=" + id);
  std::vector<std::string> ids;
  for (const auto& event : all)
    if (!event.id.empty())
      ids.push_back(event.id);
  REQUIRE(ids.size() > 10);
  for (std::size_t i = 0; i < ids.size(); ++i)
    CHECK(ids[i] == std::to_string(i + 1));
  CHECK(all.back().name == "done");
  CHECK(all.back().data == "[DONE]");
  for (std::size_t from : {std::size_t{1}, ids.size() / 2, ids.size() - 1}) {
    auto rest
        = stream("/api/v1/stream/sse?workflow_id=" + id, std::to_string(from));
    REQUIRE_FALSE(rest.empty());
    CHECK(rest.front().id == std::to_string(from + 1));
    CHECK(rest.size() == ids.size() - from);
  }
  auto outputs
      = stream("/api/v1/stream/sse?types=LLM_OUTPUT&workflow_id=" + id);
  REQUIRE_FALSE(outputs.empty());
  for (const auto& event : outputs)
    CHECK(event.name == "thread.message.completed");
}

TEST_CASE("tokens reach who listens before the answer is recorded") {
  auto id = world().submit("[[steps:1]] [[slow:30]] say something long");
  REQUIRE(id);
  auto seen = stream("/api/v1/stream/sse?workflow_id=" + *id);
  auto deltas = std::count_if(seen.begin(), seen.end(), [](const auto& event) {
    return event.name == "thread.message.delta";
  });
  CHECK(deltas > 0);
  for (const auto& event : seen)
    if (event.name == "thread.message.delta")
      CHECK(event.id.empty());
}

TEST_CASE("metrics count what happened and hold no secret") {
  run("[[steps:2]] count me");
  auto page = world().text("/metrics");
  for (const std::string name :
       {"shannon_run_accepted_total", "shannon_run_ended_total",
        "shannon_run_step_attempts_total", "shannon_store_", "shannon_llm_",
        "shannon_tool_", "shannon_gateway_", "shannon_build_info",
        "process_resident_memory_bytes"})
    if (page.find(name) == std::string::npos)
      FAIL_CHECK(name << " is missing");
  CHECK(page.find("test-key") == std::string::npos);
}

TEST_CASE("no log line holds a prompt or a key") {
  run("[[steps:1]] the-secret-of-the-prompt");
  CHECK(world().log().find("the-secret-of-the-prompt") == std::string::npos);
  CHECK(world().log().find("test-key") == std::string::npos);
}

TEST_CASE("SIGTERM waits for what is under way and for nothing else") {
  for (int i = 0; i < 10; ++i)
    world().submit("[[steps:10]] [[delay:200]] last " + std::to_string(i));
  auto end = world().stop();
  CHECK(end.code == 0);
  INFO(end.err);
  CHECK(end.err.find("\"node-draining\"") != std::string::npos);
  CHECK(end.err.find("\"node-stopped\"") != std::string::npos);
  // Something would have been cut off at the drain's deadline.
  CHECK(end.err.find("\"drain-cut\"") == std::string::npos);
  CHECK(end.err.find("leaving at once") == std::string::npos);
}
