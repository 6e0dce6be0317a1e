// What the admin's door tells of a node's inside, over real sockets.

#include "protocols/inspector.hpp"
#include "protocols/link.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

struct admin_fixture : gateway_fixture {
  std::pair<int, json> tell(const std::string& path) {
    auto admin = admin_client();
    admin.send(get(path));
    auto answer = admin.response().value_or(raw_response{});
    return {answer.status, json::parse(answer.body, nullptr, false)};
  }
};

/// An answer that shows what was asked.
inspector::actor_page page_for(const inspector::get_actors& wanted) {
  inspector::seen_actor who;
  who.address = wanted.kind + "/" + std::to_string(wanted.limit) + "-of-"
                + wanted.cursor;
  who.kind = wanted.kind;
  who.parent = wanted.parent;
  who.state = inspector::child_state::backing_off;
  who.oldest = 1'500us;
  who.messages_per_s = 12.3456;
  who.rate_over = 800ms;
  return {{who}, "2a", 100'000};
}

} // namespace

TEST_CASE("the admin's door tells a page of actors, as it was asked for") {
  admin_fixture it;
  it.stand_in("inspector", [](const envelope& mail) -> result<message_body> {
    const auto* wanted = mail.body.get_if<inspector::get_actors>();
    REQUIRE(wanted);
    return page_for(*wanted);
  });
  auto [status, body]
      = it.tell("/debug/actors?kind=workflow&limit=2&cursor=1f&parent=a%2Fb");
  CHECK(status == 200);
  REQUIRE(body["actors"].size() == 1);
  const auto& row = body["actors"][0];
  CHECK(row["address"] == "workflow/2-of-1f");
  CHECK(row["parent"] == "a/b");
  CHECK(row["state"] == "backing_off");
  CHECK(row["oldest_ms"] == 1.5);
  CHECK(row["messages_per_s"] == 12.346);
  CHECK(row["rate_over_ms"] == 800);
  CHECK(body["next"] == "2a");
  CHECK(body["total"] == 100'000);
}

TEST_CASE("a page without end or number is refused with what was expected") {
  admin_fixture it;
  for (std::string limit : {"0", "1001", "-1", "many"}) {
    auto [status, body] = it.tell("/debug/actors?limit=" + limit);
    CHECK(status == 400);
    CHECK(body["error"]
          == "limit: expected 1 to 1000; found \"" + limit + "\"");
  }
}

TEST_CASE("what the INSPECTOR refuses reaches who asked") {
  admin_fixture it;
  CHECK(it.tell("/debug/actors").first == 503); // Nobody inspects yet.
  it.stand_in("inspector", [](const envelope&) -> result<message_body> {
    return fail(errc::invalid_argument, "state: expected one of a, b");
  });
  auto [status, body] = it.tell("/debug/actors?state=happy");
  CHECK(status == 400);
  CHECK(body["error"] == "state: expected one of a, b");
}

TEST_CASE("the tree is told with its groups") {
  admin_fixture it;
  it.stand_in("inspector", [](const envelope&) -> result<message_body> {
    inspector::tree_node root;
    root.name = "root";
    root.children.resize(1);
    root.children[0].name = "workflows";
    root.children[0].groups = {{"workflow", 12, 3, 7, 2ms, 40, 1, {}}};
    return root;
  });
  auto [status, body] = it.tell("/debug/tree");
  CHECK(status == 200);
  CHECK(body["oldest_ms"].is_null());
  const auto& group = body["children"][0]["groups"][0];
  CHECK(group["kind"] == "workflow");
  CHECK(group["actors"] == 12);
  CHECK(group["busy"] == 3);
  CHECK(group["mailbox_depth"] == 7);
  CHECK(group["oldest_ms"] == 2.0);
  CHECK(group["messages_total"] == 40);
  CHECK(group["rejected_total"] == 1);
}

TEST_CASE("runs are told with their owner and what they wait for") {
  admin_fixture it;
  it.stand_in("inspector", [](const envelope& mail) -> result<message_body> {
    const auto* wanted = mail.body.get_if<inspector::get_runs>();
    REQUIRE(wanted);
    CHECK(wanted->phase == "running");
    CHECK(wanted->limit == 500);
    inspector::seen_run run;
    run.log = log_id{"task-1/agent-1"};
    run.kind = "agent";
    run.parent = log_id{"task-1"};
    run.phase = "running";
    run.waits_for = "timer nap#1";
    run.owner = node_id{"n1#3"};
    run.shard = 17;
    run.epoch = 4;
    run.wake_at = std::chrono::system_clock::time_point{1'700'000'000s};
    run.waits = {{"timer", "nap#1", "", {}, *run.wake_at, ""}};
    return inspector::run_page{{run}, "ff"};
  });
  auto [status, body] = it.tell("/debug/workflows?phase=running&limit=500");
  CHECK(status == 200);
  const auto& run = body["workflows"][0];
  CHECK(run["log"] == "task-1/agent-1");
  CHECK(run["waits_for"] == "timer nap#1");
  CHECK(run["wake_at"] == "2023-11-14T22:13:20Z");
  CHECK(run["owner"]["process"] == "n1#3");
  CHECK(run["owner"]["shard"] == 17);
  CHECK(run["owner"]["epoch"] == 4);
  CHECK(run["owner"]["lease_holds"] == false);
  CHECK(run["waits"][0]["since"].is_null());
  CHECK(run["waits"][0]["due"] == run["wake_at"]);
  CHECK(body["next"] == "ff");
  auto refused = it.tell("/debug/workflows?limit=501");
  CHECK(refused.first == 400);
  CHECK(refused.second["error"] == "limit: expected 1 to 500; found \"501\"");
}

TEST_CASE("a node without links tells none, one with links all of them") {
  admin_fixture it;
  auto [status, none] = it.tell("/debug/links");
  CHECK(status == 200);
  CHECK(none["links"].empty());
  it.stand_in("links", [](const envelope&) -> result<message_body> {
    shannon::link::link_states all;
    all.self = node_id{"n1#1"};
    all.listens = "127.0.0.1:9000";
    all.links.resize(1);
    all.links[0].process = node_id{"n2#1"};
    all.links[0].last_error = "no answer to 3 probes";
    all.links[0].asks_open = 5;
    return all;
  });
  auto body = it.tell("/debug/links").second;
  CHECK(body["self"] == "n1#1");
  REQUIRE(body["links"].size() == 1);
  CHECK(body["links"][0]["process"] == "n2#1");
  CHECK(body["links"][0]["up"] == false);
  CHECK(body["links"][0]["since"].is_null());
  CHECK(body["links"][0]["last_error"] == "no answer to 3 probes");
  CHECK(body["links"][0]["asks_open"] == 5);
}

TEST_CASE("leases say which node holds which shards, and for how long") {
  admin_fixture it;
  it.stand_in("inspector", [](const envelope&) -> result<message_body> {
    inspector::lease_report told;
    told.self = node_id{"n1#3"};
    told.lease_left = 1'900ms;
    told.shards_owned = 2;
    told.seen = {{node_id{"n1#3"}, 3}};
    told.all.nodes = {
        {node_id{"n1#3"}, {"gateway", "orchestrator"}, "h", "", "", "", 1'900},
        {node_id{"n2#1"}, {}, "h", "", "", "", -5'000'000}};
    told.all.shards = {{4, node_id{"n1#3"}}, {5, node_id{"n1#3"}}, {7, {}}};
    return told;
  });
  auto [status, body] = it.tell("/debug/leases");
  CHECK(status == 200);
  CHECK(body["self"] == "n1#3");
  CHECK(body["lease_left_ms"] == 1'900);
  CHECK(body["nodes"][0]["shards"] == 2);
  CHECK(body["nodes"][0]["shards_seen"] == 3);
  CHECK(body["nodes"][1]["shards"] == 0);
  CHECK(body["nodes"][1]["shards_seen"] == 0);
  CHECK(body["nodes"][1]["lease_left_ms"] == -5'000);
  CHECK(body["shards"][1]
        == json{{"shard", 1}, {"owner", "n1#3"}, {"epoch", 5}});
  CHECK(body["shards"][2]["owner"] == "");
}

TEST_CASE("the busiest are told in the order that was asked for") {
  admin_fixture it;
  it.stand_in("inspector", [](const envelope& mail) -> result<message_body> {
    const auto* wanted = mail.body.get_if<inspector::get_top>();
    REQUIRE(wanted);
    CHECK(wanted->by == inspector::top_order::age);
    CHECK(wanted->limit == 3);
    CHECK(wanted->kind == "agent");
    inspector::top_page page;
    page.actors = 12;
    page.busy = 2;
    page.mailbox_depth = 9;
    page.messages_per_s = 3.5;
    page.rows.resize(1);
    page.rows[0].address = "agent/a";
    return page;
  });
  auto [status, body] = it.tell("/debug/top?by=age&limit=3&kind=agent");
  CHECK(status == 200);
  CHECK(body["total"] == 12);
  CHECK(body["busy"] == 2);
  CHECK(body["mailbox_depth"] == 9);
  CHECK(body["oldest_ms"].is_null());
  CHECK(body["messages_per_s"] == 3.5);
  CHECK(body["actors"][0]["address"] == "agent/a");
  auto refused = it.tell("/debug/top?by=name");
  CHECK(refused.first == 400);
  CHECK(refused.second["error"]
        == "by: expected depth, age or rate; found \"name\"");
}

TEST_CASE("a node of other roles can be looked at, and takes no tasks") {
  gateway_fixture it{quick_settings(), false};
  auto refused = it.ask(get("/api/v1/tasks"));
  CHECK(refused.status == 404);
  CHECK(refused.body.find("does not play the role gateway")
        != std::string::npos);
  CHECK(it.ask(get("/health")).status == 200);
  auto admin = it.admin_client();
  admin.send(get("/debug/links"));
  CHECK(admin.response()->status == 200);
}
