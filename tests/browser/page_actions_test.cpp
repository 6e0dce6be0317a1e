#include "tests/browser/browsing.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::test;
using Catch::Matchers::Contains;
using Catch::Matchers::StartsWith;
using nlohmann::json;

TEST_CASE("a page is loaded and says where it is") {
  browsing b;
  auto got = b.act("browser_navigate", {{"url", b.web.url("/")}});
  REQUIRE(got.success);
  CHECK(got.output == "at " + b.web.url("/") + " \"Home\"");
  CHECK(got.metadata["url"] == b.web.url("/"));
  CHECK(got.metadata["title"] == "Home");
  CHECK(got.metadata["status"] == 200);
  CHECK(got.metadata["loaded"] == true);
  CHECK(b.session->view().title == "Home");
}

TEST_CASE("wait_until says how far a page has to be loaded") {
  browsing b;
  auto url = b.web.url("/slow-image");
  for (auto how : {"commit", "domcontentloaded"}) {
    auto got = b.act("browser_navigate",
                     {{"url", url}, {"wait_until", how}, {"timeout_ms", 3000}});
    CHECK(got.metadata["loaded"] == true);
  }
  for (auto how : {"load", "networkidle"}) {
    auto got = b.act("browser_navigate",
                     {{"url", url}, {"wait_until", how}, {"timeout_ms", 600}});
    REQUIRE(got.success);
    CHECK(got.metadata["loaded"] == false);
    CHECK_THAT(got.output, Contains("had not finished loading within 600 ms"));
  }
}

TEST_CASE("addresses other than http and https are refused") {
  browsing b;
  b.open("/two");
  for (auto url : {"file:///etc/passwd", "chrome://version", "about:blank",
                   "view-source:http://site.test/", "data:text/html,x",
                   "javascript:alert(1)", "JavaScript:alert(1)", "blob:x",
                   "ftp://site.test/", "devtools://devtools/x"}) {
    CAPTURE(url);
    CHECK_THAT(b.refusal("browser_navigate", {{"url", url}}),
               StartsWith("an address has to begin with http:// or https://"));
    CHECK_THAT(b.refusal("browser_download", {{"url", url}}),
               StartsWith("an address has to begin"));
    CHECK_THAT(b.refusal("browser_tabs", {{"tab_action", "new"}, {"url", url}}),
               StartsWith("an address has to begin"));
  }
  for (auto url : {"", "site.test", "http://", "http://u:p@site.test/",
                   "http://127.1/", "http:// site.test/"}) {
    CAPTURE(url);
    CHECK_THAT(b.refusal("browser_navigate", {{"url", url}}),
               StartsWith("this is no address that can be loaded"));
  }
  CHECK(b.session->view().url == b.web.url("/two"));
}

TEST_CASE("a page that cannot be loaded says why") {
  browsing b;
  auto refusal = [&](const std::string& url) {
    return b.refusal("browser_navigate", {{"url", url}, {"timeout_ms", 3000}});
  };
  CHECK_THAT(refusal(b.web.url("/loop")), Contains("redirects for ever"));
  CHECK_THAT(refusal(b.web.url("/nothing")), Contains("has no content"));
  CHECK_THAT(refusal(b.web.url("/file.bin")),
             Contains("is a file and no page; browser_download gets it"));
  CHECK_THAT(refusal("https://site.test:" + std::to_string(b.web.port())),
             Contains("https://site.test"));
  CHECK_THAT(refusal(b.web.url("/to-file")), Contains("/to-file"));
  auto slow = b.refusal("browser_navigate",
                        {{"url", b.web.url("/never")}, {"timeout_ms", 400}});
  CHECK_THAT(slow, Contains("did not answer within 400 ms; it was given up"));
  // Answers that are no failures: the server's own pages.
  CHECK_THAT(b.say("browser_navigate", {{"url", b.web.url("/error")}}),
             Contains("the server answered 500"));
  CHECK_THAT(b.say("browser_navigate", {{"url", b.web.url("/broken")}}),
             Contains("\"Broken\"")
                 && Contains("it broke off while it was loading"));
}

