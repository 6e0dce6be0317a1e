// Programs on users' own machines, over real WebSockets.

#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/accounts.hpp"
#include "tests/gateway/daemon_program.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using gateway::json_in;
namespace ws = boost::beast::websocket;

namespace {

json_in body_of(const raw_response& answer) {
  return json_in::parse(answer.body, nullptr, false);
}

std::string user_named(const std::string& name) {
  return gateway::named_uuid(name);
}

/// A program that has connected.
struct program : daemon_program {
  program(gateway_fixture& fixture, const std::string& user)
      : daemon_program(fixture.server->port(), user_named(user)) {}
};

std::size_t connected(gateway_fixture& fixture, const std::string& user) {
  auto got = fixture.ask(
      get("/api/v1/daemon/status", "X-User-Id: " + user_named(user) + "\r\n"));
  REQUIRE(got.status == 200);
  return body_of(got)["connected_daemons"];
}

raw_response send_to(gateway_fixture& fixture, const std::string& user,
                     const std::string& id, const std::string& text = "do it") {
  json_in body{{"tenant_id", accounts::first_tenant},
               {"user_id", user_named(user)},
               {"message_id", id},
               {"channel", "chat"},
               {"text", text}};
  auto one = fixture.admin_client();
  REQUIRE(one.send(post("/admin/v1/daemons/messages", body.dump())));
  return one.response().value_or(raw_response{});
}

} // namespace

TEST_CASE("a message is claimed, told of and replied to") {
  gateway_fixture fixture;
  CHECK(connected(fixture, "ann") == 0);
  auto nobody = send_to(fixture, "ann", "m0");
  CHECK(nobody.status == 404);
  CHECK(body_of(nobody)["error"] == "no daemon connected");
  CHECK_FALSE(fixture.runs.knows("daemon:m0"));

  program first{fixture, "ann"};
  CHECK(first.next() == json_in::parse(R"({"type":"connected"})"));
  program second{fixture, "ann"};
  CHECK(second.next()["type"] == "connected");
  program other{fixture, "bob"};
  CHECK(other.next()["type"] == "connected");
  CHECK(connected(fixture, "ann") == 2);
  CHECK(connected(fixture, "bob") == 1);

  auto sent = send_to(fixture, "ann", "m1");
  CHECK(sent.status == 200);
  CHECK(body_of(sent)["workflow_id"] == "daemon:m1");
  CHECK(body_of(sent)["connected_daemons"] == 2);
  for (auto* one : {&first, &second}) {
    auto got = one->next();
    CHECK(got["type"] == "message");
    CHECK(got["message_id"] == "m1");
    CHECK(got["payload"]["channel"] == "chat");
    CHECK(got["payload"]["text"] == "do it");
    CHECK(got["payload"].contains("timestamp"));
  }
  second.say({{"type", "claim"}, {"message_id", "m1"}});
  CHECK(second.next()["payload"]["granted"] == true);
  first.say({{"type", "claim"}, {"message_id", "m1"}});
  CHECK(first.next()["payload"]["granted"] == false);

  second.say({{"type", "progress"}, {"message_id", "m1"}});
  second.say(
      {{"type", "event"},
       {"message_id", "m1"},
       {"payload",
        {{"event_type", "TOOL_STARTED"}, {"message", "looks"}, {"seq", 1}}}});
  second.say({{"type", "reply"},
              {"message_id", "m1"},
              {"payload", {{"channel", "chat"}, {"text", "done"}}}});
  // That it is on disk is said afterwards.
  auto stored = second.next();
  CHECK(stored["type"] == "system");
  CHECK(stored["message_id"] == "m1");
  CHECK(stored["payload"]["event"] == "reply_stored");
  auto run = fixture.runs.find("daemon:m1");
  REQUIRE(run);
  CHECK(run->head.birth.user.value == user_named("ann"));
  REQUIRE(run->signals.size() == 2);
  CHECK(run->signals[0].told().type() == "TOOL_STARTED");
  CHECK(run->signals[1].name() == "daemon-reply-v1");
  CHECK(json_in::parse(run->signals[1].payload())["text"] == "done");
  // Whoever follows the message sees it.
  auto events = fixture.ask(get("/api/v1/tasks/daemon:m1/events"));
  CHECK(body_of(events)["events"][0]["type"] == "TOOL_STARTED");

  second.leave();
  CHECK(eventually([&] { return connected(fixture, "ann") == 1; }));
}

