// Chats with a model that this node itself can ask: from the client's socket to
// the provider's, past DISPATCHER, ROUTER and PROVIDER, which count them.

#include "actors/dispatch/dispatcher.hpp"
#include "actors/dispatch/grantor.hpp"
#include "actors/llm/llm.hpp"
#include "metrics/dispatch_metrics.hpp"
#include "metrics/llm_metrics.hpp"
#include "protocols/cluster.hpp"
#include "tests/gateway/gateway_fixture.hpp"
#include "tests/upstream/server.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <utility>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

/// Outlives the actors.
struct model_parts {
  kit::io_loop far{"upstream"};
  kit::io_loop egress{"egress"};
  upstream::server model{far.context(), {}};
  kit::roster roster;
  metrics::registry counted;
  metrics::dispatch_metrics of_dispatch{counted};
  metrics::llm_metrics of_llm{counted};
};

struct straight_world : model_parts, gateway_fixture {
  explicit straight_world(std::uint32_t calls_max = 8,
                          config::http_settings settings = quick_settings())
      : gateway_fixture(std::move(settings)) {
    env.actors = &roster;
    config::llm_settings of;
    of.concurrent_calls_max = calls_max;
    auto url = "http://127.0.0.1:" + std::to_string(model.port()) + "/v1";
    auto loaded = llm::load_catalogue(
        "", [&](const std::string& name) -> std::optional<std::string> {
          if (name == "OPENAI_BASE_URL")
            return url;
          return name == "OPENAI_API_KEY" ? std::optional<std::string>{"k"}
                                          : std::nullopt;
        });
    auto models
        = std::make_shared<const llm::catalogue>(std::move(loaded.value()));
    host([&](auto& parent) {
      return llm::spawn_llm(parent, {env, of, egress, of_llm, models});
    });
    host([&](auto& parent) {
      return dispatch::spawn_grantor(parent, {env, "llm", calls_max});
    });
    host([&](auto& parent) {
      return dispatch::spawn_dispatcher(parent, {env, "llm", of_dispatch});
    });
    tell_members();
    // Once its window is open.
    if (!eventually([&] { return ask(chat("hello")).status == 200; }))
      throw std::runtime_error{"nobody answers"};
  }

  void tell_members() {
    cluster::members_changed news;
    news.self = node_id{"n1#1"};
    cluster::member self;
    self.id = news.self;
    self.roles = {"llm"};
    news.members.push_back(self);
    auto mail = std::make_shared<envelope>();
    mail->to = {"llm"};
    mail->body = std::move(news);
    addresses.deliver(mail);
  }

  static std::string chat(const std::string& text, bool stream = false) {
    return post("/v1/chat/completions",
                json{{"model", "gpt-4.1-mini"},
                     {"stream", stream},
                     {"messages", {{{"role", "user"}, {"content", text}}}}}
                    .dump());
  }

  /// Actors of this name that live.
  int actors(const std::string& name) const {
    int count = 0;
    roster.read(0, 1'000, [&](const kit::listed& one) {
      count += static_cast<const kit::actor_base&>(one).name() == name ? 1 : 0;
      return true;
    });
    return count;
  }

  upstream::ledger_entry last_seen() const {
    return model.seen().back();
  }
};

const std::string answer = "This is the scripted answer after 0 turns.";

std::string content_of(const raw_response& got) {
  return json::parse(got.body)["choices"][0]["message"]["content"];
}

} // namespace

TEST_CASE("a chat goes straight to a model of this node, and no actor is made "
          "for it") {
  straight_world world;
  REQUIRE(world.ask(world.chat("hello")).status == 200);
  auto connections = world.model.connections();
  auto client = world.client();
  client.send(world.chat("[[delay:300]] hello"));
  REQUIRE(eventually([&] { return world.last_seen().state == "open"; }));
  CHECK(world.actors("chat") == 0);
  CHECK(world.actors("llm_call") == 0);
  CHECK(world.actors("llm_provider") == 1);
  auto got = client.response();
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(content_of(*got) == answer);
  auto words = json::parse(got->body);
  CHECK(words["model"] == "gpt-4.1-mini");
  CHECK(words["usage"]["total_tokens"] > 0);
  CHECK_FALSE(got->fields["x-trace-id"].empty());
  CHECK(world.last_seen().attempt_key.starts_with("chat/"));
  CHECK(world.last_seen().traceparent.find(got->fields["x-trace-id"])
        != std::string::npos);
  // The connection is kept, and so is the one behind it.
  client.send(world.chat("again"));
  REQUIRE(client.response());
  CHECK(world.model.connections() == connections);
}

