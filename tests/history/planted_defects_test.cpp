// One log that breaks none of the rules, and for each way to break one a copy
// that breaks it and nothing else.

#include "tests/history/written_log.hpp"

#include <catch2/catch.hpp>

#include <functional>

using namespace shannon;
using namespace shannon::history;
using store::log_status;

namespace {

const std::string body_hash(32, 'b');

/// Something of everything, in the order an engine writes it.
const std::vector<std::string> sound{
    "run_started { kind: 'workflow' input { inline: 'x' } }", // 1
    "timer_set { step { key: 'nap' occurrence: 1 } due_at_us: 5000 }",
    "timer_set { step { key: 'get' occurrence: 1 } due_at_us: 90000 "
    "is_deadline: true }",
    "attempt_failed { step { key: 'get' occurrence: 1 } attempt: 1 }",
    "step_completed { step { key: 'get' occurrence: 1 } attempt: 2 "
    "output { blob: '"
        + body_hash + "' } }", // 5
    "child_progressed { child: 'a' child_version: 1 }",
    "child_progressed { child: 'a' child_version: 2 }",
    "at_us: 5000 timer_fired { step { key: 'nap' occurrence: 1 } }",
    "step_started { step { key: 'pay' occurrence: 1 } attempt: 1 }",
    "step_failed { step { key: 'pay' occurrence: 1 } attempt: 1 }", // 10
    "signal_received { name: 'go' signal_id: '1' payload: 'p' }",
    "noted { step { key: 'now' occurrence: 1 } value: '7' }",
    "cancel_requested { reason: 'enough' }",
    "run_cancelled { reason: 'enough' }",
    "stream_ended { }", // 15
};

using texts = std::vector<std::string>;
using bend_facts = std::function<void(texts&)>;
using bend_rows = std::function<void(written_log&)>;

struct defect {
  std::string name;
  /// One of both: what was written wrongly, or damaged afterwards.
  bend_facts facts;
  bend_rows rows;
  rule which;
  log_version version;
  log_status status = log_status::cancelled;
};

bend_facts replaced(std::size_t version, std::string text) {
  return [=](texts& all) { all[version - 1] = text; };
}

bend_facts inserted(std::size_t version, std::string text) {
  return [=](texts& all) {
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(version - 1), text);
  };
}

bend_facts removed(std::size_t version) {
  return [=](texts& all) {
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(version - 1));
  };
}