TEST_CASE("what the way out refuses is told with its reason") {
  browsing b;
  CHECK_THAT(b.refusal("browser_navigate", {{"url", "http://10.0.0.1/"}}),
             StartsWith("http://10.0.0.1/ must not be reached: "));
  CHECK_THAT(b.refusal("browser_navigate", {{"url", "https://10.0.0.1/"}}),
             StartsWith("https://10.0.0.1/: it must not be reached"));
}

TEST_CASE("history goes back and forward, and a page loads again") {
  browsing b;
  b.open("/");
  b.open("/two");
  CHECK_THAT(b.say("browser_back"), Contains("\"Home\""));
  CHECK_THAT(b.say("browser_forward"), Contains("\"Two\""));
  auto before = b.web.asked("/two");
  CHECK_THAT(b.say("browser_reload"), Contains("\"Two\""));
  CHECK(b.web.asked("/two") > before);
  CHECK(b.refusal("browser_forward") == "there is no page to go forward to");
}

TEST_CASE("fields are filled, typed into, selected and submitted") {
  browsing b;
  b.open("/form");
  CHECK_THAT(b.say("browser_fill",
                   {{"selector", "[name=mail]"}, {"text", "a@b.test"}}),
             Contains("filled"));
  b.say("browser_fill", {{"selector", "[name=pw]"}, {"text", "pa:ss-1"}});
  b.say("browser_fill", {{"selector", "[name=notes]"}, {"text", ""}});
  b.say("browser_type",
        {{"selector", "[name=notes]"}, {"text", "Grüße,\nA+b \"c\" 世界"}});
  b.say("browser_fill", {{"selector", "[name=born]"}, {"text", "2001-02-03"}});
  b.say("browser_fill", {{"selector", "#rich"}, {"text", "rich text"}});
  CHECK_THAT(b.say("browser_select",
                   {{"selector", "[name=colour]"}, {"text", "Green"}}),
             Contains("selected \"Green\""));
  b.say("browser_select",
        {{"selector", "[name=sizes]"}, {"values", json::array({"S", "L"})}});
  b.say("browser_click", {{"selector", "[name=terms]"}});
  CHECK(b.text_of("#rich") == "rich text");
  CHECK_THAT(b.say("browser_click", {{"selector", "button >> text=Sign up"}}),
             Contains("\"Thanks\""));
  CHECK(b.web.posted("/submit")
        == "mail=a%40b.test&pw=pa%3Ass-1&notes=Gr%C3%BC%C3%9Fe%2C%0D%0AA%2Bb+"
           "%22c%22+%E4%B8%96%E7%95%8C&colour=g&sizes=S&sizes=L&terms=on&born="
           "2001-02-03&fixed=constant");
}

TEST_CASE("a field that cannot be filled says what it is") {
  browsing b;
  b.open("/form");
  auto fill = [&](const char* selector, const char* text = "x") {
    return b.refusal(
        "browser_fill",
        {{"selector", selector}, {"text", text}, {"timeout_ms", 200}});
  };
  CHECK_THAT(fill("[name=fixed]"), Contains("is read-only after 200 ms"));
  CHECK_THAT(fill("[name=terms]"), Contains("is of type checkbox; use click"));
  CHECK_THAT(fill("h1"), Contains("cannot be typed into"));
  CHECK_THAT(fill("[name=born]", "soon"),
             Contains("'soon' is no value for a field of type date"));
  CHECK_THAT(b.refusal("browser_select",
                       {{"selector", "[name=colour]"}, {"text", "Pink"}}),
             Contains("there is no option \"Pink\"; there are \"Red\""));
  CHECK_THAT(b.refusal("browser_select",
                       {{"selector", "[name=colour]"}, {"text", "Blue"}}),
             Contains("the option \"Blue\" is disabled"));
  CHECK_THAT(
      b.refusal("browser_select", {{"selector", "[name=mail]"}, {"text", "x"}}),
      Contains("is no list to select from"));
}