TEST_CASE("a reply that comes after a restart of the gateway is not lost") {
  gateway_fixture fixture;
  {
    program before{fixture, "ann"};
    before.next();
    REQUIRE(send_to(fixture, "ann", "m1").status == 200);
    before.next();
    fixture.end_gateway();
    CHECK(before.is_closed());
  }
  fixture.start_gateway();
  program stranger{fixture, "bob"};
  stranger.next();
  json_in reply{
      {"type", "reply"}, {"message_id", "m1"}, {"payload", {{"text", "done"}}}};
  stranger.say(reply);
  stranger.leave();
  CHECK(eventually([&] { return connected(fixture, "bob") == 0; }));
  program after{fixture, "ann"};
  after.next();
  after.say(reply);
  CHECK(after.next()["payload"]["event"] == "reply_stored");
  auto run = fixture.runs.find("daemon:m1");
  REQUIRE(run->signals.size() == 1);
}

TEST_CASE("a daemon of a node that drains is told that it is started again, "
          "one that leaves is not") {
  gateway_fixture fixture;
  program leaves{fixture, "ann"};
  leaves.next();
  leaves.say({{"type", "disconnect"}});
  CHECK(leaves.is_closed());
  CHECK(leaves.reason() == ws::close_code::normal);
  program stays{fixture, "ann"};
  stays.next();
  fixture.drain_gateway();
  CHECK(stays.is_closed());
  CHECK(stays.reason() == ws::close_code::service_restart);
}

TEST_CASE("what breaks the rules of a daemon's WebSocket ends it") {
  gateway_fixture fixture;
  {
    program one{fixture, "ann"};
    one.next();
    one.say_raw("no json");
    CHECK(one.is_closed());
  }
  {
    program one{fixture, "ann"};
    one.next();
    one.say_raw("{\"type\":\"" + std::string(70'000, 'x') + "\"}");
    CHECK(one.is_closed());
  }
  {
    program one{fixture, "ann"};
    one.next();
    one.say({{"type", "disconnect"}});
    CHECK(one.is_closed());
  }
  CHECK(eventually([&] { return connected(fixture, "ann") == 0; }));
  // No handshake, no daemon.
  CHECK(fixture.ask(get("/v1/ws/messages")).status == 400);
}

TEST_CASE("a user has so many daemons and no more") {
  gateway_fixture fixture;
  std::vector<std::unique_ptr<program>> all;
  auto most = config::daemon_settings{}.connections_per_user_max;
  for (std::uint32_t i = 0; i < most; ++i) {
    all.push_back(std::make_unique<program>(fixture, "ann"));
    all.back()->next();
  }
  auto refused = fixture.ask(
      get("/v1/ws/messages",
          "X-User-Id: " + user_named("ann")
              + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                "Sec-WebSocket-Version: 13\r\n"
                "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"));
  CHECK(refused.status == 429);
  CHECK(refused.fields.count("retry-after") == 1);
  program other{fixture, "bob"};
  CHECK(other.next()["type"] == "connected");
}

TEST_CASE("a message that says too little is refused") {
  gateway_fixture fixture;
  for (const char* body : {"{}", "7", R"({"tenant_id":"t","user_id":"u"})",
                           R"({"tenant_id":"t","user_id":"u","text":7})"}) {
    auto one = fixture.admin_client();
    REQUIRE(one.send(post("/admin/v1/daemons/messages", body)));
    CHECK(one.response()->status == 400);
  }
}
