// The storm's own judge: each defect is planted once, and found.

#include "tests/integration/faults/ledger_check.hpp"

#include <catch2/catch.hpp>

using namespace shannon::test;

namespace {

constexpr std::int64_t s = 1'000'000;

/// A kill from 10 s to 10.1 s, a sleep from 20 s to 30 s, a restart in order
/// at 40 s.
const std::vector<fault_span> faults{
    {"K2", 10 * s, 10 * s + s / 10, 10 * s, true, false},
    {"Z1", 20 * s, 30 * s, 20 * s, true, true},
    {"K4", 40 * s, 45 * s, 40 * s, false, false},
};

ledger_report judge(std::vector<call_seen> calls,
                    const std::map<std::string, std::int64_t>& recorded = {}) {
  // One shard was taken over where no fault fell, that of `u`.
  return check_ledger(std::move(calls), recorded, faults,
                      [](const std::string& task) {
                        return task == "u" ? std::vector<std::int64_t>{14 * s}
                                           : std::vector<std::int64_t>{};
                      });
}

} // namespace

TEST_CASE("calls that are made once have no findings") {
  auto found = judge({{"t/a#1/1", 5 * s, 6 * s}, {"t/b#1/1", 6 * s, 7 * s}},
                     {{"t/a#1/1", 6 * s}, {"t/b#1/1", 7 * s}});
  CHECK(found.wrong.empty());
  CHECK(found.keys == 2);
  CHECK(found.again == 0);
  CHECK(found.takeovers.empty());
}

TEST_CASE("a call under way at a kill may be made again, and how soon is "
          "measured") {
  auto found
      = judge({{"t/a#1/1", 9 * s, 10 * s + 5}, {"t/a#1/1", 12 * s, 13 * s}},
              {{"t/a#1/1", 13 * s}});
  CHECK(found.wrong.empty());
  CHECK(found.again == 1);
  REQUIRE(found.takeovers["K2"].size() == 1);
  CHECK(found.takeovers["K2"][0] == Approx(2.0));
}

TEST_CASE("the next attempt of a step that a kill cut counts as its takeover") {
  auto found = judge({{"t/a#1/1", 9 * s, 0}, {"t/a#1/2", 11 * s, 12 * s}},
                     {{"t/a#1/2", 12 * s}});
  CHECK(found.wrong.empty());
  CHECK(found.again == 0);
  REQUIRE(found.takeovers["K2"].size() == 1);
  CHECK(found.takeovers["K2"][0] == Approx(1.0));
}

TEST_CASE("a key seen again by who took over where no fault fell is told "
          "apart") {
  auto found = judge({{"u/a#1/1", 13 * s, 0},
                      {"u/a#1/1", 15 * s, 16 * s},
                      {"t/a#1/1", 13 * s, 0},
                      {"t/a#1/1", 15 * s, 16 * s}});
  REQUIRE(found.lost_leases.size() == 1);
  CHECK_THAT(found.lost_leases[0], Catch::Contains("u/a#1/1: called again"));
  CHECK(found.wrong.size() == 1);
  CHECK(found.again == 0);
  // It must lie between both calls.
  CHECK(judge({{"u/a#1/1", 11 * s, 0}, {"u/a#1/1", 13 * s, 0}}).wrong.size()
        == 1);
  CHECK(judge({{"u/a#1/1", 15 * s, 0}, {"u/a#1/1", 16 * s, 0}}).wrong.size()
        == 1);
  // Where a fault fell it is that fault's.
  CHECK(judge({{"u/a#1/1", 9 * s, 0}, {"u/a#1/1", 15 * s, 0}}).again == 1);
}

TEST_CASE("a key seen again without a fault is found") {
  auto found = judge({{"t/a#1/1", 13 * s, 14 * s}, {"t/a#1/1", 15 * s, 0}});
  REQUIRE(found.wrong.size() == 1);
  CHECK_THAT(found.wrong[0], Catch::Contains("t/a#1/1: called again"));
}

TEST_CASE("each time that a key is seen again has a fault of its own") {
  auto found = judge(
      {{"t/a#1/1", 9 * s, 0}, {"t/a#1/1", 12 * s, 0}, {"t/a#1/1", 14 * s, 0}});
  CHECK(found.again == 1);
  CHECK(found.wrong.size() == 1);
}

TEST_CASE("a restart in order is no reason to make a call again") {
  auto found = judge({{"t/a#1/1", 39 * s, 0}, {"t/a#1/1", 46 * s, 0}});
  CHECK(found.wrong.size() == 1);
}

TEST_CASE(
    "a call after its outcome was recorded is found, whatever fault there "
    "was") {
  auto found = judge({{"t/a#1/1", 9 * s, 9 * s + 1}, {"t/a#1/1", 12 * s, 0}},
                     {{"t/a#1/1", 9 * s + 2}});
  REQUIRE(found.wrong.size() == 1);
  CHECK_THAT(found.wrong[0], Catch::Contains("after its outcome was recorded"));
}

TEST_CASE("a process that slept may send late what others have done, once it "
          "wakes up and no later") {
  std::map<std::string, std::int64_t> recorded{{"t/a#1/1", 25 * s}};
  auto at = [&](std::int64_t late_us) {
    return judge({{"t/a#1/1", 24 * s, 25 * s}, {"t/a#1/1", late_us, 0}},
                 recorded);
  };
  CHECK(at(31 * s).late == 1);
  CHECK(at(31 * s).wrong.empty());
  CHECK(at(33 * s).wrong.size() == 1);
}

