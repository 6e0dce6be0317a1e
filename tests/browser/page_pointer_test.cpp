// What a mouse does: clicks, hovers, scrolls.

#include "tests/browser/browsing.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

TEST_CASE("a click is a real one, and what it leads to is told") {
  browsing b;
  b.open("/");
  CHECK_THAT(b.say("browser_click", {{"selector", "#go"}}),
             Contains("button \"Go\""));
  CHECK(b.text_of("#out") == "clicked 1");
  b.say("browser_click", {{"selector", "text=Go"}, {"click_count", 2}});
  CHECK(b.text_of("#out") == "clicked 3");
  CHECK_THAT(b.say("browser_click", {{"selector", "text=\"Second page\""}}),
             Contains("\"Two\""));
  CHECK(b.session->view().url == b.web.url("/two"));
}

TEST_CASE("a click is by the button that is named, also at a point") {
  browsing b;
  b.web.page("/buttons",
             "<body oncontextmenu='return false'><p id=out>-</p>"
             "<button id=pad style='position: fixed; left: 300px; top: 200px; "
             "width: 60px; height: 60px' onmousedown=\"out.textContent = "
             "event.button + ' ' + event.isTrusted\">Pad</button>");
  b.open("/buttons");
  b.say("browser_click", {{"selector", "#pad"}, {"button", "right"}});
  CHECK(b.text_of("#out") == "2 true");
  b.say("browser_click", {{"selector", "#pad"}, {"button", "middle"}});
  CHECK(b.text_of("#out") == "1 true");
  CHECK_THAT(b.say("browser_click", {{"x", 320}, {"y", 220}}),
             StartsWith("clicked the point 320, 220"));
  CHECK(b.text_of("#out") == "0 true");
  CHECK(b.refusal("browser_click") == "click needs a selector, or x and y");
}

TEST_CASE("what shows itself under the pointer is there once one hovers") {
  browsing b;
  b.web.page("/menu",
             "<style>#menu { width: 200px } #menu ul { display: none } "
             "#menu:hover ul { display: block }</style>"
             "<div id=menu>Menu<ul><li><button id=item onclick=\""
             "out.textContent = 'chosen'\">Item</button></ul></div>"
             "<p id=out>-</p>");
  b.open("/menu");
  CHECK_THAT(
      b.refusal("browser_click", {{"selector", "#item"}, {"timeout_ms", 300}}),
      Contains("visible"));
  CHECK_THAT(b.say("browser_hover", {{"selector", "#menu"}}),
             StartsWith("the pointer is over "));
  b.say("browser_click", {{"selector", "#item"}, {"timeout_ms", 1000}});
  CHECK(b.text_of("#out") == "chosen");
  CHECK_THAT(b.refusal("browser_hover",
                       {{"selector", "#nothing"}, {"timeout_ms", 300}}),
             Contains("#nothing"));
}

TEST_CASE("a part of a page scrolls by itself, in all directions") {
  browsing b;
  b.web.page("/box",
             "<div id=box tabindex=0 style='width: 200px; height: 100px; "
             "overflow: auto'><div style='width: 3000px; height: 3000px'>"
             "wide</div></div>");
  b.open("/box");
  auto place = [&](json how) {
    how["selector"] = "#box";
    return b.act("browser_scroll", std::move(how)).metadata["scroll"];
  };
  CHECK(place({{"y", 300}})["y"] == 300);
  CHECK(place({{"direction", "right"}, {"pages", 0.1}})["y"] == 300);
  CHECK(place({{"direction", "up"}})["y"] == 0);
  auto across = place({{"x", 70}});
  CHECK(across["x"] == 70);
  CHECK(across["window"] < 110);
}
