// A program on a user's machine is connected to one node; messages for it, and
// tasks of its user's, come in at another or are carried there.

#include "actors/gateway/text/identifiers.hpp"
#include "protocols/accounts.hpp"
#include "tests/cluster/real_cluster.hpp"
#include "tests/gateway/daemon_program.hpp"
#include "tests/gateway/raw_client.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <thread>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

enum : unsigned { door, brain };

const std::string ann = gateway::named_uuid("ann");

struct two_nodes {
  real_cluster all{{"gateway", "gateway, orchestrator, agent, llm, tool"}};

  two_nodes() {
    for (unsigned i : {door, brain})
      all.start(i);
    for (unsigned i : {door, brain})
      all.await_ready(i);
  }

  raw_response ask(std::uint16_t port, const std::string& method,
                   const std::string& target, const json& body = nullptr) {
    raw_client one{port};
    auto text = body.is_null() ? std::string{} : body.dump();
    REQUIRE(one.send(method + " " + target
                     + " HTTP/1.1\r\nHost: node\r\nX-User-Id: " + ann
                     + "\r\nContent-Type: application/json\r\n"
                       "Content-Length: "
                     + std::to_string(text.size()) + "\r\n\r\n" + text));
    auto got = one.response();
    INFO(all.log(door) << all.log(brain));
    REQUIRE(got);
    return *got;
  }

  std::size_t connected(unsigned node) {
    auto got = ask(all.port(node), "GET", "/api/v1/daemon/status");
    REQUIRE(got.status == 200);
    return json::parse(got.body)["connected_daemons"];
  }

  /// Nodes tell each other at once, and again every second.
  bool becomes(unsigned node, std::size_t daemons) {
    for (auto end = std::chrono::steady_clock::now() + 20s;
         std::chrono::steady_clock::now() < end;
         std::this_thread::sleep_for(50ms))
      if (connected(node) == daemons)
        return true;
    return false;
  }
};

} // namespace

TEST_CASE("a daemon is reached from any node, and no task's user has one that "
          "is not connected") {
  two_nodes it;
  const json feed{{"query", "feed the cat"},
                  {"context", {{"execution_target", "daemon"}}}};
  auto begin = [&] {
    auto got = it.ask(it.all.port(door), "POST", "/api/v1/tasks", feed);
    REQUIRE(got.status == 200);
    return json::parse(got.body)["task_id"].get<std::string>();
  };
  {
    daemon_program helper{it.all.port(door), ann};
    CHECK(helper.next()["type"] == "connected");
    REQUIRE(it.becomes(brain, 1));
    CHECK(it.connected(door) == 1);

    // A message that comes in at the other node.
    auto sent
        = it.ask(it.all.admin_port(brain), "POST", "/admin/v1/daemons/messages",
                 {{"tenant_id", accounts::first_tenant},
                  {"user_id", ann},
                  {"message_id", "m1"},
                  {"text", "hello"}});
    INFO(sent.body);
    REQUIRE(sent.status == 200);
    auto hello = helper.next();
    CHECK(hello["message_id"] == "m1");
    CHECK(hello["payload"]["text"] == "hello");
    helper.say({{"type", "claim"}, {"message_id", "m1"}});
    CHECK(helper.next()["payload"]["granted"] == true);
    helper.say({{"type", "reply"},
                {"message_id", "m1"},
                {"payload", {{"text", "hello yourself"}}}});
    CHECK(helper.next()["payload"]["event"] == "reply_stored");

    // A task that the other node carries.
    auto task = begin();
    auto wish = helper.next();
    CHECK(wish["message_id"] == task);
    CHECK(wish["payload"]["text"] == "feed the cat");
    helper.say({{"type", "claim"}, {"message_id", task}});
    CHECK(helper.next()["payload"]["granted"] == true);
    helper.say({{"type", "reply"},
                {"message_id", task},
                {"payload", {{"text", "the cat is fed"}}}});
    auto done = it.all.await_end(door, task, 30s);
    INFO(done.dump());
    CHECK(done["status"] == "TASK_STATUS_COMPLETED");
    CHECK(done["result"] == "the cat is fed");
    helper.leave();
  }
  REQUIRE(it.becomes(brain, 0));
  auto failed = it.all.await_end(door, begin(), 30s);
  INFO(failed.dump());
  CHECK(failed["status"] == "TASK_STATUS_FAILED");
  CHECK(failed.dump().find("no daemon connected") != std::string::npos);
}
