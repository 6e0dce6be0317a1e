#include "actors/browser/action_ledger.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::browser;

namespace {

remote::BrowserResult answer(const std::string& text) {
  remote::BrowserResult out;
  out.mutable_result()->set_output(text);
  return out;
}

} // namespace

TEST_CASE("an attempt is told apart from its step") {
  CHECK(step_of("agent-1/turn2/tool1/run#1/3") == "agent-1/turn2/tool1/run#1");
  CHECK(step_of("x") == "x");
}

TEST_CASE("a step that was answered is answered alike") {
  action_ledger ledger;
  CHECK(ledger.find("a") == nullptr);
  ledger.add("a", answer("one"));
  ledger.add("b", answer("two"));
  REQUIRE(ledger.find("a") != nullptr);
  CHECK(ledger.find("a")->result().output() == "one");
  CHECK(ledger.find("b")->result().output() == "two");
}

TEST_CASE("the oldest answers are forgotten, the newest never") {
  action_ledger ledger;
  for (std::size_t i = 0; i <= action_ledger::answers_max; ++i)
    ledger.add(std::to_string(i), answer("x"));
  CHECK(ledger.find("0") == nullptr);
  CHECK(ledger.find("1") != nullptr);
  auto large = std::string(action_ledger::bytes_max + 1, 'x');
  ledger.add("large", answer(large));
  CHECK(ledger.find("large") != nullptr);
  CHECK(ledger.find(std::to_string(action_ledger::answers_max)) == nullptr);
}