TEST_CASE("keys are pressed, with others held") {
  browsing b;
  b.open("/form");
  b.say("browser_press", {{"key", "ArrowDown"}, {"selector", "[name=mail]"}});
  b.say("browser_press", {{"key", "F5"}});
  b.say("browser_press", {{"key", "a"}});
  b.say("browser_press", {{"key", "Control+A"}});
  b.say("browser_press", {{"key", "Backspace"}});
  CHECK(b.text_of("#keys") == "ArrowDown F5 a Control A Backspace");
  CHECK(b.text_of("[name=mail]").empty());
  CHECK_THAT(b.refusal("browser_press", {{"key", "Hyper+Q"}}),
             StartsWith("'Hyper+Q' is no key; keys are Enter"));
}

TEST_CASE("secrets are in no output, error or metadata") {
  browsing b;
  b.open("/form");
  std::string all;
  auto keep = [&](const browser::action_result& got) {
    all += got.output + got.error + got.metadata.dump();
  };
  keep(b.act("browser_fill", {{"selector", "#pw"}, {"text", "typed-secret"}}));
  keep(b.act("browser_type", {{"selector", "#pw"}, {"text", "-more"}}));
  keep(b.act("browser_observe"));
  keep(b.act("browser_extract", {{"extract_type", "html"}}));
  keep(b.act("browser_extract", {{"selector", "#pw"}}));
  keep(b.act("browser_extract",
             {{"selector", "#pw"}, {"extract_type", "html"}}));
  keep(b.act("browser_extract", {{"selector", "#pw"},
                                 {"extract_type", "attribute"},
                                 {"attribute", "value"}}));
  keep(b.act(
      "browser_fill",
      {{"selector", "#none"}, {"text", "typed-secret"}, {"timeout_ms", 100}}));
  b.open("/login");
  keep(b.act("browser_extract"));
  CHECK(all.find("typed-secret") == std::string::npos);
  CHECK(all.find("preset-secret") == std::string::npos);
  CHECK(all.find("-more") == std::string::npos);
  CHECK(all.find("who=me") == std::string::npos);
  CHECK_THAT(all, Contains("textbox \\\"Password\\\"")
                      || Contains("textbox \"Password\" (secret, filled)"));
}

TEST_CASE("text, attributes, links and tables are read") {
  browsing b;
  b.open("/table");
  CHECK(b.say("browser_extract", {{"extract_type", "tables"}})
        == "Prices\n| Item | Price |\n| Apple | 1.20 |\n| Pear | 0.80 |\n");
  CHECK(b.say("browser_extract", {{"extract_type", "links"}})
        == "Two <" + b.web.url("/two?x=1") + ">\n");
  auto cells = b.act("browser_extract", {{"selector", "td"}});
  CHECK(cells.output == "Apple\n1.20\nPear\n0.80");
  CHECK(cells.metadata["matches"] == 4);
  auto& elements = cells.metadata["elements"];
  REQUIRE(elements.size() == 4);
  CHECK(elements[1]["tag"] == "td");
  CHECK(elements[1]["text"] == "1.20");
  CHECK(elements[1]["visible"] == true);
  CHECK(elements[1]["bounding_box"]["width"] > 0);
  CHECK(b.say("browser_extract", {{"selector", "a"},
                                  {"extract_type", "attribute"},
                                  {"attribute", "data-kind"}})
        == "link");
  CHECK_THAT(b.say("browser_extract",
                   {{"selector", "caption"}, {"extract_type", "html"}}),
             StartsWith("<caption>Prices"));
  CHECK_THAT(b.refusal("browser_extract", {{"extract_type", "attribute"}}),
             Contains("needs its name"));
}

TEST_CASE("what is read is bounded, and says so") {
  browser::session_options options;
  options.text_bytes_max = 500;
  browsing b{options};
  b.open("/many");
  auto got = b.act("browser_extract");
  REQUIRE(got.success);
  CHECK(got.output.size() < 600);
  CHECK_THAT(got.output, Contains("[cut after "));
  CHECK(got.metadata["whole"] == false);
}

