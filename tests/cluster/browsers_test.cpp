// Browser sessions on other nodes than the runs they belong to. The node of one
// is drained, or killed; its run goes on with another.

#include "nodes/commands/api_client.hpp"
#include "nodes/commands/server_url.hpp"
#include "tests/browser/site.hpp"
#include "tests/cluster/real_cluster.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

namespace {

enum : unsigned { brain, eyes_1, eyes_2, nodes };

const std::vector<std::string> roles{"gateway, orchestrator, agent, llm, tool",
                                     "browser", "browser"};

struct cluster_with_eyes {
  site web;
  real_cluster all;

  /// `more` stands among the settings of browsers.
  explicit cluster_with_eyes(const std::string& more = "")
      : all{roles,
            "browser: {egress_allow: [\"127.0.0.1:" + std::to_string(web.port())
                + "\"]" + more + "}\n",
            "  drain_notice: 100ms\n"} {
    for (unsigned i = 0; i < nodes; ++i)
      all.start(i);
    for (unsigned i = 0; i < nodes; ++i)
      all.await_ready(i);
  }

  std::string url(const std::string& path) const {
    return web.url(path, "127.0.0.1");
  }

  std::string begin(const std::string& calls) {
    auto where = commands::parse_server_url("http://127.0.0.1:"
                                            + std::to_string(all.port(brain)));
    REQUIRE(where);
    commands::api_client client{*where, std::string{}};
    auto got = client.post("/api/v1/tasks",
                           {{"query", "Who am I?\n" + calls},
                            {"context", {{"role", "browser_use"}}}},
                           steady_clock::now() + 10s);
    REQUIRE(got);
    return (*got)["task_id"].get<std::string>();
  }

  std::vector<std::string> told(const std::string& task,
                                const std::string& type) {
    auto page = json::parse(
        all.page(brain, "/api/v1/tasks/" + task + "/events?limit=200", false));
    std::vector<std::string> out;
    for (const auto& one : page["events"])
      if (one.value("type", "") == type)
        out.push_back(one.value("message", ""));
    return out;
  }

  std::size_t sessions_of(unsigned node) {
    return json::parse(
        all.page(node, "/browser/sessions", true))["active_sessions"];
  }

  /// An action of a client's, in its session `mine`.
  json act(unsigned by, json what) const {
    auto where = commands::parse_server_url(
        "http://127.0.0.1:" + std::to_string(all.admin_port(by)));
    REQUIRE(where);
    commands::api_client client{*where, std::string{}};
    what["session_id"] = "mine";
    auto got = client.post("/browser/action", what, steady_clock::now() + 60s);
    return got ? *got : json{{"error", got.error().text}};
  }

  /// Signs in, and is in the midst of an action; the node that holds the
  /// session.
  unsigned holder_in_action(const std::string& task) {
    auto due = steady_clock::now() + 40s;
    while (told(task, "TOOL_INVOKED").size() < 3) {
      REQUIRE(steady_clock::now() < due);
      all.listen(20ms);
    }
    auto holder = sessions_of(eyes_1) == 1 ? eyes_1 : eyes_2;
    REQUIRE(sessions_of(holder) == 1);
    return holder;
  }

  std::string signs_in_and_waits(const std::string& how_long) {
    return "CALL browser_navigate {\"url\": \"" + url("/login")
           + "\"}\nCALL browser_navigate {\"url\": \"" + url("/me")
           + "\"}\nCALL browser_wait {\"ms\": " + how_long + "}\n"
           + "CALL browser_extract {}\nCALL browser_extract {}\n";
  }
};

bool says(const std::string& text, const std::string& what) {
  return text.find(what) != std::string::npos;
}

} // namespace

TEST_CASE("a node that drains finishes the action of its session, and the run "
          "goes on in another session on another node") {
  cluster_with_eyes here;
  auto task = here.begin(here.signs_in_and_waits("3000"));
  auto holder = here.holder_in_action(task);
  auto end = here.all.stop(holder);
  INFO(end.err);
  CHECK(end.code == 0);
  auto done = here.all.await_end(brain, task, 60s);
  CHECK(done["status"] == "TASK_STATUS_COMPLETED");
  auto seen = here.told(task, "TOOL_OBSERVATION");
  REQUIRE(seen.size() >= 5);
  CHECK_FALSE(says(seen[2], "was lost"));
  CHECK(says(seen[3], "was lost while browser_extract"));
  CHECK(says(seen[3], here.url("/me")));
  CHECK(says(seen[4], "signed in"));
  CHECK(here.web.asked("/login") == 1);
}

