#include "actors/gateway/openai/told_answer.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using shannon::gateway::chat::told_answer;

namespace {

remote::LlmDelta piece(const std::string& attempt, std::uint32_t index,
                       const std::string& text) {
  remote::LlmDelta delta;
  delta.set_attempt_key(attempt);
  delta.set_index(index);
  delta.set_text(text);
  return delta;
}

remote::ChatMessage whole(const std::string& text) {
  remote::ChatMessage message;
  message.set_text(text);
  return message;
}

} // namespace

TEST_CASE("pieces in order are told as they come, and nothing twice") {
  told_answer told;
  CHECK(told.take(piece("a", 0, "Hello ")).text == "Hello ");
  CHECK(told.take(piece("a", 1, "world")).text == "world");
  CHECK(told.rest(whole("Hello world")).empty());
}

TEST_CASE("what was lost is made good by the whole") {
  told_answer told;
  CHECK(told.take(piece("a", 0, "Hello ")).text == "Hello ");
  CHECK(told.take(piece("a", 2, "world")).empty());
  CHECK(told.take(piece("a", 3, "!")).empty());
  CHECK(told.rest(whole("Hello, ")).text == "\n\nHello, ");
  told_answer second;
  second.take(piece("a", 0, "Hello "));
  second.take(piece("a", 2, "world"));
  CHECK(second.rest(whole("Hello big world")).text == "big world");
}

TEST_CASE("without any piece the whole is told") {
  CHECK(told_answer{}.rest(whole("Hello")).text == "Hello");
  told_answer late;
  CHECK(late.take(piece("a", 5, "lo")).empty());
  CHECK(late.rest(whole("Hello")).text == "Hello");
}

TEST_CASE("another attempt is set off by an empty line") {
  told_answer told;
  told.take(piece("turn1", 0, "I compute."));
  CHECK(told.take(piece("turn2", 0, "It ")).text == "\n\nIt ");
  CHECK(told.take(piece("turn2", 1, "is 42")).text == "is 42");
  CHECK(told.rest(whole("It is 42.")).text == ".");
}

TEST_CASE("an answer in other words stands behind what was told") {
  told_answer told;
  told.take(piece("a", 0, "I compute."));
  CHECK(told.rest(whole("42")).text == "\n\n42");
}

TEST_CASE("tool calls are told once, and what is missing of them at the end") {
  told_answer told;
  auto first = piece("a", 0, "");
  auto& call = *first.add_tool_calls();
  call.set_id("c0");
  call.set_name("f");
  call.set_arguments("{\"x\"");
  auto news = told.take(first);
  CHECK(news.text.empty());
  REQUIRE(news.calls.size() == 1);
  CHECK(news.calls[0].id() == "c0");
  remote::ChatMessage message;
  auto& f = *message.add_tool_calls();
  f.set_id("c0");
  f.set_name("f");
  f.set_arguments_json("{\"x\":1}");
  auto& g = *message.add_tool_calls();
  g.set_id("c1");
  g.set_name("g");
  g.set_arguments_json("{}");
  auto rest = told.rest(message);
  REQUIRE(rest.calls.size() == 2);
  CHECK(rest.calls[0].index() == 0);
  CHECK(rest.calls[0].id().empty());
  CHECK(rest.calls[0].arguments() == ":1}");
  CHECK(rest.calls[1].index() == 1);
  CHECK(rest.calls[1].name() == "g");
  CHECK(told.rest(message).empty());
}