const std::vector<defect> damaged_rows{
    {"a fact is missing", nullptr,
     [](auto& log) { log.rows.erase(log.rows.begin() + 10); }, rule::version,
     12},
    {"a version stands twice", nullptr,
     [](auto& log) {
       auto again = fact_of("noted { value: 'again' }");
       log_row row{12, 3, 0, again.SerializeAsString(), {}};
       row.checksum = log.rows[11].checksum;
       log.rows.insert(log.rows.begin() + 12, row);
     },
     rule::version, 12},
    {"a fact was changed", nullptr,
     [](auto& log) {
       log.rows[11].fact
           = fact_of("noted { value: 'forged' }").SerializeAsString();
     },
     rule::checksum, 12},
    {"a fact was cut off", nullptr,
     [](auto& log) { log.rows[11].fact.pop_back(); }, rule::checksum, 12},
    {"two facts changed places", nullptr,
     [](auto& log) {
       std::swap(log.rows[10].fact, log.rows[11].fact);
       // Of the two that no longer fit one is enough to see.
       log.rows[10].checksum
           = store::chain(log.rows[9].checksum, 11, log.rows[10].fact);
     },
     rule::checksum, 12},
    {"a body is gone", nullptr, [](auto& log) { log.bodies.clear(); },
     rule::body, 5},
    {"a body is not what it was", nullptr,
     [](auto& log) { log.bodies[body_hash] = std::string(32, 'c'); },
     rule::body, 5},
    {"a row does not name its fact's body", nullptr,
     [](auto& log) { log.rows[4].bodies.clear(); }, rule::body, 5},
    {"an epoch falls", nullptr, [](auto& log) { log.rows[14].epoch = 2; },
     rule::epoch, 15},
    {"an epoch is above the head's", nullptr,
     [](auto& log) { log.rows[14].epoch = 4; }, rule::epoch, 15},
    {"the head stands behind the facts", nullptr,
     [](auto& log) { --log.head->tail.version; }, rule::head, 0},
    {"the last fact is gone", nullptr, [](auto& log) { log.rows.pop_back(); },
     rule::head, 0},
    {"the head has another checksum", nullptr,
     [](auto& log) { ++log.head->tail.chain; }, rule::head, 0},
    {"the head has another status", nullptr,
     [](auto& log) { log.head->status = log_status::running; }, rule::head, 0},
    {"an ended log stands among the others", nullptr,
     [](auto& log) { log.head->schedule = store::log_schedule{}; }, rule::head,
     0},
    {"an end is owed for too long", nullptr,
     [](auto& log) {
       log.head->schedule = store::log_schedule{};
       log.head->has_parent = true;
       log.head->ended_us = 1'000'000;
       log.head->alive_us = 152'000'000;
     },
     rule::child, 0},
    {"a summary cannot be read", nullptr,
     [](auto& log) { log.head->summary = "\xff"; }, rule::head, 0},
    {"a summary tells another end", nullptr,
     [](auto& log) {
       facts::Summary all;
       all.set_ended_at_us(999);
       log.head->summary = all.SerializeAsString();
     },
     rule::head, 0},
    {"a summary tells another cost", nullptr,
     [](auto& log) {
       facts::Summary all;
       all.set_ended_at_us(1'000);
       all.mutable_usage()->set_cost_nanousd(7);
       log.head->summary = all.SerializeAsString();
     },
     rule::head, 0},
    {"the head is gone", nullptr, [](auto& log) { log.head.reset(); },
     rule::head, 0},
    {"there is a head and no fact", nullptr,
     [](auto& log) {
       log.rows.clear();
       log.head = head_row{};
     },
     rule::start, 0},
};

const std::vector<defect> wrong_facts{
    {"the first fact does not start the run",
     replaced(1, "noted { value: '1' }"), nullptr, rule::start, 1},
    {"a run starts twice", inserted(12, "run_started { kind: 'workflow' }"),
     nullptr, rule::start, 12},
    {"a fact is no event", replaced(12, "event { type: '' } noted { }"),
     [](auto& log) {
       auto fact = fact_of("noted { value: '7' }");
       fact.clear_event();
       log.rows[11].fact = fact.SerializeAsString();
       log.seal(log_status::cancelled);
     },
     rule::event, 12},
    {"a step completes twice",
     inserted(6, "step_completed { step { key: 'get' occurrence: 1 } "
                 "attempt: 2 }"),
     nullptr, rule::step, 6},
    {"a step fails after it completed",
     inserted(6, "step_failed { step { key: 'get' occurrence: 1 } "
                 "attempt: 2 }"),
     nullptr, rule::step, 6},
    {"an attempt fails after the step's end",
     inserted(6, "attempt_failed { step { key: 'get' occurrence: 1 } "
                 "attempt: 2 }"),
     nullptr, rule::step, 6},
    {"an attempt is left out",
     replaced(4, "attempt_failed { step { key: 'get' occurrence: 2 } "
                 "attempt: 2 }"),
     [](auto& log) {
       // The step itself succeeds at once, so that only the other is wrong.
       auto fact = fact_of("step_completed { step { key: 'get' occurrence: 1 }"
                           " attempt: 1 output { inline: 'y' } }");
       log.rows[4].fact = fact.SerializeAsString();
       log.seal(log_status::cancelled);
     },
     rule::step, 4},
    {"a step succeeds with an attempt that was not its turn",
     replaced(5, "step_completed { step { key: 'get' occurrence: 1 } "
                 "attempt: 3 }"),
     nullptr, rule::step, 5},
    {"an attempt made at most once starts twice",
     inserted(10, "step_started { step { key: 'pay' occurrence: 1 } "
                  "attempt: 1 }"),
     nullptr, rule::step, 10},
    {"a timer fires that was never set", removed(2), nullptr, rule::timer, 7},
    {"a deadline is no timer that fires",
     replaced(2, "timer_set { step { key: 'nap' occurrence: 1 } "
                 "due_at_us: 5000 is_deadline: true }"),
     nullptr, rule::timer, 8},
    {"a timer fires before it is due",
     replaced(8, "at_us: 4999 timer_fired { step { key: 'nap' "
                 "occurrence: 1 } }"),
     nullptr, rule::timer, 8},
    {"a timer fires twice",
     inserted(9, "at_us: 6000 timer_fired { step { key: 'nap' "
                 "occurrence: 1 } }"),
     nullptr, rule::timer, 9},
    {"a timer is set twice",
     inserted(3, "timer_set { step { key: 'nap' occurrence: 1 } "
                 "due_at_us: 5000 }"),
     nullptr, rule::timer, 3},
    {"a child's fact is told twice",
     inserted(8, "child_progressed { child: 'a' child_version: 2 }"), nullptr,
     rule::child, 8},
    {"a child's fact is left out", removed(6), nullptr, rule::child, 6},
    {"a fact follows the end", inserted(15, "signal_received { name: 'go' }"),
     nullptr, rule::end, 15},
    {"a run ends twice", inserted(15, "run_completed { }"), nullptr, rule::end,
     15, log_status::completed},
    {"a fact follows the end of the stream",
     inserted(16, "signal_received { name: 'go' }"), nullptr, rule::end, 16},
    {"a stream ends before its run", inserted(14, "stream_ended { }"),
     [](auto& log) {
       log.rows.resize(14);
       log.seal(log_status::running);
     },
     rule::end, 14},
    {"a run is cancelled that nobody cancelled", removed(13), nullptr,
     rule::cancelled, 13},
};

void check_each(const std::vector<defect>& defects) {
  for (const auto& one : defects) {
    auto facts = sound;
    if (one.facts)
      one.facts(facts);
    written_log log{facts};
    log.seal(one.status);
    if (one.rows)
      one.rows(log);
    auto found = log.check();
    INFO(one.name << "\n" << to_text(found));
    REQUIRE(found.size() == 1);
    CHECK(found[0].which == one.which);
    CHECK(found[0].version == one.version);
    CHECK(found[0].log.value == "task-1");
    CHECK(found[0].expected != found[0].found);
  }
}

} // namespace

