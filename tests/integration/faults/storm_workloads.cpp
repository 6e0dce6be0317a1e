// W1-W3, W5: what tasks were made of, held against the model's ledger and, for
// trees of runs, against every log of them.

#include "actors/store/log_queries.hpp"
#include "protocols/facts/fact.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "protocols/store.hpp"
#include "tests/integration/faults/storm.hpp"
#include "tests/integration/recorded_steps.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace shannon::test {

namespace {

constexpr std::size_t shown_max = 10;

struct tree_logs {
  std::vector<run_seen> runs;
  /// When each began and ended, as if it were a call: what holds of the calls
  /// of a cancelled task holds of its runs.
  std::vector<call_seen> lives;
};

void take(const facts::Fact& fact, run_seen& into) {
  into.ends += fact.has_run_completed() || fact.has_run_failed()
               || fact.has_run_cancelled();
  if (fact.has_run_completed()) {
    into.completed = true;
    into.output = fact.run_completed().output().inline_();
  }
  if (!fact.has_step_completed() || fact.step_completed().effect() != "child")
    return;
  remote::ChildResult told;
  REQUIRE(told.ParseFromString(fact.step_completed().output().inline_()));
  into.told[told.run()].push_back(told.output());
}

void read_run(store::pg_connection& db, const std::string& id,
              const std::string& parent, tree_logs& into) {
  auto page = store::read_page(db, {log_id{id}, 0, store::facts_max});
  REQUIRE(page);
  run_seen run{id, parent};
  call_seen life{id + "/run"};
  for (const auto& recorded : page->facts) {
    facts::Fact fact;
    REQUIRE(facts::read_fact(fact, recorded.bytes));
    auto before = std::exchange(run.ends, 0);
    take(fact, run);
    if (fact.has_run_started())
      life.at_us = unix_us(recorded.at);
    if (run.ends > 0)
      life.ended_us = unix_us(recorded.at);
    run.ends += before;
  }
  // A task answers with a report.
  if (remote::AgentReport report;
      parent.empty() && run.completed && report.ParseFromString(run.output))
    run.output = report.text();
  into.runs.push_back(std::move(run));
  into.lives.push_back(std::move(life));
}

/// How many steps of each task called the model. A title for its session is
/// asked for beside the work, once, and given up when the work is done first.
std::map<std::string, std::size_t>
calls_of(const std::vector<model_call>& calls) {
  std::set<std::string> steps;
  for (const auto& call : calls)
    steps.insert(call.attempt_key.substr(0, call.attempt_key.rfind('/')));
  std::map<std::string, std::size_t> out;
  for (const auto& step : steps)
    if (step.find("/title/ask#") == std::string::npos)
      ++out[std::string{task_of(step)}];
  return out;
}

std::string lines(const std::vector<std::string>& all) {
  std::string out;
  for (std::size_t i = 0; i < all.size() && i < shown_max; ++i)
    out += all[i] + "\n";
  return out;
}

} // namespace

/// Whatever fell: of a task that completed no call is missing, and there is
/// none that it should not have made.
void storm::check_workloads(const load_report& seen) {
  auto made = calls_of(cluster_->calls());
  std::map<std::string, int> times;
  std::vector<std::string> wrong;
  for (const auto& task : seen.tasks) {
    ++times[task.what.name];
    if (task.cancelled == cancel_state::none
        && made[task.id] != task.what.calls)
      wrong.push_back(task.id + ": " + std::to_string(made[task.id])
                      + " calls of the model, not "
                      + std::to_string(task.what.calls));
  }
  std::string all;
  for (const char* name : {"W1", "W2", "W3", "W5"}) {
    all += " " + std::string{name} + " x" + std::to_string(times[name]);
    if (seen.tasks.size() > 200) // Else it may not have been drawn.
      CHECK(times[name] > 0);
  }
  WARN("workloads:" << all);
  INFO(lines(wrong));
  CHECK(wrong.empty());
}

/// W5: every tree as a whole, and of those that were cancelled that it reached
/// their leaves in time.
void storm::check_trees(const load_report& seen) {
  std::map<std::string, tree_logs> trees;
  for (const auto& task : seen.tasks)
    if (task.what.tree.depth > 0)
      trees[task.id];
  auto rows = run_sql(audit_->db(), "select log_id, parent from heads "
                                    "where kind = 'workflow'");
  for (int i = 0; i < rows.size(); ++i)
    if (auto at = trees.find(std::string{task_of(rows.text(i, 0))});
        at != trees.end())
      read_run(audit_->db(), rows.text(i, 0), rows.text(i, 1), at->second);
  std::vector<std::string> wrong;
  std::vector<call_seen> lives;
  std::vector<cancel_seen> cancels;
  for (const auto& task : seen.tasks) {
    auto at = trees.find(task.id);
    if (at == trees.end())
      continue;
    auto found = check_tree(task.id, task.what.tree, at->second.runs);
    wrong.insert(wrong.end(), found.begin(), found.end());
    if (task.cancelled != cancel_state::acknowledged)
      continue;
    cancels.push_back(cancel_of(task));
    const auto& of_tree = at->second.lives;
    lives.insert(lives.end(), of_tree.begin(), of_tree.end());
  }
  std::int64_t last_us = 0;
  for (const auto& cancel : cancels)
    for (const auto& life : trees[cancel.task].lives)
      last_us = std::max(last_us, life.ended_us - cancel.at_us);
  auto late = check_cancels(lives, cancels,
                            until_taken_over(spans_, audit_->takeovers()));
  wrong.insert(wrong.end(), late.begin(), late.end());
  std::size_t runs = 0;
  for (const auto& [task, logs] : trees)
    runs += logs.runs.size();
  WARN("W5: " << trees.size() << " trees of " << runs << " runs, "
              << cancels.size() << " of them cancelled while " << lives.size()
              << " runs were there, the last of which ended " << last_us / 1'000
              << " ms later, " << wrong.size() << " wrong");
  INFO(lines(wrong));
  CHECK(wrong.empty());
}

} // namespace shannon::test