TEST_CASE("where no node was left, a takeover counts from the first that came "
          "up") {
  auto found
      = check_ledger({{"t/a#1/1", 9 * s, 0}, {"t/a#1/1", 16 * s, 0}}, {},
                     {{"K3", 10 * s, 12 * s, 13 * s, true, false}},
                     [](const auto&) { return std::vector<std::int64_t>{}; });
  REQUIRE(found.takeovers["K3"].size() == 1);
  CHECK(found.takeovers["K3"][0] == Approx(3.0));
}

TEST_CASE(
    "a cancelled task calls nobody any more, and what it had asked ends") {
  auto wrong = [](call_seen call, std::int64_t cancelled_us = 50 * s) {
    return check_cancels({std::move(call)}, {{"t", cancelled_us}}, faults);
  };
  CHECK(wrong({"t/a#1/1", 49 * s, 54 * s}).empty());
  CHECK(wrong({"t/agent/a#1/1", 51 * s, 52 * s}).empty());
  // Other tasks, also those that are called alike.
  CHECK(wrong({"tt/a#1/1", 60 * s, 90 * s}).empty());
  CHECK(wrong({"t/agent/a#1/1", 51 * s + 1, 52 * s}).size() == 1);
  CHECK(wrong({"t/a#1/1", 49 * s, 55 * s + 1}).size() == 1);
  CHECK(wrong({"t/a#1/1", 49 * s, 0}).size() == 1);
}

TEST_CASE(
    "what a cancel promises takes longer where its answer did, twenty times "
    "at most") {
  auto wrong = [](call_seen call, std::int64_t took_us) {
    return check_cancels({std::move(call)}, {{"t", 50 * s, took_us}}, faults);
  };
  call_seen late{"t/a#1/1", 52 * s, 58 * s};
  CHECK(wrong(late, s / 5).size() == 2);
  CHECK(wrong(late, s / 2).empty());
  call_seen later{"t/a#1/1", 71 * s, 72 * s};
  CHECK(wrong(later, 60 * s).size() == 1);
}

TEST_CASE("a fault puts off what a cancel promises until it is over, and no "
          "longer") {
  auto wrong = [](std::int64_t cancelled_us, call_seen call) {
    return check_cancels({std::move(call)}, {{"t", cancelled_us}}, faults);
  };
  // Killed half a second after the cancel.
  auto before = 9 * s + s / 2;
  CHECK(wrong(before, {"t/a#1/1", 11 * s, 12 * s}).empty());
  CHECK(wrong(before, {"t/a#1/1", 9 * s, 15 * s}).empty());
  CHECK(wrong(before, {"t/a#1/1", 12 * s, 13 * s}).size() == 1);
  CHECK(wrong(before, {"t/a#1/1", 9 * s, 16 * s}).size() == 1);
  // A kill that was over before is no reason.
  CHECK(wrong(11 * s, {"t/a#1/1", 12 * s + s / 2, 13 * s}).size() == 1);
  // Who slept says it late.
  CHECK(wrong(19 * s, {"t/a#1/1", 31 * s + s / 2, 32 * s}).empty());
  CHECK(wrong(19 * s, {"t/a#1/1", 33 * s, 34 * s}).size() == 1);
}

TEST_CASE(
    "a kill is over when its shards have an owner again, an earlier one is "
    "not put off by that") {
  auto until = [](std::vector<std::int64_t> takeovers) {
    std::vector<std::int64_t> out;
    for (const auto& one : until_taken_over(faults, takeovers))
      out.push_back(one.until_us);
    return out;
  };
  CHECK(until({}) == std::vector{10 * s + s / 10, 30 * s, 45 * s});
  CHECK(until({12 * s, 13 * s, 22 * s}) == std::vector{13 * s, 30 * s, 45 * s});
  CHECK(until({9 * s}) == until({}));
  // What a node that ends in order gives away was never without an owner.
  CHECK(until({60 * s}) == until({}));
  auto wrong = [&](std::int64_t takeover_us) {
    return check_cancels({{"t/a#1/1", 13 * s + s / 2, 14 * s}},
                         {{"t", 9 * s + s / 2}},
                         until_taken_over(faults, {takeover_us}));
  };
  CHECK(wrong(12 * s).size() == 1);
  CHECK(wrong(12 * s + s / 2).empty());
}

TEST_CASE("a call that a lost owner had begun must end with its task, also if "
          "the cancel came before anybody had taken over") {
  auto wrong = [](std::int64_t cancelled_us, call_seen call) {
    return check_cancels({std::move(call)}, {{"t", cancelled_us}}, faults);
  };
  // Killed at 10 s.
  auto between = 10 * s + s / 20;
  CHECK(wrong(between, {"t/a#1/1", 9 * s, 15 * s}).empty());
  CHECK(wrong(between, {"t/a#1/1", 9 * s, 24 * s}).size() == 1);
  CHECK(wrong(between, {"t/a#1/1", 9 * s, 0}).size() == 1);
}

TEST_CASE("of values the quantile is one of them") {
  CHECK(quantile({}, 0.5) == 0);
  CHECK(quantile({3, 1, 2}, 0.5) == 2);
  CHECK(quantile({3, 1, 2}, 0.99) == 3);
}
