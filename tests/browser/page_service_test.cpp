#include "tests/browser/browsing.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::test;
using Catch::Matchers::Contains;
using nlohmann::json;

namespace {

/// Width and height of a PNG, from its head.
std::pair<unsigned, unsigned> size_of(const std::string& png) {
  auto number = [&](std::size_t at) {
    unsigned out = 0;
    for (std::size_t i = at; i < at + 4; ++i)
      out = out << 8 | static_cast<unsigned char>(png.at(i));
    return out;
  };
  return {number(16), number(20)};
}

std::vector<std::string> labels_of(const json& sections) {
  std::vector<std::string> out;
  for (const auto& one : sections)
    out.push_back(one["label"]);
  return out;
}

} // namespace

TEST_CASE("what lies over a page is answered, and nothing is agreed to that "
          "can be refused") {
  browsing b;
  b.open("/banners");
  auto got = b.act("browser_tidy", {{"scroll_through", true}});
  REQUIRE(got.success);
  CHECK(got.metadata["popup_detected"] == true);
  // A dialog, the banner, and what was behind the dialog.
  CHECK(got.metadata["popups_dismissed"] == 3);
  REQUIRE(got.attachments.size() == 1);
  CHECK(got.attachments[0].name == "popup-1.png");
  auto said = b.text_of("#out");
  CHECK_THAT(said, Contains("closed"));
  CHECK_THAT(said, Contains("rejected"));
  CHECK_THAT(said, !Contains("agreed"));
  CHECK(got.metadata["url"] == b.web.url("/banners"));
  // The bar of links belongs to the page.
  CHECK(b.say("browser_wait", {{"selector", "nav"}, {"timeout_ms", 500}})
        == "'nav' is visible");
}

TEST_CASE("scrolling through a page loads what is loaded when it is seen, and "
          "ends at the top") {
  browsing b;
  auto before = b.web.asked("/seen.png");
  b.open("/banners");
  CHECK(b.web.asked("/seen.png") == before);
  auto got = b.act("browser_tidy", {{"scroll_through", true}});
  CHECK(b.web.asked("/seen.png") == before + 1);
  CHECK(got.metadata["windows"] >= 10);
  auto at = b.act("browser_scroll", {{"direction", "up"}});
  CHECK(at.metadata["scroll"]["y"] == 0);
}

TEST_CASE("an endless page is scrolled through for a while only") {
  browsing b;
  b.open("/scroll");
  auto got = b.act("browser_tidy", {{"scroll_through", true}});
  CHECK(got.success);
  CHECK(got.metadata["popup_detected"] == false);
  CHECK(got.metadata["popups_dismissed"] == 0);
  CHECK(got.attachments.empty());
  CHECK(got.metadata["windows"] == 20);
}

TEST_CASE("overlays without a way out are hidden, five at most") {
  browsing b;
  b.web.page("/stuck", R"(<title>Stuck</title><p>below</p><script>
let n = 0;
const put = () => {
  const d = document.createElement('div');
  d.className = 'modal';
  d.style = 'position:fixed;inset:0;background:#fff;z-index:' + ++n;
  document.body.append(d);
};
put();
new MutationObserver(put).observe(document.body,
  {attributes: true, attributeFilter: ['style'], subtree: true});
</script>)");
  b.open("/stuck");
  auto got = b.act("browser_tidy");
  REQUIRE(got.success);
  CHECK(got.metadata["popups_dismissed"] == 5);
}

TEST_CASE("a page of one fixed box is no overlay") {
  browsing b;
  b.web.page("/app", "<title>App</title><body><div id=modal-root></div>"
                     "<div style='position:fixed;inset:0'><p>All there is"
                     "</div>");
  b.open("/app");
  auto got = b.act("browser_tidy");
  CHECK(got.metadata["popup_detected"] == false);
  CHECK(b.text_of("p") == "All there is");
}

TEST_CASE("a page is drawn part by part from its top to its end") {
  browsing b;
  b.open("/parts");
  auto got = b.act("browser_sections");
  REQUIRE(got.success);
  auto& all = got.metadata["sections"];
  // Short ones are joined: the top with what follows, the end with what is
  // before.
  CHECK(labels_of(all) == std::vector<std::string>{"Top", "Small", "Right"});
  CHECK(got.metadata["sections_total"] == 3);
  double y = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    CAPTURE(all[i].dump());
    CHECK(all[i]["index"] == i);
    CHECK(all[i]["y"] == y);
    y += all[i]["height"].get<double>();
    auto& file = got.attachments.at(i);
    CHECK(all[i]["file"] == file.name);
    auto [width, height] = size_of(file.bytes);
    CHECK(width == 1280);
    CHECK(height == all[i]["height"]);
  }
  CHECK(y == 90 + 700 + 200 + 250 + 400 + 80);
}

