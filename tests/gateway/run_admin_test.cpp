#include "actors/gateway/resources/run_requests.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::test;
using gateway::json_in;

namespace {

const std::string run = "task-1/agent-1";
const std::string target = "/admin/v1/runs/task-1%2Fagent-1";

/// A fixture with one run whose id holds a slash.
struct fixture : gateway_fixture {
  explicit fixture(store::log_status status = store::log_status::running) {
    runs.with(run, [&](fake_runs::run& one) {
      one.head.status = status;
      one.head.birth.tenant = tenant_id{"another"};
    });
  }

  raw_response admin(const std::string& request) {
    auto one = admin_client();
    REQUIRE(one.send(request));
    auto answer = one.response();
    REQUIRE(answer);
    return std::move(*answer);
  }

  json_in body(const std::string& request, int status) {
    auto answer = admin(request);
    INFO(answer.body);
    REQUIRE(answer.status == status);
    return json_in::parse(answer.body);
  }
};

} // namespace

TEST_CASE("the admin port tells what a run says of itself") {
  fixture it;
  auto body = it.body(get(target), 200);
  CHECK(body["run"] == run);
  CHECK(body["status"] == "running");
  CHECK(body["live"]["phase"] == "running");
  CHECK(body["live"]["waits"][0]["kind"] == "signal");
  CHECK(body["live"]["waits"][0]["what"] == "go");
}

TEST_CASE("a run that has ended is not woken to be described") {
  fixture it{store::log_status::failed};
  auto body = it.body(get(target), 200);
  CHECK(body["status"] == "failed");
  CHECK(body["live"].is_null());
}

TEST_CASE("the admin port hands on signals, texts and bytes") {
  fixture it;
  auto body
      = it.body(post(target + "/signal",
                     R"({"name":"go","payload":"yes","signal_id":"s-1"})"),
                200);
  CHECK(body["signal_id"] == "s-1");
  body = it.body(
      post(target + "/signal", R"({"name":"go","payload_base64":"/wA="})"),
      200);
  CHECK(body["signal_id"].get<std::string>().size() == 36);
  auto signals = it.runs.find(run)->signals;
  REQUIRE(signals.size() == 2);
  CHECK(signals[0].task() == run);
  CHECK(signals[0].name() == "go");
  CHECK(signals[0].payload() == "yes");
  CHECK(signals[0].signal_id() == "s-1");
  CHECK(signals[1].payload() == std::string("\xff\x00", 2));
}

TEST_CASE("a parked run is resumed, without the record of named steps") {
  fixture it{store::log_status::needs_operator};
  auto body = it.body(
      post(target + "/resume",
           R"({"reason":"mended","by":"ada","forget":["s1/agent#2","plan"]})"),
      200);
  CHECK(body["success"] == true);
  CHECK(it.body(post(target + "/resume", ""), 200)["success"] == true);
  auto resumes = it.runs.find(run)->resumes;
  REQUIRE(resumes.size() == 2);
  CHECK(resumes[0].reason() == "mended");
  CHECK(resumes[0].by() == "ada");
  REQUIRE(resumes[0].forget_size() == 2);
  CHECK(resumes[0].forget(0).scope() == "s1");
  CHECK(resumes[0].forget(0).key() == "agent");
  CHECK(resumes[0].forget(0).occurrence() == 2);
  CHECK(resumes[0].forget(1).scope().empty());
  CHECK(resumes[0].forget(1).key() == "plan");
  CHECK(resumes[0].forget(1).occurrence() == 1);
  CHECK(resumes[1].forget_size() == 0);
}

TEST_CASE("what cannot be done with a run is refused and named") {
  fixture it;
  CHECK(it.body(post(target + "/resume", ""), 409)["error"]
        == "it is not parked");
  auto unknown = it.body(get("/admin/v1/runs/task-9"), 404);
  CHECK(unknown["error"] == "task-9: no such run");
  CHECK(
      it.admin(post("/admin/v1/runs/task-9/signal", R"({"name":"go"})")).status
      == 404);
  struct wrong {
    std::string path;
    std::string body;
    std::string says;
  };
  for (const auto& one : std::vector<wrong>{
           {"/signal", "", "Invalid request body"},
           {"/signal", "[]", "must be a JSON object"},
           {"/signal", "{}", "Invalid name: a text expected"},
           {"/signal", R"({"name":7})", "name"},
           {"/signal", R"({"name":"a","payload":7})", "a string expected"},
           {"/signal", R"({"name":"a","payload":"","payload_base64":""})",
            "both found"},
           {"/signal", R"({"name":"a","payload_base64":"?"})", "base64"},
           {"/resume", R"({"forget":"plan"})", "an array of places"},
           {"/resume", R"({"forget":[7]})", "a place like scope/key#2"},
           {"/resume", R"({"forget":["plan#0"]})", "a number from 1"},
           {"/resume", R"({"forget":["plan#x"]})", "a number from 1"},
           {"/resume", R"({"forget":["s/#1"]})", "a place like scope/key#2"},
           {"/query", "{}", "Invalid name"},
       }) {
    INFO(one.path << " " << one.body);
    auto body = it.body(post(target + one.path, one.body), 400);
    CHECK(body["error"].get<std::string>().find(one.says) != std::string::npos);
  }
  fixture ended{store::log_status::completed};
  for (const char* path : {"/signal", "/resume", "/query"})
    CHECK(ended.body(post(target + path, R"({"name":"go"})"), 409)["error"]
          == run + " has ended already");
}

TEST_CASE("a run answers queries of its program") {
  fixture it;
  CHECK(it.body(post(target + "/query", R"({"name":"echo","payload":"hi"})"),
                200)["payload"]
        == "hi");
  CHECK(it.body(post(target + "/query",
                     R"({"name":"echo","payload_base64":"/wA="})"),
                200)["payload_base64"]
        == "/wA=");
  CHECK(it.admin(post(target + "/query", R"({"name":"none"})")).status == 404);
}
