#include "actors/gateway/routes/routes.hpp"

#include <catch2/catch.hpp>

#include <set>
#include <string>

using namespace shannon::gateway;

namespace {

route_match find(std::string method, std::string path, std::string query = {},
                 door by = door::api) {
  http_request request;
  request.method = std::move(method);
  request.path = std::move(path);
  request.query = std::move(query);
  request.came_by = by;
  return match(request);
}

using outcome = route_match::outcome;

} // namespace

TEST_CASE("a route is found by method and pattern") {
  auto task = find("GET", "/api/v1/tasks/task-1");
  REQUIRE(task.what == outcome::found);
  CHECK(task.to->leads_to == endpoint::get_task);
  CHECK(task.parts == std::vector<std::string>{"task-1"});
  CHECK(find("POST", "/api/v1/tasks").to->leads_to == endpoint::submit_task);
  CHECK(find("GET", "/api/v1/tasks").to->leads_to == endpoint::list_tasks);
  CHECK(find("GET", "/api/v1/tasks/t/events").to->leads_to
        == endpoint::get_events);
}

TEST_CASE("a literal segment beats an open one") {
  CHECK(find("POST", "/api/v1/tasks/stream").to->leads_to
        == endpoint::submit_task_stream);
  CHECK(find("GET", "/api/v1/tasks/stream").to->leads_to == endpoint::get_task);
}

TEST_CASE("HEAD is served where GET is, any method where none is named") {
  CHECK(find("HEAD", "/health").what == outcome::found);
  for (const auto* method : {"GET", "POST", "DELETE", "BREW"})
    CHECK(find(method, "/api/v1/stream/sse").what == outcome::found);
}

TEST_CASE("a wrong method is told which are right") {
  auto refused = find("DELETE", "/api/v1/tasks");
  CHECK(refused.what == outcome::wrong_method);
  CHECK(refused.text == "GET, HEAD, POST");
  CHECK(find("GET", "/api/v1/tasks/t/cancel").text == "POST");
  CHECK(find("HEAD", "/api/v1/tasks/t/cancel").what == outcome::wrong_method);
}

TEST_CASE("unknown paths are unknown") {
  for (const auto* path :
       {"/", "/api", "/api/v1/tasks/", "/api/v1/tasks/t/nothing", "/health/",
        "/HEALTH", "/api/v1/tasks/t/events/1"})
    CHECK(find("GET", path).what == outcome::unknown_path);
}

TEST_CASE("a path that is not clean leads to the clean one") {
  auto moved = find("GET", "//api/v1/../v1/./tasks", "limit=1");
  CHECK(moved.what == outcome::moved);
  CHECK(moved.text == "/api/v1/tasks?limit=1");
  // A browser would read `/\\host` as another host.
  CHECK(find("GET", "/./\\evil.example", "").text == "/%5Cevil.example");
  CHECK(find("GET", "/nothing//here").text == "/nothing/here");
  CHECK(clean_path("/../..") == "/");
  CHECK(clean_path("/a/b/") == "/a/b/");
  CHECK(clean_path("/a//") == "/a/");
  CHECK(clean_path("/a/.") == "/a");
  CHECK(clean_path("//evil.example/x") == "/evil.example/x");
}

TEST_CASE("segments are decoded after they are split") {
  CHECK(find("GET", "/api/v1/tasks/a%2Fb").parts.front() == "a/b");
  CHECK(find("GET", "/api/v1/tasks/a%zz").what == outcome::bad_path);
  CHECK(find("GET", "/api/v1/tasks/a%4").what == outcome::bad_path);
  std::string out;
  CHECK(percent_decode("a+b%41", true, out));
  CHECK(out == "a bA");
}

TEST_CASE("each door has its own routes") {
  CHECK(find("GET", "/debug/tree").what == outcome::unknown_path);
  CHECK(find("GET", "/debug/tree", "", door::admin).what == outcome::found);
  CHECK(find("GET", "/metrics", "", door::admin).what == outcome::found);
  CHECK(find("POST", "/api/v1/tasks", "", door::admin).what
        == outcome::unknown_path);
}

TEST_CASE("operators reach runs through the admin door alone") {
  for (const char* path : {"/admin/v1/runs/task-1%2Fagent-1",
                           "/admin/v1/runs/task-1%2Fagent-1/signal",
                           "/admin/v1/runs/task-1%2Fagent-1/resume",
                           "/admin/v1/runs/task-1%2Fagent-1/query"}) {
    const char* method
        = std::string_view{path}.ends_with("agent-1") ? "GET" : "POST";
    CHECK(find(method, path).what == outcome::unknown_path);
    auto found = find(method, path, "", door::admin);
    REQUIRE(found.what == outcome::found);
    CHECK(found.parts.front() == "task-1/agent-1");
  }
}

TEST_CASE("no two routes are the same") {
  std::set<std::pair<std::string_view, std::string_view>> seen;
  for (const auto& one : routes())
    CHECK(seen.emplace(one.method, one.pattern).second);
}