TEST_CASE("the words of a straight stream come as the model says them") {
  straight_world world;
  auto client = world.client();
  client.send(world.chat("[[slow:50]] hello", true));
  auto head = client.response(false);
  REQUIRE(head);
  CHECK(head->fields["content-type"] == "text/event-stream");
  REQUIRE(client.read_until("\"content\":"));
  CHECK(world.last_seen().state == "open");
  CHECK(world.actors("chat") == 0);
  auto rest = client.read_until("data: [DONE]\n\n");
  REQUIRE(rest);
  CHECK(rest->find("\"finish_reason\":\"stop\"") != std::string::npos);
}

TEST_CASE("a client that goes away ends its straight call") {
  straight_world world;
  for (bool stream : {false, true}) {
    {
      auto client = world.client();
      client.send(world.chat(
          stream ? "[[slow:1000]] long" : "[[delay:9000]] long", stream));
      REQUIRE(eventually([&] { return world.last_seen().state == "open"; }));
      if (stream)
        REQUIRE(client.read_until("\"content\":"));
    }
    CHECK(eventually([&] { return world.last_seen().state == "cut"; }));
  }
  // Nothing is under way any more.
  CHECK(eventually([&] {
    return world.counted.render().find(
               "shannon_llm_calls_running{provider=\"openai\"} 0")
           != std::string::npos;
  }));
}

TEST_CASE("what there is no room for waits, and is answered in turn") {
  straight_world world{1};
  auto first = world.client();
  first.send(world.chat("[[delay:300]] first"));
  REQUIRE(eventually([&] { return world.last_seen().state == "open"; }));
  auto asked = world.model.seen().size();
  auto second = world.client();
  second.send(world.chat("second"));
  CHECK(eventually([&] { return world.actors("chat") == 1; }));
  CHECK(world.model.seen().size() == asked);
  REQUIRE(first.response());
  auto got = second.response();
  REQUIRE(got);
  CHECK(content_of(*got) == answer);
}

TEST_CASE("a straight chat is refused while its provider's breaker is open") {
  straight_world world;
  for (int i = 0; i < 5; ++i)
    CHECK(world.ask(world.chat("[[status:500]]")).status == 503);
  auto asked = world.model.seen().size();
  auto got = world.ask(world.chat("hello"));
  CHECK(got.status == 503);
  CHECK_FALSE(got.fields["retry-after"].empty());
  CHECK(world.model.seen().size() == asked);
}

TEST_CASE("a straight chat ends when it has taken too long") {
  auto settings = quick_settings();
  settings.chat_timeout = 200ms;
  straight_world world{8, settings};
  CHECK(world.ask(world.chat("[[delay:5000]] hello")).status == 504);
}

TEST_CASE("what a client asks wrongly is refused before anybody is asked") {
  straight_world world;
  auto asked = world.model.seen().size();
  auto got = world.ask(post("/v1/chat/completions", R"({"model": "m"})"));
  CHECK(got.status == 400);
  CHECK(json::parse(got.body)["error"]["message"]
        == "messages array is required");
  CHECK(world.ask(post("/v1/chat/completions", "{")).status == 400);
  CHECK(world
            .ask(post("/v1/chat/completions",
                      R"({"model": "no-such-model", "messages":
                       [{"role": "user", "content": "hi"}]})"))
            .status
        == 404);
  CHECK(world.model.seen().size() == asked);
}

TEST_CASE("a long conversation is read by a CHAT, and answered the same") {
  straight_world world;
  auto got = world.ask(world.chat(std::string(40'000, 'x')));
  REQUIRE(got.status == 200);
  CHECK(content_of(got) == answer);
}

TEST_CASE("a straight stream outlives its GATEWAY") {
  straight_world world;
  auto client = world.client();
  client.send(world.chat("[[slow:100]] hello", true));
  REQUIRE(client.response(false));
  REQUIRE(client.read_until("\"content\":"));
  world.end_gateway();
  world.start_gateway();
  CHECK(client.read_until("data: [DONE]\n\n"));
}

TEST_CASE("a gateway that drains begins no straight chat") {
  straight_world world;
  world.drain_gateway();
  CHECK(
      eventually([&] { return world.ask(world.chat("hello")).status == 503; }));
}
