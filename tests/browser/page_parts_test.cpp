#include "actors/browser/page/frame_tree.hpp"
#include "actors/browser/page/keys.hpp"
#include "actors/browser/page/network_count.hpp"
#include "actors/browser/page/tab.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon::browser;
using namespace std::chrono_literals;
using nlohmann::json;

TEST_CASE("a frame tree follows the events of a page") {
  frame_tree frames{"main", "s"};
  frames.attached("a", "main", "s");
  frames.attached("b", "a", "s");
  CHECK(frames.all().size() == 3);
  json about{{"id", "main"}, {"loaderId", "l1"}, {"url", "http://x/"}};
  auto* main = frames.navigated(about, "s");
  REQUIRE(main != nullptr);
  CHECK(main->has(milestone::commit));
  CHECK_FALSE(main->has(milestone::load));
  CHECK_FALSE(frames.lifecycle("main", "l0", "load"));
  CHECK(frames.lifecycle("main", "l1", "load"));
  CHECK(frames.main().has(milestone::load));
  frames.spoken_by("a", "other");
  CHECK(frames.find("a")->session == "other");
  frames.detached("a");
  CHECK(frames.all().size() == 1);
  frames.detached("main");
  CHECK(frames.all().size() == 1);
}

TEST_CASE("of a page of many frames the first are known") {
  frame_tree frames{"main", "s"};
  for (int i = 0; i < 1000; ++i)
    frames.attached(std::to_string(i), "main", "s");
  CHECK(frames.all().size() == frame_tree::frames_max);
  CHECK(frames.find("999") == nullptr);
}

TEST_CASE("a page is idle when nothing has loaded for a while") {
  network_count count;
  auto now = network_count::time_point{} + 10s;
  count.reset(now);
  count.began("1", "Fetch", "http://x/");
  count.began("2", "EventSource", "http://x/");
  count.began("3", "Fetch", "data:,x");
  CHECK(count.open() == 1);
  CHECK_FALSE(count.idle_for(500ms, now + 10s));
  count.ended("2", now);
  count.ended("1", now + 1s);
  CHECK_FALSE(count.idle_for(500ms, now + 1400ms));
  CHECK(count.idle_for(500ms, now + 1500ms));
  CHECK(count.idle_at(500ms) == now + 1500ms);
  for (std::size_t i = 0; i < network_count::requests_max + 10; ++i)
    count.began(std::to_string(i), "Fetch", "http://x/");
  CHECK(count.open() == network_count::requests_max);
}

TEST_CASE("keys and chords are those of a keyboard") {
  CHECK(find_key("a")->code == "KeyA");
  CHECK_FALSE(find_key("a")->shift);
  CHECK(find_key("A")->shift);
  CHECK(find_key("!")->code == "Digit1");
  CHECK(find_key("F12")->number == 123);
  CHECK(find_key("Enter")->text == "\r");
  CHECK_FALSE(find_key("F13"));
  CHECK_FALSE(find_key("Nothing"));
  auto chord = parse_chord("Control+Shift+ArrowUp");
  REQUIRE(chord);
  CHECK(chord->modifiers == 10);
  CHECK(chord->held.size() == 2);
  CHECK(chord->last.name == "ArrowUp");
  CHECK(parse_chord("Control+A")->last.text.empty());
  CHECK(parse_chord("+")->last.name == "+");
  CHECK(parse_chord("Control++")->last.name == "+");
  CHECK_FALSE(parse_chord("Q+a"));
  CHECK_FALSE(parse_chord(""));
}

TEST_CASE("a number of an element leads to the frame that gave it") {
  element_numbers numbers;
  CHECK(numbers.find(1) == nullptr);
  numbers.given(4, {"t", "a"});
  numbers.given(4, {"t", "b"});
  numbers.given(6, {"t", "b"});
  numbers.given(9, {"t", "b"});
  CHECK(numbers.find(3)->frame == "a");
  CHECK(numbers.find(4)->frame == "b");
  CHECK(numbers.find(8)->frame == "b");
  CHECK(numbers.find(9) == nullptr);
  CHECK(numbers.find(0) == nullptr);
}
