#include "tests/browser/browsing.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace shannon;
using namespace shannon::test;
using Catch::Matchers::Contains;

namespace {

/// `site.test` without its port, which differs from run to run.
std::string without_port(std::string text, std::uint16_t port) {
  auto what = ":" + std::to_string(port);
  for (std::size_t at; (at = text.find(what)) != text.npos;)
    text.erase(at, what.size());
  return text;
}

void check_golden(const std::string& name, const std::string& text) {
  std::filesystem::path path{SHANNON_GOLDEN};
  path /= name + ".txt";
  if (std::getenv("SHANNON_WRITE_GOLDEN") != nullptr) {
    std::filesystem::create_directories(path.parent_path());
    std::ofstream{path} << text;
  }
  std::ifstream file{path};
  std::stringstream wanted;
  wanted << file.rdbuf();
  CHECK(text == wanted.str());
}

} // namespace

TEST_CASE("the outline of a page is what a person sees of it") {
  auto [name, path] = GENERATE(
      std::pair{"home", "/"}, std::pair{"form", "/form"},
      std::pair{"shadow", "/shadow"}, std::pair{"frames", "/frames-of"},
      std::pair{"mixed", "/outline"});
  CAPTURE(name);
  browsing b;
  b.open(path);
  auto got = b.act("browser_observe");
  REQUIRE(got.success);
  check_golden(name, without_port(got.output, b.web.port()));
}

TEST_CASE("a number means the same element for as long as it is there") {
  browsing b;
  b.open("/");
  b.say("browser_observe");
  b.say("browser_click", {{"selector", "@3"}});
  CHECK(b.text_of("#out") == "clicked 1");
  auto again = b.say("browser_observe");
  CHECK_THAT(again, Contains("@3 button \"Go\""));
  b.open("/two");
  CHECK(b.refusal("browser_click", {{"selector", "@3"}, {"timeout_ms", 100}})
        == "@3 is not on the page any more; call browser_observe for what is");
  // Numbers of the next page are other numbers.
  CHECK_THAT(b.say("browser_observe"), Contains("@5 link \"Back home\""));
}

TEST_CASE("an outline is bounded and says what is missing") {
  browser::session_options options;
  options.outline_bytes_max = 4'000;
  browsing b{options};
  b.open("/many");
  auto got = b.act("browser_observe");
  REQUIRE(got.success);
  CHECK(got.output.size() <= 4'000);
  CHECK(got.output.size() > 3'000);
  CHECK_THAT(got.output, Contains("[not shown: "));
  CHECK_THAT(got.output, Contains("elements"));
  CHECK(got.metadata["elements"] > 100);
  CHECK(got.metadata["elements_missing"] > 1000);
  // A part fits.
  auto part = b.say("browser_observe", {{"selector", "div:nth-child(7)"}});
  CHECK_THAT(part, Contains("link \"Link 6\""));
  CHECK(part.find("not shown") == part.npos);
}

TEST_CASE("texts give way to what can be acted on") {
  browsing b;
  std::string body = "<title>Long</title><h1>Head</h1>";
  for (int i = 0; i < 100; ++i)
    body += "<p>" + std::string(600, 'w') + "</p><button>B" + std::to_string(i)
            + "</button>";
  b.web.page("/long", body);
  b.open("/long");
  auto got = b.act("browser_observe");
  REQUIRE(got.success);
  CHECK(got.output.size() <= 20'000);
  CHECK_THAT(got.output, Contains("button \"B99\""));
  CHECK(got.metadata["elements_missing"] == 0);
  CHECK(got.metadata["elements"] == 100);
}