TEST_CASE("a log of all facts that breaks no rule has no findings") {
  auto found = written_log{sound}.seal(log_status::cancelled).check();
  CHECK(to_text(found) == "");
}

TEST_CASE("rows that were damaged are found, each as what it is") {
  check_each(damaged_rows);
}

TEST_CASE("facts that contradict each other are found, each as what it is") {
  check_each(wrong_facts);
}

TEST_CASE("bytes that are no fact are found where they stand") {
  written_log log{sound};
  log.rows[11].fact = "\xff\xff\xff";
  auto found = log.seal(log_status::cancelled).check();
  INFO(to_text(found));
  REQUIRE(found.size() == 1);
  CHECK(found[0].which == rule::fact);
  CHECK(found[0].version == 12);
}

TEST_CASE("what a later build records is no finding") {
  written_log log{sound};
  auto fact = fact_of("");
  // A field no build knows yet: number 1000, a varint.
  log.rows[11].fact = fact.SerializeAsString() + std::string{"\xc0\x3e\x01", 3};
  CHECK(to_text(log.seal(log_status::cancelled).check()) == "");
}

TEST_CASE("every other status is the fold of its facts too") {
  const std::vector<std::pair<std::string, log_status>> ends{
      {"run_completed { }", log_status::completed},
      {"run_failed { error_code: 'failed' }", log_status::failed},
      {"run_parked { reason: 'r' }", log_status::needs_operator},
      {"noted { }", log_status::running},
  };
  for (const auto& [end, status] : ends) {
    for (auto said : {log_status::queued, log_status::running,
                      log_status::completed, log_status::failed,
                      log_status::cancelled, log_status::needs_operator}) {
      INFO(end);
      auto found = written_log{{"run_started { }", end}}.seal(said).check();
      CHECK(found.size() == (said == status ? 0u : 1u));
    }
  }
}

