// A gateway that plays no other role: chats with models and with agents that
// are on other nodes.

#include "tests/cluster/real_cluster.hpp"
#include "tests/gateway/raw_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <thread>

using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

std::string ask_for(const std::string& model, const std::string& text,
                    bool stream) {
  return post("/v1/chat/completions",
              json{{"model", model},
                   {"stream", stream},
                   {"messages", {{{"role", "user"}, {"content", text}}}}}
                  .dump());
}

/// A node that has just joined hears of the others within a second or two.
raw_response answer_of(real_cluster& world, const std::string& request) {
  raw_response got;
  for (int i = 0; i < 40 && got.status != 200; ++i) {
    raw_client client{world.port(0)};
    client.send(request);
    got = client.response().value_or(raw_response{});
    if (got.status != 200)
      std::this_thread::sleep_for(250ms);
  }
  return got;
}

} // namespace

TEST_CASE("a gateway alone reaches models and agents of other nodes") {
  real_cluster world{
      std::vector<std::string>{"gateway", "orchestrator, agent, llm, tool"}};
  world.start(0);
  world.start(1);
  world.await_ready(0);
  world.await_ready(1);

  // A model, whole.
  auto whole = answer_of(world, ask_for("gpt-4.1-mini", "hello", false));
  INFO(whole.body);
  REQUIRE(whole.status == 200);
  CHECK(json::parse(whole.body)["choices"][0]["message"]["content"]
        == "This is the scripted answer after 0 turns.");

  // Its words over the link, as they come.
  raw_client client{world.port(0)};
  client.send(ask_for("gpt-4.1-mini", "[[slow:50]] hello", true));
  REQUIRE(client.response(false));
  std::size_t pieces = 0;
  std::string said;
  for (auto frame = client.read_until("\n\n"); frame;
       frame = client.read_until("\n\n")) {
    if (frame->find("[DONE]") != std::string::npos)
      break;
    auto at = frame->find("data: ");
    auto chunk = json::parse(frame->substr(at + 6));
    if (auto text = chunk["choices"][0]["delta"].value("content", "");
        !text.empty()) {
      said += text;
      ++pieces;
    }
  }
  CHECK(said == "This is the scripted answer after 0 turns.");
  CHECK(pieces >= 4);

  // An agent.
  auto agent = answer_of(world, ask_for("shannon-chat", "hello", false));
  REQUIRE(agent.status == 200);
  CHECK(json::parse(agent.body)["choices"][0]["message"]["content"]
        == "This is the scripted answer after 0 turns.");

  // What a client names its trace reaches the model, by a CHAT, and by a task
  // and its agent on another node.
  for (std::string model : {"gpt-4.1-mini", "shannon-chat"}) {
    const std::string trace
        = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    auto request = ask_for(model, "hello again", false);
    request.insert(request.find("\r\n") + 2, "traceparent: " + trace + "\r\n");
    auto got = answer_of(world, request);
    REQUIRE(got.status == 200);
    CHECK(got.fields["x-trace-id"] == trace.substr(3, 32));
    CHECK(world.calls().back().traceparent == trace);
  }

  // A client that goes away is felt at the far end.
  {
    raw_client leaver{world.port(0)};
    leaver.send(ask_for("gpt-4.1-mini", "[[slow:1000]] long", true));
    REQUIRE(leaver.read_until("\"content\""));
  }
  auto calls = world.calls();
  auto key = calls.back().attempt_key;
  CHECK(key.starts_with("chat/"));
  auto ended = [&] {
    for (const auto& one : world.calls())
      if (one.attempt_key == key)
        return one.ended_us != 0;
    return false;
  };
  // Its seven words would take seven seconds.
  auto until = std::chrono::steady_clock::now() + 4s;
  while (!ended() && std::chrono::steady_clock::now() < until)
    std::this_thread::sleep_for(20ms);
  CHECK(ended());
}