TEST_CASE("thresholds say what is joined, and how many are drawn") {
  browsing b;
  b.open("/parts");
  auto apart
      = b.act("browser_sections", {{"min_height", 1}, {"merge_threshold", 0}});
  CHECK(labels_of(apart.metadata["sections"])
        == std::vector<std::string>{"Top", "Hero", "Small", "Next", "Right",
                                    "The end"});
  auto first
      = b.act("browser_sections",
              {{"min_height", 1}, {"merge_threshold", 0}, {"max_sections", 2}});
  CHECK(labels_of(first.metadata["sections"])
        == std::vector<std::string>{"Top", "Hero"});
  CHECK(first.metadata["sections_total"] == 6);
  CHECK(first.attachments.size() == 2);
  auto one = b.act("browser_sections", {{"merge_threshold", 10'000}});
  CHECK(one.metadata["sections"].size() == 1);
}

TEST_CASE("selectors say themselves what the sections are") {
  browsing b;
  b.open("/parts");
  json which{{"selectors", json::array({"#hero", "footer"})}};
  auto got = b.act("browser_sections", which);
  REQUIRE(got.success);
  auto& all = got.metadata["sections"];
  REQUIRE(all.size() == 2);
  CHECK(all[0]["id"] == "hero");
  CHECK(all[0]["height"] == 700);
  CHECK(all[1]["tag"] == "footer");
  CHECK(all[1]["height"] == 80);
  json none{{"selectors", json::array({"#nothing"})}};
  CHECK(b.refusal("browser_sections", none)
        == "no visible element matches \"#nothing\"");
}

TEST_CASE("sections beyond the bytes of a screenshot are told and not drawn") {
  browser::session_options options;
  options.screenshot_bytes_max = 5'000;
  browsing b{options};
  b.open("/parts");
  auto got
      = b.act("browser_sections", {{"min_height", 1}, {"merge_threshold", 0}});
  REQUIRE(got.success);
  std::size_t bytes = 0;
  for (auto& file : got.attachments)
    bytes += file.bytes.size();
  CHECK(bytes <= 5'000);
  auto& last = got.metadata["sections"].back();
  CHECK_FALSE(last.contains("file"));
  CHECK_THAT(last["error"].get<std::string>(),
             Contains("more than 5000 bytes"));
}

TEST_CASE("a page is laid out as on the device that is named") {
  browsing b;
  auto shown = [&](const char* device) {
    auto got = b.act("browser_show_as", {{"device", device}});
    REQUIRE(got.success);
    b.web.page("/device", "<meta name=viewport content='width=device-width'>"
                          "<p id=out></p><script>out.textContent = innerWidth "
                          "+ ' ' + ('ontouchstart' in window) + ' ' + "
                          "navigator.userAgent.includes('Mobile')</script>");
    b.open("/device");
    return b.text_of("#out");
  };
  CHECK(shown("desktop") == "1280 false false");
  CHECK(shown("tablet") == "768 true false");
  CHECK(shown("mobile") == "390 true true");
}

TEST_CASE("a page that is busy while the device changes does not keep the next "
          "from being shown so") {
  browsing b;
  b.web.page("/busy", "<script>setInterval(() => { const t = Date.now(); "
                      "while (Date.now() - t < 300); }, 310)</script>");
  b.web.page("/device", "<meta name=viewport content='width=device-width'>"
                        "<p id=out></p><script>out.textContent = innerWidth "
                        "+ ' ' + ('ontouchstart' in window) + ' ' + "
                        "navigator.userAgent.includes('Mobile')</script>");
  b.open("/busy");
  REQUIRE(b.act("browser_show_as", {{"device", "mobile"}}).success);
  // Another site: another renderer, which is told what the first one has done.
  auto got = b.act("browser_navigate",
                   {{"url", b.web.url("/device", "other.test")}});
  REQUIRE(got.success);
  CHECK(b.text_of("#out") == "390 true true");
}
