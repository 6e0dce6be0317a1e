#include "nodes/commands/follow.hpp"
#include "tests/nodes/scripted_server.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::commands;
using namespace std::chrono_literals;
using shannon::test::scripted_server;

namespace {

std::string json_answer(const std::string& body) {
  return "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
         "Connection: close\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string stream_answer(const std::string& frames) {
  return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
         "Connection: close\r\n\r\n"
         + frames;
}

const auto running
    = json_answer(R"({"task_id":"t","status":"TASK_STATUS_RUNNING"})");
const auto completed = json_answer(
    R"({"task_id":"t","status":"TASK_STATUS_COMPLETED","result":"403"})");

std::string frame(const std::string& id, const std::string& name) {
  return "id: " + id + "\nevent: " + name + "\ndata: {}\n\n";
}

struct following {
  std::vector<std::string> seen;
  int breaks = 0;

  result<nlohmann::json> run(const scripted_server& server,
                             follow_options options = {}) {
    server_url where;
    where.host = "127.0.0.1";
    where.port = server.port();
    api_client api{where, ""};
    options.pause_min = 1ms;
    options.pause_max = 5ms;
    follow_events events;
    events.event
        = [this](const stream_event& event) { seen.push_back(event.id); };
    events.broken = [this](const error&) { ++breaks; };
    return follow_task(api, "t", options, events);
  }
};

} // namespace

TEST_CASE("a followed task is told event by event to its end") {
  scripted_server server{
      {running,
       stream_answer(frame("1", "WORKFLOW_STARTED") + frame("2", "done")),
       completed}};
  following it;
  auto task = it.run(server);
  REQUIRE(task);
  CHECK((*task)["result"] == "403");
  CHECK(it.seen == std::vector<std::string>{"1", "2"});
  CHECK(it.breaks == 0);
}

TEST_CASE("a broken stream goes on after the last event, without repeats") {
  scripted_server server{
      {running, stream_answer(frame("1", "A") + frame("2", "B")), running,
       // The connection breaks without an answer, as when the node is killed.
       "", "", running,
       stream_answer(frame("2", "B") + frame("3", "C") + frame("4", "done")),
       completed}};
  following it;
  auto task = it.run(server);
  REQUIRE(task);
  CHECK(it.seen == std::vector<std::string>{"1", "2", "3", "4"});
  CHECK(it.breaks == 1);
  auto asked = server.requests();
  REQUIRE(asked.size() >= 7);
  CHECK(asked[1].find("Last-Event-ID") == std::string::npos);
  CHECK(asked[asked.size() - 2].find("Last-Event-ID: 2") != std::string::npos);
}

TEST_CASE("an unknown task is not followed") {
  std::string body = R"({"error":"Task not found"})";
  scripted_server server{
      {"HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: "
       + std::to_string(body.size()) + "\r\n\r\n" + body}};
  following it;
  auto task = it.run(server);
  REQUIRE_FALSE(task);
  CHECK(task.error().code == errc::not_found);
  CHECK(task.error().text.find("Task not found") != std::string::npos);
}

TEST_CASE("a node that stays away ends the patience") {
  scripted_server server{{}};
  following it;
  follow_options options;
  options.patience = 100ms;
  auto task = it.run(server, options);
  REQUIRE_FALSE(task);
  CHECK(task.error().code == errc::unavailable);
}

TEST_CASE("a deadline ends the following, not the task") {
  scripted_server server{{running, scripted_server::silence}};
  following it;
  follow_options options;
  options.until = std::chrono::steady_clock::now() + 200ms;
  auto task = it.run(server, options);
  REQUIRE_FALSE(task);
  CHECK(task.error().code == errc::timeout);
  CHECK(task.error().text.find("shannon show t") != std::string::npos);
}
