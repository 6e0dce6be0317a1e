#include "tests/browser/browsing.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

std::string saved(browsing& b) {
  return b.house.run(b.session->save_state());
}

void restore(browsing& b, const std::string& state) {
  b.house.run(b.session->restore(state));
}

browser::session_options may_evaluate() {
  browser::session_options out;
  out.may_evaluate = true;
  return out;
}

} // namespace

TEST_CASE("a session is found again: address, cookies, storage, place") {
  std::string state;
  {
    browsing b{may_evaluate()};
    b.open("/login");
    b.open("/store", "other.test");
    b.say("browser_evaluate", {{"script", "keep('Other', '1')"}});
    saved(b);
    b.open("/store");
    b.say("browser_evaluate", {{"script", "keep('Ann', '2')"}});
    b.say("browser_scroll", {{"y", 1234}});
    state = saved(b);
  }
  CHECK(state.size() < 4'000);
  browsing b{may_evaluate()};
  b.open("/me");
  CHECK(b.text_of("p") == "a stranger");
  restore(b, state);
  CHECK(b.session->view().url == b.web.url("/store"));
  CHECK(b.text_of("#out") == "Ann 2");
  CHECK(b.say("browser_evaluate", {{"script", "scrollY"}}) == "1234");
  b.open("/me");
  CHECK(b.text_of("p") == "signed in");
  // Of origins that were open before, too, and only once.
  b.open("/store", "other.test");
  CHECK(b.text_of("#out") == "Other none");
  b.say("browser_evaluate", {{"script", "keep('Changed', '9')"}});
  b.open("/store", "other.test");
  CHECK(b.text_of("#out") == "Changed 9");
}

TEST_CASE("a cookie of one host is not given to those below it") {
  browsing first;
  first.open("/login");
  first.open("/two");
  auto state = json::parse(saved(first));
  REQUIRE(state["cookies"].size() == 2);
  for (auto& one : state["cookies"]) {
    CHECK_FALSE(one.contains("domain"));
    CHECK(one["url"] == "http://site.test/");
  }
  browsing second;
  restore(second, state.dump());
  CHECK(json::parse(saved(second))["cookies"] == state["cookies"]);
}

TEST_CASE("a state above its limit loses storage first, then cookies") {
  auto options = may_evaluate();
  options.state_bytes_max = 3'000;
  browsing b{options};
  b.open("/login");
  b.say("browser_evaluate",
        {{"script", "localStorage.big = 'x'.repeat(5000)"}});
  auto state = json::parse(saved(b));
  CHECK_FALSE(state.contains("local"));
  CHECK(state.contains("cookies"));
  b.say("browser_evaluate",
        {{"script", "document.cookie = 'big=' + 'y'.repeat(3500)"}});
  state = json::parse(saved(b));
  CHECK_FALSE(state.contains("cookies"));
  CHECK(state["url"] == b.web.url("/login"));
}

TEST_CASE("what is no state is refused") {
  browsing b;
  for (auto text : {"", "[]", "{\"v\":2}", "nonsense"})
    CHECK_THROWS_AS(restore(b, text), browser::cdp_failed);
  b.open("/");
}

TEST_CASE("a session opened ahead of need is made what is asked for") {
  browsing b;
  browser::session_options options = may_evaluate();
  options.width = 640;
  options.height = 480;
  options.user_agent = "Test/1";
  options.locale = "de-DE";
  b.house.run(b.session->adopt(options));
  b.open("/");
  CHECK(b.say("browser_evaluate",
              {{"script", "[innerWidth, innerHeight, navigator.userAgent, "
                          "navigator.language, (1.5).toLocaleString()]"
                          ".join(' ')"}})
        == "640 480 Test/1 de-DE 1,5");
}
