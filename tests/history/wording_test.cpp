// How the usual events of facts are stored: as numbers that mean the same for
// ever.

#include "actors/workflow/history/fact_json.hpp"
#include "protocols/facts/fact.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <array>
#include <string>

using namespace shannon;

namespace {

struct told {
  const char* type;
  const char* agent;
  const char* message;
};

/// What logs in the world hold: a change here is a change of their past.
constexpr std::array<told, 14> promised{{
    {"WORKFLOW_STARTED", "", ""},
    {"WORKFLOW_STARTED", "orchestrator", "Starting up"},
    {"STEP_RECORDED", "", "a/b#2"},
    {"STEP_STARTED", "", "a/b#2"},
    {"NOTED", "", "a/b#2"},
    {"ATTRIBUTES_SET", "", "a/b#2"},
    {"TIMER_SET", "", "a/b#2"},
    {"TIMER_FIRED", "", "a/b#2"},
    {"WORKFLOW_CONTINUED", "", "Continues as new"},
    {"WORKFLOW_COMPLETED", "orchestrator", "All done"},
    {"STREAM_END", "orchestrator", "Done"},
    {"AGENT_STARTED", "", ""},
    {"WORKFLOW_RESUMED", "orchestrator", ""},
    {"WORKFLOW_PARKED", "", ""},
}};

facts::Fact step_fact() {
  facts::Fact fact;
  auto& step = *fact.mutable_step_completed()->mutable_step();
  step.set_scope("a");
  step.set_key("b");
  step.set_occurrence(2);
  return fact;
}

facts::Fact telling(const told& what) {
  auto fact = step_fact();
  fact.mutable_event()->set_type(what.type);
  fact.mutable_event()->set_agent_id(what.agent);
  fact.mutable_event()->set_message(what.message);
  return fact;
}

} // namespace

TEST_CASE("each number of a usual event means the same for ever") {
  for (std::size_t i = 0; i < promised.size(); ++i) {
    INFO(i + 1);
    auto fact = step_fact();
    fact.mutable_event()->set_usual(static_cast<std::uint32_t>(i + 1));
    facts::Fact read;
    REQUIRE(facts::read_fact(read, fact.SerializeAsString()));
    CHECK(read.event().type() == promised[i].type);
    CHECK(read.event().agent_id() == promised[i].agent);
    CHECK(read.event().message() == promised[i].message);
    CHECK(read.event().usual() == 0);
  }
}

TEST_CASE("a usual event is stored as its number and read as its texts") {
  for (const auto& what : promised) {
    INFO(what.type);
    auto full = telling(what);
    auto stored = full;
    facts::shorten_event(stored);
    CHECK(stored.event().usual() != 0);
    CHECK(stored.event().ByteSizeLong() == 2);
    facts::spell_out_event(stored);
    CHECK(stored.SerializeAsString() == full.SerializeAsString());
  }
}

TEST_CASE("an event that says more than usual is stored as it is") {
  auto other_step = telling({"STEP_RECORDED", "", "a/b#3"});
  auto other_agent = telling({"STEP_RECORDED", "agent-1", "a/b#2"});
  auto with_payload = telling({"STEP_RECORDED", "", "a/b#2"});
  with_payload.mutable_event()->set_payload_json("{}");
  facts::Fact no_event = step_fact();
  facts::Fact no_place;
  no_place.mutable_run_parked();
  no_place.mutable_event()->set_type("NOTED");
  for (const auto& fact :
       {other_step, other_agent, with_payload, no_event, no_place}) {
    auto stored = fact;
    facts::shorten_event(stored);
    CHECK(stored.SerializeAsString() == fact.SerializeAsString());
  }
}

TEST_CASE("a number of a later build is an event without texts") {
  auto fact = step_fact();
  fact.mutable_event()->set_usual(1'000'000);
  facts::spell_out_event(fact);
  CHECK(fact.event().type() == "EVENT");
  CHECK(fact.event().message().empty());
}

TEST_CASE("an exported fact shows the texts and gives the same bytes again") {
  auto fact = telling(promised[2]);
  facts::shorten_event(fact);
  auto bytes = fact.SerializeAsString();
  auto shown = history::fact_json(bytes);
  REQUIRE(shown.text);
  CHECK(shown.exact);
  auto event = nlohmann::json::parse(*shown.text)["event"];
  CHECK(event["type"] == "STEP_RECORDED");
  CHECK(event["message"] == "a/b#2");
  CHECK(history::fact_bytes(*shown.text).value() == bytes);
}