TEST_CASE("an element that is not there is named, with similar ones") {
  browsing b;
  b.open("/form");
  auto why = b.refusal("browser_click",
                       {{"selector", "#sign-up"}, {"timeout_ms", 150}});
  CHECK_THAT(why, StartsWith("no element matches '#sign-up' within 150 ms; "));
  CHECK_THAT(why, Contains("similar:"));
  CHECK_THAT(why, Contains("button \"Sign up\""));
  CHECK_THAT(
      b.refusal("browser_click", {{"selector", "p[["}, {"timeout_ms", 150}}),
      StartsWith("'p[[' is no CSS selector"));
  CHECK_THAT(b.refusal("browser_click", {{"selector", "@999"}}),
             StartsWith("@999 is no element that was shown"));
  CHECK_THAT(b.refusal("browser_click"), Contains("needs a selector"));
  CHECK(b.refusal("browser_dance")
        == "there is no browser action 'browser_dance'");
}

TEST_CASE("shadow roots and frames are part of the page") {
  browsing b;
  b.open("/shadow");
  b.say("browser_click", {{"selector", "button.deep"}});
  CHECK(b.text_of("my-card .said") == "deep clicked");
  b.say("browser_fill", {{"selector", "input.inner"}, {"text", "inner"}});
  CHECK(b.text_of("my-card my-inner input") == "inner");
  CHECK_THAT(b.say("browser_extract"), Contains("Inside text"));

  b.open("/frames-of");
  auto outline = b.say("browser_observe");
  CHECK_THAT(outline, Contains("iframe \"Own\""));
  CHECK_THAT(outline, Contains("iframe \"Other\""));
  // Both frames have one button and one field.
  std::vector<std::string> fields;
  for (std::size_t at = 0; (at = outline.find("textbox", at)) != outline.npos;
       ++at) {
    auto begin = outline.rfind('@', at);
    fields.push_back(outline.substr(begin, at - begin - 1));
  }
  REQUIRE(fields.size() == 2);
  for (auto& field : fields) {
    CAPTURE(field);
    b.say("browser_fill", {{"selector", field}, {"text", "typed in " + field}});
    CHECK(b.text_of(field) == "typed in " + field);
    auto button = "@" + std::to_string(std::stoi(field.substr(1)) - 1);
    CHECK_THAT(b.say("browser_click", {{"selector", button}}),
               Contains("Press me"));
  }
  auto text = b.say("browser_extract");
  CHECK_THAT(text, Contains("[frame " + b.web.url("/frame-in", "other.test")));
  auto first = text.find("frame clicked");
  REQUIRE(first != text.npos);
  CHECK(text.find("frame clicked", first + 1) != text.npos);
}

TEST_CASE("images are of the window, of the page or of an element") {
  browsing b;
  b.open("/");
  auto got = b.act("browser_screenshot");
  REQUIRE(got.success);
  REQUIRE(got.attachments.size() == 1);
  CHECK(got.attachments[0].type == "image/png");
  CHECK(got.attachments[0].bytes.substr(1, 3) == "PNG");
  CHECK(got.metadata["width"] == 1280);
  CHECK(got.metadata["height"] == 720);
  CHECK(got.metadata["thumbnail"].get<std::string>().size() > 100);
  CHECK(got.metadata["thumbnail"].get<std::string>().size()
        < 16 * 1024 * 4 / 3);
  auto one
      = b.act("browser_screenshot", {{"selector", "#go"}, {"format", "jpeg"}});
  REQUIRE(one.success);
  CHECK(one.attachments[0].type == "image/jpeg");
  CHECK(one.metadata["height"] < 60);
  b.open("/tall");
  auto all = b.act("browser_screenshot", {{"full_page", true}});
  REQUIRE(all.success);
  CHECK(all.metadata["height"] == 9375);
  CHECK_THAT(all.output, Contains("the page is larger"));
}

