#include "actors/gateway/resources/browser_visits.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::gateway;

namespace {

constexpr std::uint32_t depth_max = 8;

http_request with(const std::string& body) {
  http_request out;
  out.body = body;
  return out;
}

json_in arguments_of(const visit_step& step) {
  return json_in::parse(step.what.arguments_json);
}

template <class Read>
std::string refusal(Read read, const std::string& body) {
  auto got = read(with(body), depth_max);
  if (got)
    return "taken";
  CHECK(got.error().code == errc::invalid_argument);
  return got.error().text;
}

remote::BrowserResult told(const std::string& about, bool success = true) {
  remote::BrowserResult out;
  out.mutable_result()->set_success(success);
  out.mutable_result()->set_metadata_json(about);
  return out;
}

void add_image(remote::BrowserResult& to, const std::string& name,
               const std::string& bytes) {
  auto* file = to.add_files();
  file->set_name(name);
  file->set_media_type("image/png");
  file->set_data(bytes);
}

} // namespace

TEST_CASE("a capture of a page's parts shows it as on a device, tidies it and "
          "draws") {
  auto got = read_sections(with(R"({"url":"http://a.example/"})"), depth_max);
  REQUIRE(got);
  REQUIRE(got->size() == 5);
  CHECK(arguments_of(got->at(0))["device"] == "desktop");
  CHECK(arguments_of(got->at(1))["url"] == "http://a.example/");
  CHECK(arguments_of(got->at(2))["ms"] == 3000);
  CHECK(got->at(3).may_fail);
  auto how = arguments_of(got->at(4));
  CHECK(how["min_height"] == 300);
  CHECK(how["max_sections"] == 8);
  CHECK(how["merge_threshold"] == 500);
  CHECK(how["selectors"].empty());
}

TEST_CASE("a refused capture says what was expected") {
  CHECK(refusal(read_sections, "{}") == "url is required");
  CHECK(refusal(read_capture, R"({"url":"file:///etc/passwd"})")
        == "Invalid url: expected one that begins with http:// or https://");
  CHECK(refusal(read_capture, R"({"url":"http://a/","wait_ms":30001})")
        == "wait_ms out of range (0..30000)");
  CHECK(refusal(read_sections, R"({"url":"http://a/","device":"watch"})")
        == "device: expected desktop, mobile or tablet");
  CHECK(refusal(read_sections, R"({"url":"http://a/","max_sections":21})")
        == "max_sections out of range (1..20)");
  CHECK(refusal(read_sections, R"({"url":"http://a/","min_height":"tall"})")
            .find("min_height")
        != std::string::npos);
  for (auto selectors : {R"("main")", R"([1])", R"([""])"})
    CHECK(refusal(read_sections, std::string{R"({"url":"http://a/",)"}
                                     + R"("selectors":)" + selectors + "}")
          == "selectors: expected a list of up to 20 texts of 1 to 1000 bytes");
}

TEST_CASE("a capture draws all of a page unless told otherwise") {
  auto full = read_capture(with(R"({"url":"http://a/"})"), depth_max);
  REQUIRE(full);
  CHECK(arguments_of(full->back())["full_page"] == true);
  auto window = read_capture(
      with(R"({"url":"http://a/","full_page":false,"wait_ms":0})"), depth_max);
  REQUIRE(window);
  REQUIRE(window->size() == 3);
  CHECK(arguments_of(window->at(1))["scroll_through"] == false);
  CHECK(arguments_of(window->at(2))["full_page"] == false);
}

TEST_CASE("each section is answered with its own image") {
  visit_steps steps{{{"browser_tidy", "{}"}, true},
                    {{"browser_sections", "{}"}, false}};
  auto tidied = told(R"({"url":"http://a/","title":"A","popup_detected":true,
                         "popups_dismissed":2})");
  add_image(tidied, "popup-1.png", "over");
  auto drawn = told(R"({"url":"http://a/","title":"A","sections_total":9,
                        "sections":[{"index":0,"file":"section-3.png"},
                                    {"index":1,"error":"not drawn"}]})");
  add_image(drawn, "section-3.png", "part");
  auto body = json_in::parse(visit_answer(steps, {tidied, drawn}).body);
  CHECK(body["success"] == true);
  CHECK(body["popup_screenshot"] == "b3Zlcg==");
  CHECK(body["popups_dismissed"] == 2);
  CHECK(body["sections_total"] == 9);
  CHECK(body["sections"][0]["screenshot"] == "cGFydA==");
  CHECK_FALSE(body["sections"][0].contains("file"));
  CHECK_FALSE(body["sections"][1].contains("screenshot"));
  CHECK_FALSE(body.contains("screenshot"));
}

TEST_CASE("what could not be tidied is a warning, what could not be drawn the "
          "answer") {
  visit_steps steps{{{"browser_tidy", "{}"}, true},
                    {{"browser_screenshot", "{}"}, false}};
  auto failed = told("{}", false);
  failed.mutable_result()->set_error("the page is busy");
  auto drawn = told("{}");
  add_image(drawn, "screenshot-1.png", "page");
  auto body = json_in::parse(visit_answer(steps, {failed, drawn}).body);
  CHECK(body["success"] == true);
  CHECK(body["warning"] == "the page is busy");
  CHECK(body["screenshot"] == "cGFnZQ==");
  body = json_in::parse(visit_answer(steps, {failed, failed}).body);
  CHECK(body["success"] == false);
  CHECK(body["error"] == "the page is busy");
}

TEST_CASE("an action's window and locale open its session, the rest is its own "
          "argument") {
  auto got = read_action(
      with(R"({"session_id":"s","action":"wait","viewport_width":800,
               "viewport_height":600,"locale":"de-DE","selector":"#a",
               "text":null})"),
      depth_max);
  REQUIRE(got);
  CHECK(got->options.width() == 800);
  CHECK(got->options.height() == 600);
  CHECK(got->options.locale() == "de-DE");
  CHECK(json_in::parse(got->what.arguments_json)
        == json_in({{"action", "wait"}, {"selector", "#a"}}));
  CHECK(refusal(read_action,
                R"({"session_id":"s","action":"wait","viewport_width":0})")
        == "viewport_width out of range (1..8192)");
}

TEST_CASE("a script's value is answered as it is, one that is too deep as a "
          "text") {
  action_request asked;
  asked.session_id = "s";
  asked.action = "evaluate";
  auto result = [&](const std::string& text, const char* type) {
    auto got = told(std::string{R"({"type":")"} + type + "\"}");
    got.mutable_result()->set_output(text);
    return json_in::parse(action_answer(asked, got).body)["result"];
  };
  CHECK(result("{\"a\": [1]}", "object") == json_in({{"a", {1}}}));
  CHECK(result("12", "string") == "12");
  CHECK(result("undefined", "undefined") == "undefined");
  CHECK(result(std::string(30'000, '['), "object").is_string());
  auto deep = std::string(30'000, '[') + std::string(30'000, ']');
  CHECK(result(deep, "object") == deep);
}

TEST_CASE("who looks at a node's browsers sees sessions and the processes they "
          "are in") {
  shannon::browser::pool_report all;
  shannon::browser::seen_session one;
  one.id = "run-1";
  one.url = "https://a.test/";
  one.title = "A";
  one.process = 71;
  one.memory_bytes = 5'000'000;
  one.age = std::chrono::seconds{12};
  all.sessions.push_back(one);
  all.processes.push_back(
      {71, std::chrono::minutes{1}, 1, 3, 9'000'000, false, false});
  all.sessions_max = 20;
  auto body = json_in::parse(sessions_answer(all).body);
  CHECK(body["active_sessions"] == 1);
  CHECK(body["max_sessions"] == 20);
  const auto& session = body["sessions"][0];
  CHECK(session["session_id"] == "run-1");
  CHECK(session["title"] == "A");
  CHECK(session["pid"] == 71);
  CHECK(session["memory_bytes"] == 5'000'000);
  CHECK(session["age_seconds"] == 12);
  CHECK(body["processes"][0]["pid"] == 71);
  CHECK(body["processes"][0]["own_sandbox"] == false);
}
