// Tasks of the strategy `browser_use`, with the real executable, real browsers
// and a site of our own; the node is killed in the middle.

#include "nodes/commands/server_url.hpp"
#include "tests/browser/process_tree.hpp"
#include "tests/browser/site.hpp"
#include "tests/integration/system_fixture.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <thread>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;
using std::chrono::steady_clock;

namespace {

struct browser_world {
  site web;
  system_fixture world;

  std::string url(const std::string& path) const {
    return web.url(path, "127.0.0.1");
  }

  void start() {
    auto host = "127.0.0.1:" + std::to_string(web.port());
    world.start({"SHANNON_BROWSER__EGRESS_ALLOW=" + host});
  }

  std::string submit(const std::string& query) {
    auto got = world.client()->post(
        "/api/v1/tasks",
        {{"query", query}, {"context", {{"role", "browser_use"}}}},
        steady_clock::now() + 10s);
    REQUIRE(got);
    return (*got)["task_id"].get<std::string>();
  }

  std::vector<json> events(const std::string& task, const std::string& type) {
    auto got
        = world.client()->get("/api/v1/tasks/" + task + "/events?limit=200",
                              steady_clock::now() + 10s);
    REQUIRE(got);
    std::vector<json> out;
    for (const auto& one : (*got)["events"])
      if (one.value("type", "") == type)
        out.push_back(one);
    return out;
  }

  json sessions() {
    auto where = commands::parse_server_url(world.admin_url());
    REQUIRE(where);
    commands::api_client admin{*where, std::string{}};
    auto got = admin.get("/browser/sessions", steady_clock::now() + 10s);
    REQUIRE(got);
    return *got;
  }

  template <class F>
  static bool until(F holds, std::chrono::seconds patience = 30s) {
    auto due = steady_clock::now() + patience;
    while (!holds()) {
      if (steady_clock::now() > due)
        return false;
      std::this_thread::sleep_for(10ms);
    }
    return true;
  }
};

json payload_of(const json& event) {
  const auto& payload = event.at("payload");
  return payload.is_string() ? json::parse(payload.get<std::string>())
                             : payload;
}

/// Chromium and what it runs in.
std::vector<pid_t> browsers_below(pid_t node) {
  std::vector<pid_t> out;
  for (auto pid : descendants_of(node)) {
    std::error_code failed;
    auto program = std::filesystem::read_symlink(
        "/proc/" + std::to_string(pid) + "/exe", failed);
    auto name = program.filename().string();
    if (name.starts_with("chrom") || name == "bwrap")
      out.push_back(pid);
  }
  return out;
}

} // namespace

TEST_CASE("a task looks at a page, acts on it, and answers") {
  browser_world here;
  here.start();
  auto task = here.submit("Sign up on the page\n"
                          "CALL browser_navigate {\"url\": \""
                          + here.url("/form")
                          + "\"}\n"
                            "CALL browser_observe {}\n"
                            "CALL browser_fill {\"selector\": \"[name=mail]\", "
                            "\"text\": \"a@b.example\"}\n"
                            "CALL browser_screenshot {}\n"
                            "CALL browser_press {\"selector\": "
                            "\"[name=mail]\", \"key\": \"Enter\"}\n"
                            "CALL browser_extract {}\n");
  auto end = here.world.await_end(task, 60s);
  CHECK(end["status"] == "TASK_STATUS_COMPLETED");
  CHECK(here.web.posted("/submit").find("a%40b.example") != std::string::npos);
  CHECK(here.web.asked("/submit") == 1);
  auto saved = here.events(task, "SCREENSHOT_SAVED");
  REQUIRE(saved.size() == 1);
  auto about = payload_of(saved[0]);
  CHECK(about["media_type"] == "image/png");
  CHECK(about["screenshot_path"] == about["blob"]);
  CHECK(end["unified_response"]["metadata"]["screenshots"]
        == json::array({about["blob"]}));
  auto body
      = here.world.text("/api/v1/blob/" + about["blob"].get<std::string>());
  CHECK(body.starts_with("iVBORw0KGgo"));
  // It is gone with its run.
  CHECK(here.until([&] { return here.sessions()["active_sessions"] == 0; }));
}

TEST_CASE("a node killed in the middle costs no action and no session state") {
  browser_world here;
  here.start();
  auto task = here.submit("Who am I?\n"
                          "CALL browser_navigate {\"url\": \""
                          + here.url("/login")
                          + "\"}\n"
                            "CALL browser_navigate {\"url\": \""
                          + here.url("/me")
                          + "\"}\n"
                            "CALL browser_wait {\"ms\": 8000}\n"
                            "CALL browser_extract {}\n");
  REQUIRE(here.until([&] { return here.web.asked("/me") == 1; }));
  REQUIRE(here.until(
      [&] { return here.events(task, "TOOL_INVOKED").size() == 3; }));
  auto left = browsers_below(here.world.node_pid());
  REQUIRE(left.size() >= 3);
  here.world.kill();
  auto since = steady_clock::now();
  CHECK(here.until(
      [&] { return std::none_of(left.begin(), left.end(), is_running); }, 2s));
  CHECK(steady_clock::now() - since < 2s);
  here.start();
  auto end = here.world.await_end(task, 90s);
  CHECK(end["status"] == "TASK_STATUS_COMPLETED");
  // What was recorded is not done again; the page itself is loaded anew.
  CHECK(here.web.asked("/login") == 1);
  CHECK(here.web.asked("/me") == 2);
  auto seen = here.events(task, "TOOL_OBSERVATION");
  REQUIRE(seen.size() >= 3);
  auto lost = seen[2]["message"].get<std::string>();
  CHECK(lost.find("was lost while browser_wait") != std::string::npos);
  CHECK(lost.find(here.url("/me")) != std::string::npos);
  auto last = seen.back()["message"].get<std::string>();
  CHECK(last.find("signed in") != std::string::npos);
}

