#include "nodes/commands/why_view.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::commands;
using nlohmann::json;

namespace {

const terminal plain{-1};
constexpr std::int64_t now = 1'700'000'000'000'000;
constexpr std::int64_t second = 1'000'000;

known_run running(json waits) {
  known_run run;
  run.log = "task-1";
  run.kind = "workflow";
  run.status = "running";
  run.live = {{"waits", std::move(waits)}};
  history_reader::owner owner;
  owner.node = "n1";
  owner.process = "n1#3";
  owner.shard = 17;
  owner.epoch = 4;
  owner.claimed_us = now - 60 * second;
  owner.lease_left_us = 2 * second;
  run.owner = owner;
  return run;
}

json wait(const char* kind, const char* key, std::int64_t due = 0,
          bool under_way = false) {
  return {{"kind", kind},
          {"key", key},
          {"what", key},
          {"attempt", 2},
          {"due_us", std::to_string(due)},
          {"under_way", under_way}};
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("why says who owns the shard, and whether its lease holds") {
  auto run = running(json::array());
  auto text = why_text(run, now, plain);
  INFO(text);
  CHECK(holds(text, "owner     node n1, shard 17, epoch 4, since "));
  CHECK(holds(text, "; its lease holds, for 2.0 s\n"));
  CHECK(why_json(run, now)["owner"]["lease_holds"] == true);

  run.owner->lease_left_us = -8'100'000;
  CHECK(holds(why_text(run, now, plain), "; its lease ended 8.1 s ago\n"));
  CHECK(why_json(run, now)["owner"]["lease_holds"] == false);
  CHECK(next_of(run, now).text
        == "a node claims shard 17 and reads the run from its log");

  run.owner->lease_left_us.reset();
  CHECK(holds(why_text(run, now, plain), "; its process n1#3 is gone\n"));
  CHECK(why_json(run, now)["owner"]["lease_left_us"].is_null());

  run.owner->node.clear();
  CHECK(holds(why_text(run, now, plain), "nobody has claimed shard 17\n"));
}

TEST_CASE("what happens next is the earliest of what is due") {
  auto run = running({wait("timer", "late#1", now + 90 * second),
                      wait("effect", "plan#1", now + 5 * second),
                      wait("signal", "approve", now + second)});
  auto next = next_of(run, now);
  CHECK(next.text == "attempt 2 of plan#1 starts");
  CHECK(next.at_us == now + 5 * second);
  CHECK(
      holds(why_text(run, now, plain), "then      attempt 2 of plan#1 starts"));
  CHECK(why_json(run, now)["next"]["at_us"] == now + 5 * second);

  run = running({wait("timer", "nap#1", now + second)});
  CHECK(next_of(run, now).text == "timer nap#1 is due");
  run = running({wait("effect", "plan#1", now + second, true)});
  CHECK(next_of(run, now).text
        == "the answer of plan#1 comes, or its time is over");
}

TEST_CASE("without a time it is said what makes the run go on") {
  CHECK(next_of(running({wait("effect", "plan#1", 0, true)}), now).text
        == "the answer of plan#1 is stored, and it goes on");
  CHECK(next_of(running({wait("signal", "approve")}), now).text
        == "nothing until signal approve comes");
  CHECK(next_of(running(json::array()), now).text == "it goes on at once");
  auto parked = running(json::array());
  parked.status = "needs_operator";
  CHECK(next_of(parked, now).text == "nothing by itself: a person mends it");
  auto ended = running(json::array());
  ended.status = "completed";
  CHECK(next_of(ended, now).text.empty());
  CHECK(why_json(ended, now)["next"]["at_us"].is_null());
}
