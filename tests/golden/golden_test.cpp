// I24: what an earlier build recorded, this build replays. Every log that is
// kept is replayed from each of its beginnings, and what the program decides
// next must be what was recorded next, field for field.

#include "actors/workflow/history/export_format.hpp"
#include "protocols/facts/fact.hpp"
#include "tests/golden/scripts.hpp"

#include <catch2/catch.hpp>
#include <google/protobuf/util/message_differencer.h>

#include <filesystem>
#include <fstream>
#include <set>

using namespace shannon;
using workflow::durable_run;

namespace {

std::vector<history::exported_log>
logs_in(const std::filesystem::path& folder) {
  std::set<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator{folder})
    if (entry.path().extension() == ".jsonl")
      files.insert(entry.path());
  std::vector<history::exported_log> logs;
  for (const auto& file : files) {
    std::ifstream in{file};
    auto read = history::read_logs(in);
    INFO(file.string());
    if (!read)
      FAIL(read.error().text);
    for (auto& log : *read)
      logs.push_back(std::move(log));
  }
  return logs;
}

std::vector<history::exported_log> kept_logs() {
  return logs_in(std::filesystem::path{SHANNON_GOLDEN} / "logs");
}

facts::Fact parsed(const std::string& bytes) {
  facts::Fact fact;
  REQUIRE(fact.ParseFromString(bytes));
  return fact;
}

/// A local step that is made again says so; else it is what was recorded.
facts::Fact without_repeat(facts::Fact fact) {
  if (!fact.step_completed().possible_repeat())
    return fact;
  fact.mutable_step_completed()->clear_possible_repeat();
  auto& text = *fact.mutable_event()->mutable_message();
  text.resize(text.size() - std::string{" (possible repeat)"}.size());
  return fact;
}

bool waits_for(const durable_run& run, const char* kind,
               const facts::StepId& step) {
  auto seen = run.describe();
  for (const auto& wait : seen.waits())
    if (wait.kind() == kind && wait.key() == facts::to_string(step))
      return true;
  return false;
}

/// Can this come from outside now?
bool is_expected(const durable_run& run, const facts::Fact& next) {
  switch (next.body_case()) {
  case facts::Fact::kStepCompleted:
    return waits_for(run, "effect", next.step_completed().step());
  case facts::Fact::kStepFailed:
    return waits_for(run, "effect", next.step_failed().step());
  case facts::Fact::kAttemptFailed:
    return waits_for(run, "effect", next.attempt_failed().step());
  case facts::Fact::kTimerFired:
    return waits_for(run, "timer", next.timer_fired().step());
  case facts::Fact::kSignalReceived:
  case facts::Fact::kCancelRequested:
  case facts::Fact::kPauseRequested:
  case facts::Fact::kPauseEnded:
  case facts::Fact::kChildProgressed:
  case facts::Fact::kStreamEnded: // Always in one append with the end.
    return true;
  default:
    return false;
  }
}

/// An attempt that must not be made twice is under way after `count` facts: a
/// replay takes it for lost, whatever was recorded next.
bool is_announced(const history::exported_log& log, std::size_t count) {
  std::set<std::string> open;
  for (std::size_t i = 0; i < count; ++i) {
    auto fact = parsed(log.facts[i].bytes);
    if (fact.has_step_started())
      open.insert(facts::to_string(fact.step_started().step()));
    if (fact.has_step_completed())
      open.erase(facts::to_string(fact.step_completed().step()));
    if (fact.has_step_failed())
      open.erase(facts::to_string(fact.step_failed().step()));
  }
  return !open.empty();
}

