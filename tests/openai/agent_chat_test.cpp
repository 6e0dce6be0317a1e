// Chats with an agent, over real sockets; tasks and their store are fakes.

#include "protocols/facts/run.pb.h"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string body(const std::string& model, const std::string& more = {}) {
  return R"({"model": ")" + model
         + R"(", "messages": [{"role": "user", "content": "first"},
               {"role": "assistant", "content": "a"},
               {"role": "user", "content": "hi"}])"
         + more + "}";
}

std::string ask_for(const std::string& text, const std::string& fields = {}) {
  return "POST /v1/chat/completions HTTP/1.0\r\nHost: a\r\n" + fields
         + "Content-Length: " + std::to_string(text.size()) + "\r\n\r\n" + text;
}

/// The task that the last chat started, once somebody follows it.
std::string followed_task(gateway_fixture& world) {
  std::string task;
  REQUIRE(eventually([&] {
    for (const auto& head : world.runs.heads())
      if (!world.runs.find(head.log.value)->subscribers.empty())
        task = head.log.value;
    return !task.empty();
  }));
  return task;
}

void say(gateway_fixture& world, const std::string& task,
         const std::string& agent, const std::string& attempt,
         std::uint32_t index, const std::string& text) {
  remote::LlmDelta piece;
  piece.set_agent(agent);
  piece.set_attempt_key(attempt);
  piece.set_index(index);
  piece.set_text(text);
  world.fakes.delta(task, piece);
}

/// The run ends like this, in its head first, as when it is on disk.
void end(gateway_fixture& world, const std::string& task,
         store::log_status status, const std::string& result,
         const std::string& error = {}) {
  world.runs.with(task, [&](fake_runs::run& run) {
    facts::Summary summary;
    summary.set_result(result);
    summary.set_error(error);
    summary.mutable_usage()->set_input_tokens(20);
    summary.mutable_usage()->set_output_tokens(5);
    run.head.summary = summary.SerializeAsString();
    run.head.status = status;
  });
  world.fakes.publish(task, fact_of("STREAM_END", "Done"));
}

std::string content_of(const std::string& stream) {
  std::string all;
  for (auto at = stream.find("data: {"); at != std::string::npos;
       at = stream.find("data: {", at + 1)) {
    auto chunk
        = json::parse(stream.substr(at + 6, stream.find('\n', at) - at - 6));
    all += chunk["choices"][0]["delta"].value("content", "");
  }
  return all;
}

} // namespace

TEST_CASE("a chat with an agent is a task, and its result the answer") {
  gateway_fixture world;
  auto client = world.client();
  client.send(ask_for(body("shannon-chat")));
  auto task = followed_task(world);
  auto run = world.runs.find(task);
  CHECK(run->input.query() == "hi");
  CHECK(run->input.mode() == "simple");
  CHECK(run->input.history_size() == 2);
  CHECK(run->input.tenant() == "00000000-0000-0000-0000-000000000001");
  world.fakes.publish(task, fact_of("WORKFLOW_STARTED", "Starting up"));
  end(world, task, store::log_status::completed, "Hello");
  auto got = client.response();
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(got->fields["x-workflow-id"] == task);
  CHECK(got->fields["x-shannon-session-id"] == run->input.session());
  auto words = json::parse(got->body);
  CHECK(words["choices"][0]["message"]["content"] == "Hello");
  CHECK(words["model"] == "shannon-chat");
  CHECK(words["usage"]["total_tokens"] == 25);
}

TEST_CASE("a chat under the key of another is answered by itself") {
  gateway_fixture world;
  std::vector<std::string> tasks;
  for (int i = 0; i < 2; ++i) {
    auto client = world.client();
    client.send(ask_for(body("shannon-chat"), "Idempotency-Key: one\r\n"));
    tasks.push_back(followed_task(world));
    end(world, tasks.back(), store::log_status::completed, "Hello");
    REQUIRE(client.response());
    world.runs.with(tasks.back(),
                    [](fake_runs::run& run) { run.subscribers.clear(); });
  }
  CHECK(tasks[0] != tasks[1]);
}

TEST_CASE("only a conversation that is new is told its session") {
  gateway_fixture world;
  std::string first;
  for (int i = 0; i < 2; ++i) {
    auto client = world.client();
    client.send(ask_for(body("shannon-chat"), "X-Session-ID: mine\r\n"));
    auto task = followed_task(world);
    end(world, task, store::log_status::completed, "Hello");
    auto got = client.response();
    REQUIRE(got);
    CHECK(got->fields.count("x-session-id") == (i == 0 ? 1 : 0));
    CHECK(world.runs.find(task)->input.session().ends_with("-mine"));
    // So that the next is found.
    world.runs.with(task, [](fake_runs::run& run) { run.subscribers.clear(); });
  }
}

TEST_CASE("the session that a chat is told is there") {
  gateway_fixture world;
  auto client = world.client();
  client.send(ask_for(body("shannon-chat")));
  auto task = followed_task(world);
  end(world, task, store::log_status::completed, "Hello");
  auto got = client.response();
  REQUIRE(got);
  auto path = "/api/v1/sessions/" + got->fields["x-shannon-session-id"];
  auto detail = json::parse(world.ask(get(path)).body);
  CHECK(detail["task_count"] == 1);
  CHECK(detail["context"]["title"] == "hi");
  auto turns = json::parse(world.ask(get(path + "/events")).body);
  CHECK(turns["turns"][0]["task_id"] == task);
  auto all = json::parse(world.ask(get("/api/v1/sessions")).body);
  CHECK(all["total_count"] == 1);
}

