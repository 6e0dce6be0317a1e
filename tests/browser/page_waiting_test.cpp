#include "tests/browser/browsing.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using std::chrono::steady_clock;

namespace {

/// A page whose button is not ready at once, and what a click comes to.
struct wait_case {
  const char* query;
  const char* selector;
  const char* error; ///< Of a click within 150 ms.
  const char* then;  ///< What the page says of a click that waits.
};

} // namespace

TEST_CASE("actions wait until an element may be acted on") {
  auto one = GENERATE(
      wait_case{"late", "#late", "which is not visible after 150 ms", "late"},
      wait_case{"off", "#off", "which is disabled after 150 ms", "off"},
      wait_case{"move", "#moving", "which keeps moving after 150 ms", "moving"},
      wait_case{"cover", "#far", "which is covered by div (#cover)", "far"},
      wait_case{"made", "#made", "no element matches '#made'", "made"});
  CAPTURE(one.query);
  browsing b;
  b.open(std::string{"/waits?"} + one.query);
  CHECK_THAT(b.refusal("browser_click",
                       {{"selector", one.selector}, {"timeout_ms", 150}}),
             Contains(one.error));
  b.open(std::string{"/waits?"} + one.query);
  b.say("browser_click", {{"selector", one.selector}});
  CHECK(b.text_of("#out") == one.then);
}

TEST_CASE("an element that is never ready ends by its timeout") {
  browsing b;
  for (auto [query, selector] :
       {std::pair{"forever", "#moving"}, std::pair{"covered", "#moving"},
        std::pair{"", "#off"}, std::pair{"", "#late"}}) {
    CAPTURE(query, selector);
    b.open(std::string{"/waits?"} + query);
    auto begun = steady_clock::now();
    CHECK_THAT(b.refusal("browser_click",
                         {{"selector", selector}, {"timeout_ms", 400}}),
               Contains("after 400 ms"));
    auto took = steady_clock::now() - begun;
    CHECK(took >= 400ms);
    CHECK(took < 1500ms);
    CHECK(b.text_of("#out").empty());
  }
}

TEST_CASE("an element out of sight is scrolled to") {
  browsing b;
  b.open("/waits");
  b.say("browser_click", {{"selector", "#far"}});
  CHECK(b.text_of("#out") == "far");
  auto got = b.act("browser_scroll", {{"direction", "up"}, {"pages", 50}});
  CHECK(got.metadata["scroll"]["y"] == 0);
  CHECK_THAT(b.say("browser_scroll", {{"direction", "down"}}),
             StartsWith("scrolled the page: 648 pixels are above"));
  b.say("browser_scroll", {{"selector", "#far"}});
  b.say("browser_scroll", {{"x", 0}, {"y", 10}});
  b.open("/scroll");
  for (int i = 0; i < 3; ++i)
    b.say("browser_scroll", {{"direction", "down"}, {"pages", 10}});
  b.say("browser_wait", {{"text", "Row 61"}});
}

TEST_CASE("waiting is for an element, a text, silence or some time") {
  browsing b;
  b.open("/waits?made&late");
  CHECK(b.say("browser_wait", {{"selector", "#made"}}) == "'#made' is visible");
  b.open("/waits?late");
  b.say("browser_wait", {{"selector", "#late"}, {"state", "hidden"}});
  b.say("browser_wait", {{"selector", "#late"}, {"state", "attached"}});
  b.say("browser_wait", {{"selector", "#late"}, {"state", "visible"}});
  b.say("browser_wait", {{"selector", "#nowhere"}, {"state", "detached"}});
  CHECK_THAT(b.refusal("browser_wait",
                       {{"selector", "#nowhere"}, {"timeout_ms", 200}}),
             StartsWith("'#nowhere' was not visible within 200 ms"));
  CHECK_THAT(
      b.refusal("browser_wait", {{"text", "never said"}, {"timeout_ms", 200}}),
      StartsWith("the text \"never said\" was not visible"));
  CHECK_THAT(b.refusal("browser_wait"), Contains("wait needs a selector"));

  b.open("/spa");
  CHECK_THAT(b.say("browser_click", {{"selector", "button"}}),
             Contains("Spa next"));
  CHECK(b.session->view().url == b.web.url("/spa/next"));
  CHECK(b.say("browser_wait", {{"network_idle", true}})
        == "the page loads nothing any more");
  CHECK(b.text_of("#view") == "loaded later");

  auto begun = steady_clock::now();
  b.say("browser_wait", {{"ms", 200}});
  CHECK(steady_clock::now() - begun >= 200ms);
  b.say("browser_navigate",
        {{"url", b.web.url("/slow-image")}, {"wait_until", "commit"}});
  CHECK_THAT(
      b.refusal("browser_wait", {{"network_idle", true}, {"timeout_ms", 300}}),
      StartsWith("the page was still loading 1 thing"));
}

TEST_CASE("fields of forms do not hide what forms are") {
  browsing b;
  b.open("/clobber");
  CHECK(b.session->view().title == "Real");
  CHECK_THAT(b.say("browser_observe"), Contains("button \"Click here\""));
  b.say("browser_click", {{"selector", "text=Click here"}});
  CHECK(b.text_of("#done") == "clobber clicked");
  auto html = b.say("browser_extract",
                    {{"selector", "form"}, {"extract_type", "html"}});
  CHECK(html.find("clobbered-secret") == html.npos);
}