TEST_CASE("a log that has not ended has a row that says what it waits for") {
  const std::vector<std::string> waiting{
      "run_started { }",
      "timer_set { step { key: 'nap' occurrence: 1 } due_at_us: 5000 }",
      "attempt_failed { step { key: 'get' occurrence: 1 } attempt: 1 "
      "retry_at_us: 4000 }",
  };
  auto at = [](std::int64_t us) {
    return std::chrono::system_clock::time_point{std::chrono::microseconds{us}};
  };
  auto log = written_log{waiting}.seal(log_status::running);
  auto findings = [&] { return to_text(log.check()); };
  CHECK(findings() == "");
  log.head->schedule = {true, at(5'000)};
  CHECK(findings() == "");
  log.head->schedule = {true, at(4'000)};
  CHECK(findings() == "");
  // Nothing is due then.
  log.head->schedule = {true, at(4'500)};
  CHECK(findings()
        == "0 timer: expected a wake-up when something recorded is due, found "
           "one at 4500 us\n");
  // Due for long, and a node was at work.
  log.head->schedule = {true, at(5'000)};
  log.head->alive_us = 150'005'000;
  CHECK(findings() == "");
  log.head->alive_us = 151'005'000;
  CHECK(findings()
        == "0 timer: expected a wake-up at 5000 us, or within 150 s while a "
           "node is at work, found none until 151005000 us\n");
  log.head->schedule.reset();
  CHECK(findings()
        == "0 head: expected a row among what has not ended, found none\n");
}

TEST_CASE("an end that is owed is told by a row, for a while") {
  auto log = written_log{{"run_started { }", "run_completed { }"}}.seal(
      log_status::completed);
  log.head->schedule = store::log_schedule{};
  log.head->has_parent = true;
  log.head->ended_us = 1'000'000;
  log.head->alive_us = 151'000'000;
  CHECK(to_text(log.check()) == "");
}

TEST_CASE("what a log has heard of its children is what they are") {
  const log_id parent{"task-1"};
  const log_id agent{"task-1/a"};
  auto findings = [&](log_status status, const child_row& child) {
    auto log
        = written_log{{"run_started { }",
                       "child_progressed { child: 'task-1/a' "
                       "child_version: 1 }",
                       status == log_status::running ? "noted { }"
                                                     : "run_completed { }"}}
              .seal(status);
    std::vector<finding> all;
    log_checker checker{parent, log.head,
                        [&](finding what) { all.push_back(std::move(what)); }};
    for (const auto& row : log.rows)
      checker.take(row, {});
    checker.finish();
    REQUIRE(checker.children().size() == 1);
    checker.take_child(child);
    return to_text(all);
  };
  auto running = log_status::running;
  auto ended = log_status::completed;
  CHECK(findings(running, {agent, parent, 2, true, true, false}) == "");
  CHECK(findings(running, {agent, parent, 9, true, false, true}) == "");
  CHECK(findings(running, {agent, parent, 9, true, true, true}) == "");
  CHECK(findings(running, {agent, parent, 9, true, true, false})
        == "0 child: expected version 8 of task-1/a, which has ended and tells "
           "no more, found version 1 as the last\n");
  CHECK(findings(ended, {agent, parent, 9, true, true, false}) == "");
  CHECK(findings(running, {agent, parent, 0, true, true, true})
        == "0 child: expected at most version 0 of task-1/a, its last, found "
           "version 1\n");
  CHECK(findings(running, {agent, log_id{"task-2"}, 2, true, true, false})
        == "0 child: expected task-1/a with this log as its parent, found "
           "task-2\n");
  CHECK(findings(running, {agent, std::nullopt})
        == "0 child: expected a log task-1/a, which this one has heard, found "
           "none\n");
  CHECK(findings(ended, {agent, std::nullopt}) == "");
}