TEST_CASE("a cancelled task has no session any more") {
  browser_world here;
  here.start();
  std::string goes;
  std::size_t calls = 1;
  SECTION("in the midst of the first action") {}
  SECTION("in the midst of a later one") {
    goes = "CALL browser_navigate {\"url\": \"" + here.url("/") + "\"}\n";
    calls = 2;
  }
  auto task = here.submit("Wait\n" + goes
                          + "CALL browser_wait {\"selector\": \"#never\", "
                            "\"timeout_ms\": 20000}\n");
  REQUIRE(here.until(
      [&] { return here.events(task, "TOOL_INVOKED").size() == calls; }));
  REQUIRE(here.until([&] { return here.sessions()["active_sessions"] == 1; }));
  auto got
      = here.world.client()->post("/api/v1/tasks/" + task + "/cancel",
                                  json::object(), steady_clock::now() + 10s);
  REQUIRE(got);
  auto since = steady_clock::now();
  auto end = here.world.await_end(task, 20s);
  CHECK(end["status"] == "TASK_STATUS_CANCELLED");
  CHECK(steady_clock::now() - since < 5s);
  CHECK(
      here.until([&] { return here.sessions()["active_sessions"] == 0; }, 10s));
}

TEST_CASE("clients of the browser service find what they know") {
  browser_world here;
  here.start();
  auto where = commands::parse_server_url(here.world.admin_url());
  REQUIRE(where);
  commands::api_client admin{*where, std::string{}};
  auto post = [&](const std::string& target, const json& body) {
    auto got = admin.post(target, body, steady_clock::now() + 60s);
    return got ? *got : json{{"refused", got.error().text}};
  };
  auto went = post(
      "/browser/action",
      {{"session_id", "mine"}, {"action", "navigate"}, {"url", here.url("/")}});
  CHECK(went["success"] == true);
  CHECK(went["url"] == here.url("/"));
  auto clicked = post(
      "/browser/action",
      {{"session_id", "mine"}, {"action", "click"}, {"selector", "#go"}});
  CHECK(clicked["success"] == true);
  CHECK(clicked["session_id"] == "mine");
  CHECK(clicked["action"] == "click");
  auto text = post(
      "/browser/action",
      {{"session_id", "mine"}, {"action", "extract"}, {"selector", "#out"}});
  CHECK(text["content"].get<std::string>().find("clicked 1")
        != std::string::npos);
  CHECK(text["elements"][0]["tag"] == "p");
  CHECK(text["elements"][0]["text"] == "clicked 1");
  auto wrong
      = post("/browser/action", {{"session_id", "mine"}, {"action", "dance"}});
  CHECK(wrong["success"] == false);
  CHECK(here.sessions()["active_sessions"] == 1);
  CHECK(post("/browser/close", {{"session_id", "mine"}})["success"] == true);
  auto captured = post(
      "/capture",
      {{"url", here.url("/two")}, {"wait_ms", 0}, {"include_text", true}});
  CHECK(captured["success"] == true);
  CHECK(captured["title"] == "Two");
  CHECK(captured["screenshot"].get<std::string>().starts_with("iVBORw0KGgo"));
  CHECK(captured["text"].get<std::string>().find("Second")
        != std::string::npos);
  CHECK(captured["popup_detected"] == false);
  auto covered = post(
      "/capture",
      {{"url", here.url("/banners")}, {"wait_ms", 0}, {"full_page", false}});
  CHECK(covered["popup_detected"] == true);
  CHECK(covered["popups_dismissed"] == 3);
  CHECK(covered["popup_screenshot"] != covered["screenshot"]);
  auto parts = post("/capture/sections", {{"url", here.url("/parts")},
                                          {"device", "mobile"},
                                          {"wait_ms", 0},
                                          {"max_sections", 2}});
  CHECK(parts["success"] == true);
  CHECK(parts["device"] == "mobile");
  CHECK(parts["sections_total"] == 3);
  REQUIRE(parts["sections"].size() == 2);
  for (const auto& one : parts["sections"]) {
    CHECK(one["width"] == 390);
    CHECK(one["screenshot"].get<std::string>().starts_with("iVBORw0KGgo"));
  }
  auto taken = post("/extract", {{"url", here.url("/two")}, {"wait_ms", 0}});
  CHECK(taken["text"].get<std::string>().find("Second") != std::string::npos);
  auto inside
      = post("/capture", {{"url", "http://169.254.169.254/"}, {"wait_ms", 0}});
  CHECK(inside["success"] == false);
  CHECK(here.until([&] { return here.sessions()["active_sessions"] == 0; }));
}