/// Replays the first `count` facts; what follows must be what is recorded.
void check_beginning(const golden::script& script,
                     const history::exported_log& log, std::size_t count) {
  auto all = log.recorded();
  durable_run run{script.code, script.options};
  auto next_at_us = parsed(all[count].bytes).at_us();
  auto end = all.begin() + static_cast<std::ptrdiff_t>(count);
  auto read = run.replay({all.begin(), end}, log.bodies, next_at_us);
  if (!read)
    FAIL(read.error().text);
  auto at = count;
  for (int group = 0; group < 100; ++group) {
    // The end waits until others have taken that they are to stop, hence
    // twice.
    auto agenda = run.next(next_at_us);
    for (const auto& stop : agenda.stop)
      run.stop_taken(stop.key, stop.attempt, next_at_us);
    if (agenda.append.empty())
      agenda = run.next(next_at_us);
    if (agenda.append.empty())
      break;
    for (const auto& fact : agenda.append) {
      INFO("decided: " << fact.ShortDebugString());
      REQUIRE(at < all.size());
      auto recorded = parsed(all[at].bytes);
      INFO("recorded: " << recorded.ShortDebugString());
      // A turn that begins anew goes on where the recording had to wait.
      if (group > 0)
        recorded.set_at_us(fact.at_us());
      CHECK(google::protobuf::util::MessageDifferencer::Equals(
          without_repeat(fact), recorded));
      ++at;
    }
    // Further on only what this fact leads to without the disk counts.
    if (!agenda.base)
      break;
    run.committed(next_at_us);
  }
  CHECK(run.state() != durable_run::phase::parked);
  if (at < all.size()) {
    auto next = parsed(all[at].bytes);
    INFO("recorded next: " << next.ShortDebugString());
    CHECK(is_expected(run, next));
  }
}

} // namespace

TEST_CASE("every golden log is replayed from each of its beginnings") {
  std::size_t facts = 0;
  for (const auto& log : kept_logs()) {
    auto known = golden::all_scripts().find(log.header.log.value);
    INFO(log.header.log.value);
    REQUIRE(known != golden::all_scripts().end());
    for (std::size_t count = 1; count < log.facts.size(); ++count) {
      if (is_announced(log, count))
        continue;
      INFO("replayed: " << count << " of " << log.facts.size() << " facts");
      check_beginning(known->second, log, count);
      ++facts;
    }
  }
  CHECK(facts >= 100);
}

TEST_CASE("a golden log gives the end that is recorded") {
  for (const auto& log : kept_logs()) {
    INFO(log.header.log.value);
    const auto& script = golden::all_scripts().at(log.header.log.value);
    durable_run run{script.code, script.options};
    REQUIRE(run.replay(log.recorded(), log.bodies, 0));
    CHECK(run.state() == durable_run::phase::ended);
    CHECK(run.status() == log.header.status);
  }
}

TEST_CASE("a log of a course that was changed goes on to its end from each of "
          "its beginnings, and nothing in it is made again") {
  std::size_t beginnings = 0;
  for (const auto& log :
       logs_in(std::filesystem::path{SHANNON_GOLDEN} / "passed")) {
    INFO(log.header.log.value);
    const auto& script = golden::all_scripts().at(log.header.log.value);
    for (std::size_t count = 1; count < log.facts.size(); ++count) {
      INFO("replayed: " << count << " of " << log.facts.size() << " facts");
      auto world = script.play();
      world.log = log.recorded();
      world.log.resize(count);
      world.blobs = log.bodies;
      world.base = 0;
      world.started.clear();
      world.crash();
      world.settle();
      CHECK_FALSE(world.replay_failed);
      CHECK(world.run->status() == log.header.status);
      for (std::size_t i = 0; i < count; ++i) {
        auto fact = parsed(log.facts[i].bytes);
        if (fact.has_step_completed())
          CHECK(world.started.count(
                    facts::to_string(fact.step_completed().step()))
                == 0);
      }
      // All but its end: nothing is left to ask for.
      if (count + 1 == log.facts.size())
        CHECK(world.started.empty());
      ++beginnings;
    }
  }
  CHECK(beginnings >= 10);
}

TEST_CASE("every strategy and every part of the context has a golden log") {
  std::set<std::string> kept;
  for (const auto& log : kept_logs())
    kept.insert(log.header.log.value);
  for (const auto& [name, script] : golden::all_scripts()) {
    INFO(name << ": record it with golden_keep, docs/replay.md");
    CHECK(kept.count(name) == 1);
  }
}

TEST_CASE("a changed program does not pass for the one that was recorded") {
  // The corpus would prove nothing if it could not fail.
  auto logs = kept_logs();
  for (const auto& log : logs) {
    if (log.header.log.value != "context-all")
      continue;
    auto changed = [](workflow::context ctx,
                      std::string) -> workflow::durable<std::string> {
      remote::ToolRequest request;
      request.set_tool("get");
      request.set_arguments_json("something else");
      auto got = co_await ctx.scope("left").step("get", std::move(request));
      co_return got.output();
    };
    auto all = log.recorded();
    all.resize(2);
    durable_run run{changed, {}};
    REQUIRE(run.replay(all, log.bodies, 0));
    CHECK(run.state() == durable_run::phase::parked);
    return;
  }
  FAIL("no log of context-all");
}