TEST_CASE("a run drives a session on another node, and opens it again "
          "elsewhere when that is killed") {
  cluster_with_eyes here;
  auto task = here.begin(here.signs_in_and_waits("8000"));
  auto holder = here.holder_in_action(task);
  // How well its browser is shut in stands in its log.
  here.all.listen(200ms);
  CHECK(says(here.all.log(holder), "browser-started"));
  CHECK(says(here.all.log(holder), "outer and its own"));
  here.all.kill(holder);
  auto done = here.all.await_end(brain, task, 60s);
  CHECK(done["status"] == "TASK_STATUS_COMPLETED");
  auto seen = here.told(task, "TOOL_OBSERVATION");
  REQUIRE(seen.size() >= 4);
  CHECK(says(seen[2], "was lost while browser_wait"));
  CHECK(says(seen[2], here.url("/me")));
  CHECK(says(seen[3], "signed in"));
  CHECK(here.web.asked("/login") == 1);
}

TEST_CASE("a client's session is the same by whatever node it is asked for") {
  cluster_with_eyes here;
  auto went
      = here.act(brain, {{"action", "navigate"}, {"url", here.url("/login")}});
  INFO(went.dump());
  REQUIRE(went["success"] == true);
  for (unsigned by : {brain, eyes_1, eyes_2}) {
    auto seen
        = here.act(by, {{"action", "navigate"}, {"url", here.url("/me")}});
    CHECK(seen["success"] == true);
    auto text = here.act(by, {{"action", "extract"}});
    INFO(text.dump());
    CHECK(says(text.dump(), "signed in"));
  }
  CHECK(here.sessions_of(eyes_1) + here.sessions_of(eyes_2) == 1);
  // Whoever looks at the whole cluster sees it; how large it is stands there
  // once its browser has been looked after.
  std::string listed;
  auto large = steady_clock::now() + 10s;
  do
    listed = run_shannon({"inspect", "--kind", "browser_session", "--dsn",
                          here.all.dsn()},
                         {})
                 .out;
  while (!says(listed, " MiB") && steady_clock::now() < large);
  INFO(listed);
  CHECK(says(listed, "browser_session/client:mine@"));
  CHECK(says(listed, here.url("/me")));
  CHECK(says(listed, " MiB"));
  auto where = commands::parse_server_url(
      "http://127.0.0.1:" + std::to_string(here.all.admin_port(brain)));
  REQUIRE(where);
  commands::api_client client{*where, std::string{}};
  CHECK(client.post("/browser/close", {{"session_id", "mine"}},
                    steady_clock::now() + 10s));
  auto due = steady_clock::now() + 10s;
  while (here.sessions_of(eyes_1) + here.sessions_of(eyes_2) > 0) {
    REQUIRE(steady_clock::now() < due);
    here.all.listen(20ms);
  }
}

TEST_CASE("a client's session that went with its node begins anew on another") {
  cluster_with_eyes here;
  auto went
      = here.act(brain, {{"action", "navigate"}, {"url", here.url("/login")}});
  INFO(went.dump());
  REQUIRE(went["success"] == true);
  auto holder = here.sessions_of(eyes_1) == 1 ? eyes_1 : eyes_2;
  auto other = holder == eyes_1 ? eyes_2 : eyes_1;
  here.all.kill(holder);
  // Of the other node, which may not know yet that the first one is gone. What
  // was on its way then is told so, and the client asks again.
  json seen;
  auto due = steady_clock::now() + 20s;
  do {
    seen = here.act(other, {{"action", "navigate"}, {"url", here.url("/me")}});
  } while (seen["success"] != true && steady_clock::now() < due);
  CHECK(seen["success"] == true);
  auto text = here.act(brain, {{"action", "extract"}});
  INFO(seen.dump() << text.dump());
  CHECK(says(text.dump(), "a stranger"));
  CHECK(here.sessions_of(other) == 1);
}

TEST_CASE("a tenant's sessions are spread over nodes up to its limit on each, "
          "and one more waits until one of them ends") {
  cluster_with_eyes here{", tenant_sessions_max: 1"};
  std::vector<std::string> tasks;
  for (int i = 0; i < 3; ++i)
    tasks.push_back(here.begin(here.signs_in_and_waits("3000")));
  std::size_t most = 0;
  auto due = steady_clock::now() + 60s;
  auto is_over = [&](const std::string& task) {
    return json::parse(
               here.all.page(brain, "/api/v1/tasks/" + task, false))["status"]
           == "TASK_STATUS_COMPLETED";
  };
  while (!std::all_of(tasks.begin(), tasks.end(), is_over)) {
    REQUIRE(steady_clock::now() < due);
    for (unsigned node : {eyes_1, eyes_2})
      CHECK(here.sessions_of(node) <= 1);
    most = std::max(most, here.sessions_of(eyes_1) + here.sessions_of(eyes_2));
    here.all.listen(50ms);
  }
  CHECK(most == 2);
  for (const auto& task : tasks) {
    auto seen = here.told(task, "TOOL_OBSERVATION");
    REQUIRE(seen.size() == 5);
    // Nobody's model was told of a limit.
    CHECK(says(seen[4], "signed in"));
  }
}