TEST_CASE("an image above the limit is a typed error") {
  browser::session_options options;
  options.screenshot_bytes_max = 2000;
  browsing b{options};
  b.open("/form");
  CHECK_THAT(b.refusal("browser_screenshot"),
             Contains("2000 are the limit; draw an element"));
}

TEST_CASE("scripts run only where policy lets them") {
  browsing without;
  without.open("/");
  CHECK_THAT(without.refusal("browser_evaluate", {{"script", "1"}}),
             Contains("not allowed here by policy"));
  browser::session_options options;
  options.may_evaluate = true;
  options.text_bytes_max = 1000;
  browsing b{options};
  b.open("/");
  auto run = [&](const char* script) {
    return b.say("browser_evaluate", {{"script", script}});
  };
  CHECK(run("1 + 1") == "2");
  CHECK(run("document.title") == "Home");
  CHECK(run("() => document.title") == "Home");
  CHECK(run("async () => ({a: [1]})") == "{\n \"a\": [\n  1\n ]\n}");
  CHECK(run("const x = 3; return x * 2") == "6");
  CHECK(run("undefined") == "undefined");
  CHECK_THAT(run("'x'.repeat(100e6)"), Contains("[cut after 1000 bytes]"));
  CHECK_THAT(b.refusal("browser_evaluate", {{"script", "null.x"}}),
             StartsWith("the script failed: TypeError"));
  CHECK_THAT(b.refusal("browser_evaluate", {{"script", "return ]"}}),
             StartsWith("the script failed: SyntaxError"));
  CHECK_THAT(b.refusal("browser_evaluate",
                       {{"script", "for (;;);"}, {"timeout_ms", 300}}),
             Contains("did not answer in time"));
  CHECK(run("2") == "2");
}

TEST_CASE("each script may do what a user's click may") {
  browser::session_options options;
  options.may_evaluate = true;
  browsing b{options};
  const json ask{{"script", "navigator.userActivation.isActive"}};
  b.open("/");
  CHECK(b.say("browser_evaluate", ask) == "true");
  CHECK(b.say("browser_evaluate", ask) == "true");
  // A document of its own has had no click yet.
  b.open("/form");
  CHECK(b.say("browser_evaluate", ask) == "true");
  // To open a window takes a click, and uses it up.
  b.say("browser_evaluate", {{"script", "void window.open('about:blank')"}});
  CHECK(b.say("browser_evaluate", ask) == "true");
  // It counts for some time only.
  b.say("browser_wait", {{"ms", 5500}});
  CHECK(b.say("browser_evaluate", ask) == "true");
  b.say("browser_evaluate",
        {{"script", "new Promise(done => setTimeout(done, 5500))"}});
  CHECK(b.say("browser_evaluate", ask) == "true");
  b.refusal("browser_evaluate", {{"script", "window.open('about:blank').x.y"}});
  CHECK(b.say("browser_evaluate", ask) == "true");
}

TEST_CASE("a page is printed") {
  browsing b;
  b.open("/table");
  auto got = b.act("browser_pdf");
  REQUIRE(got.success);
  CHECK(got.attachments.at(0).bytes.substr(0, 5) == "%PDF-");
  CHECK(got.attachments.at(0).type == "application/pdf");
}

TEST_CASE("all actions are in one tool, too") {
  browsing b;
  b.say("browser", {{"action", "navigate"}, {"url", b.web.url("/")}});
  b.say("browser", {{"action", "click"}, {"selector", "#go"}});
  CHECK(b.say("browser", {{"action", "extract"}, {"selector", "#out"}})
        == "clicked 1");
  CHECK(b.refusal("browser", {{"action", "browser"}})
        == "there is no browser action 'browser'");
  for (auto& one : browser::page_actions()) {
    CAPTURE(one.name);
    auto schema = json::parse(one.parameters);
    CHECK(schema["type"] == "object");
    for (auto& [name, property] : schema["properties"].items())
      CHECK(property.is_object());
    CHECK_FALSE(one.description.empty());
  }
}