TEST_CASE("an agent's words come as it says them, its deeds as events") {
  gateway_fixture world;
  auto client = world.client();
  client.send(ask_for(body("shannon-chat", R"(, "stream": true,
        "stream_options": {"include_usage": true})")));
  auto head = client.response(false);
  REQUIRE(head);
  CHECK(head->fields["content-type"] == "text/event-stream");
  CHECK(client.read_until(": keepalive\n\n"));
  auto task = followed_task(world);
  CHECK(head->fields["x-workflow-id"] == task);
  world.fakes.publish(task, fact_of("AGENT_STARTED", "Begins", "agent-1"));
  CHECK(client.read_until(R"("shannon_events":[{"type":"AGENT_STARTED")"));
  say(world, task, "agent-1", "turn1", 0, "I compute.");
  CHECK(client.read_until(R"("content":"I compute.")"));
  world.fakes.publish(task, fact_of("TOOL_INVOKED", "Calls", "agent-1"));
  say(world, task, "agent-1", "turn2", 0, "It ");
  CHECK(client.read_until(R"("content":"\n\nIt ")"));
  say(world, task, "agent-1", "turn2", 1, "is 42.");
  CHECK(client.read_until(R"("content":"is 42.")"));
  end(world, task, store::log_status::completed, "It is 42.");
  auto rest = client.read_to_end();
  REQUIRE(rest);
  CHECK(content_of(*rest).empty());
  CHECK(rest->find(R"("finish_reason":"stop"}],"usage":{"prompt_tokens":20)")
        != std::string::npos);
}

TEST_CASE("of several agents' words only those that join them are the answer") {
  gateway_fixture world;
  auto client = world.client();
  client.send(ask_for(body("shannon-complex", R"(, "stream": true)")));
  auto task = followed_task(world);
  CHECK(world.runs.find(task)->input.mode() == "supervisor");
  world.fakes.publish(
      task, fact_of("PROGRESS", "Planned 2 steps", "planner",
                    R"({"plan": [{"id": "1"}, {"id": "2"}], "deps": []})"));
  say(world, task, "agent-1", "a1", 0, "part one");
  say(world, task, "agent-2", "a2", 0, "part two");
  say(world, task, "", "join", 0, "Both ");
  end(world, task, store::log_status::completed, "Both parts.");
  auto all = client.read_to_end();
  REQUIRE(all);
  CHECK(content_of(*all) == "Both parts.");
}

TEST_CASE("an answer longer than its event is told whole") {
  gateway_fixture world;
  auto client = world.client();
  client.send(ask_for(body("shannon-chat", R"(, "stream": true)")));
  auto task = followed_task(world);
  std::string answer(30'000, 'x');
  world.fakes.publish(
      task, fact_of("LLM_OUTPUT", answer.substr(0, 10'000), "final_output"));
  end(world, task, store::log_status::completed, answer);
  CHECK(content_of(client.read_to_end().value_or("")) == answer);
}

TEST_CASE("a task that does not end well is an error that says why") {
  struct row {
    store::log_status status;
    int code;
    std::string text;
  };
  for (const auto& [status, code, text] : std::vector<row>{
           {store::log_status::failed, 500, "no agent succeeded"},
           {store::log_status::cancelled, 500, "Task was cancelled"},
           {store::log_status::timed_out, 504, "took too long"}}) {
    gateway_fixture world;
    INFO(text);
    auto client = world.client();
    client.send(ask_for(body("shannon-chat")));
    auto task = followed_task(world);
    end(world, task, status, "", text);
    auto got = client.response();
    REQUIRE(got);
    CHECK(got->status == code);
    CHECK(json::parse(got->body)["error"]["message"] == text);
    CHECK(
        eventually([&] { return world.runs.find(task)->subscribers.empty(); }));
    auto stream = world.client();
    stream.send(ask_for(body("shannon-chat", R"(, "stream": true)")));
    end(world, followed_task(world), status, "", text);
    auto all = stream.read_to_end();
    REQUIRE(all);
    CHECK(content_of(*all) == "\n\n[Error: " + text + "]");
    CHECK(all->substr(all->size() - 14) == "data: [DONE]\n\n");
  }
}

TEST_CASE("a client that goes away leaves its task at work") {
  gateway_fixture world;
  std::string task;
  {
    auto client = world.client();
    client.send(ask_for(body("shannon-chat", R"(, "stream": true)")));
    task = followed_task(world);
  }
  CHECK(eventually([&] { return world.runs.find(task)->subscribers.empty(); }));
  CHECK(world.runs.find(task)->live);
  CHECK(world.runs.find(task)->head.status == store::log_status::running);
}

TEST_CASE("a task that cannot be started is refused with its status") {
  gateway_fixture world;
  world.runs.refuse_starts(
      error{errc::overloaded, "too many runs", true, std::nullopt});
  auto got = world.ask(ask_for(body("shannon-chat")));
  CHECK(got.status == 429);
  CHECK(json::parse(got.body)["error"]["type"] == "rate_limit_error");
}
