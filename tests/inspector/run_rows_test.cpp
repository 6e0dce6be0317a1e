#include "actors/inspector/run_rows.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::inspector;
using namespace std::chrono_literals;

namespace {

store::open_log_row row(store::log_status status, bool idle = false) {
  store::open_log_row out;
  out.log = log_id{"task-1"};
  out.kind = "workflow";
  out.status = status;
  out.schedule.idle = idle;
  return out;
}

remote::Wait wait(const std::string& kind, const std::string& key,
                  const std::string& what) {
  remote::Wait out;
  out.set_kind(kind);
  out.set_key(key);
  out.set_what(what);
  return out;
}

} // namespace

TEST_CASE("a row alone says whether a run rests, and for what") {
  using store::log_status;
  CHECK(run_of(row(log_status::running)).phase == "unread");
  auto rests = row(log_status::running, true);
  CHECK(run_of(rests).phase == "rests");
  CHECK(run_of(rests).waits_for == "a signal or mail");
  rests.schedule.wake_at = std::chrono::system_clock::time_point{9h};
  CHECK(run_of(rests).waits_for == "a timer, a signal or mail");
  CHECK(run_of(rests).wake_at == rests.schedule.wake_at);
  auto parked = run_of(row(log_status::needs_operator, true));
  CHECK(parked.phase == "parked");
  CHECK(parked.waits_for == "a person: shannon why task-1");
  CHECK(run_of(row(log_status::completed)).phase == "ended");
}

TEST_CASE("what a run says of itself replaces what its row says") {
  auto run = run_of(row(store::log_status::running));
  remote::RunDescription live;
  live.set_phase("running");
  live.set_version(12);
  describe(run, live);
  CHECK(run.waits_for == "nothing: it is about to go on");
  CHECK_FALSE(run.wake_at);
  auto& effect = *live.add_waits();
  effect = wait("effect", "plan#1", "llm");
  effect.set_under_way(true);
  effect.set_attempt(2);
  effect.set_due_us(9'000'000);
  auto& timer = *live.add_waits();
  timer = wait("timer", "nap#1", "");
  timer.set_due_us(4'000'000);
  describe(run, live);
  CHECK(run.version == 12);
  CHECK(run.waits_for
        == "effect plan#1 (llm), attempt 2, under way, and 1 more");
  CHECK(run.wake_at == std::chrono::system_clock::time_point{4s});
  CHECK(run.waits.size() == 2);
  live.set_phase("parked");
  live.set_failure("the disk is full");
  auto parked = run_of(row(store::log_status::running));
  describe(parked, live);
  CHECK(parked.phase == "parked");
  CHECK(parked.waits_for.find("a person: the disk is full") == 0);
}

TEST_CASE("each wait has its words") {
  CHECK(wait_text(wait("signal", "", "approve")) == "signal approve");
  CHECK(wait_text(wait("timer", "s/nap#2", "")) == "timer s/nap#2");
  CHECK(wait_text(wait("effect", "a#1", "tool"))
        == "effect a#1 (tool), attempt 1");
}

TEST_CASE("what is no page of runs is refused with what is expected") {
  get_runs wanted;
  CHECK_FALSE(first_of(wanted).value());
  wanted.cursor = "ff";
  CHECK(first_of(wanted).value() == 255);
  wanted.cursor = "-2";
  CHECK(first_of(wanted).value() == -2);
  for (const auto* odd : {"x", "-", "ff ", "fffffffffffffffff"}) {
    wanted.cursor = odd;
    REQUIRE_FALSE(first_of(wanted));
    CHECK(first_of(wanted).error().text
          == "cursor: expected the `next` of the page before; found \""
                 + std::string{odd} + "\"");
  }
  wanted.cursor.clear();
  wanted.phase = "happy";
  CHECK(first_of(wanted).error().text
        == "phase: expected one of running, parked, rests, unread, ended; "
           "found \"happy\"");
  wanted.phase = "rests";
  wanted.limit = 501;
  CHECK(first_of(wanted).error().text == "limit: expected 1 to 500; found 501");
}
