#include "actors/workflow/history/log_checker.hpp"

#include "actors/kit/bytes_text.hpp"
#include "actors/workflow/engine/run.hpp"
#include "actors/workflow/history/bodies.hpp"
#include "actors/workflow/history/words.hpp"
#include "protocols/checksum.hpp"
#include "protocols/facts/fact.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace shannon::history {

namespace {

bool is_end(const facts::Fact& fact) {
  return fact.has_run_completed() || fact.has_run_failed()
         || fact.has_run_cancelled();
}

} // namespace

log_checker::log_checker(log_id log, std::optional<head_row> head,
                         finding_sink sink)
    : log_(std::move(log)), head_(head), sink_(std::move(sink)),
      rules_(log_, sink_) {
  if (head_) {
    last_ = head_->base.version;
    chain_ = head_->base.chain;
  }
}

void log_checker::say(log_version version, rule which, std::string expected,
                      std::string found) {
  sink_({log_, version, which, std::move(expected), std::move(found)});
}

void log_checker::take(const log_row& row, const stored_bodies& bodies) {
  ++facts_;
  auto intact = check_chain(row);
  check_epoch(row);
  check_bodies(row, bodies);
  facts::Fact fact;
  if (facts::read_fact(fact, row.fact)) {
    check_references(row, fact);
    rules_.take(row.version, fact);
    if (is_end(fact))
      ended_us_ = fact.at_us();
  } else {
    fact.Clear();
    if (intact)
      say(row.version, rule::fact, "a fact",
          std::to_string(row.fact.size()) + " bytes that are none");
  }
  // The fold begins where the run last began anew: what was before is in it.
  if (fact.has_run_continued())
    bare_.clear();
  if (bare_.empty())
    bare_from_ = row.version;
  bare_.push_back({bare_from_ + std::ssize(bare_),
                   {},
                   bare(std::move(fact)).SerializeAsString()});
}

/// False if the fact is known not to be what was written.
bool log_checker::check_chain(const log_row& row) {
  auto expected = last_ + 1;
  auto before = std::exchange(chain_, row.checksum);
  last_ = row.version;
  if (row.version != expected) {
    say(row.version, rule::version, std::to_string(expected),
        std::to_string(row.version));
    return true; // What it was chained to is not there.
  }
  auto sum = store::chain(before, row.version, row.fact);
  if (sum == row.checksum || (!head_ && facts_ == 1))
    return true;
  say(row.version, rule::checksum, hex(row.checksum), hex(sum));
  return false;
}

void log_checker::check_epoch(const log_row& row) {
  if (row.epoch < epoch_)
    say(row.version, rule::epoch, "at least " + std::to_string(epoch_),
        std::to_string(row.epoch));
  if (head_ && row.epoch > head_->epoch)
    say(row.version, rule::epoch,
        "at most its shard's " + std::to_string(head_->epoch),
        std::to_string(row.epoch));
  epoch_ = row.epoch;
}

void log_checker::check_bodies(const log_row& row,
                               const stored_bodies& bodies) {
  for (const auto& hash : row.bodies) {
    auto at = bodies.find(hash);
    if (at == bodies.end())
      say(row.version, rule::body, "body " + kit::to_hex(hash), "none");
    else if (at->second != hash)
      say(row.version, rule::body, "body " + kit::to_hex(hash),
          "content with hash " + kit::to_hex(at->second));
  }
}

/// A body that the row does not name is not loaded with the log.
void log_checker::check_references(const log_row& row,
                                   const facts::Fact& fact) {
  const auto* hash = reference_of(fact);
  if (hash
      && std::find(row.bodies.begin(), row.bodies.end(), *hash)
             == row.bodies.end())
    say(row.version, rule::body,
        "body " + kit::to_hex(*hash) + " among the row's references",
        std::to_string(row.bodies.size()) + " others");
}

void log_checker::finish() {
  check_head();
}

void log_checker::check_head() {
  if (!head_)
    return say(0, rule::head, "a head of the log", "none");
  if (head_->tail.version != last_)
    return say(0, rule::head,
               "version " + std::to_string(last_) + " as the facts say",
               "version " + std::to_string(head_->tail.version));
  if (facts_ == 0)
    return say(0, rule::start, "RunStarted as the first fact", "no facts");
  if (head_->tail.chain != chain_)
    say(0, rule::head, "checksum " + hex(chain_) + " of the last fact",
        "checksum " + hex(head_->tail.chain));
  check_fold();
}

void log_checker::check_fold() {
  workflow::run_options options;
  options.facts_max = std::numeric_limits<std::uint32_t>::max();
  workflow::durable_run run{nullptr, options};
  if (auto read = run.replay(bare_, {}, 0); !read)
    return say(0, rule::head, "facts that can be folded", read.error().text);
  if (run.status() != head_->status)
    return say(0, rule::head,
               "status " + to_text(run.status()) + " as the facts say",
               "status " + to_text(head_->status));
  check_summary(run);
  check_schedule();
}

/// What lists and clients are shown of a run that has ended. Roles that write
/// no end into their summaries show none.
void log_checker::check_summary(const workflow::durable_run& run) {
  if (head_->summary.empty())
    return;
  facts::Summary all;
  if (!all.ParseFromString(head_->summary))
    return say(0, rule::head, "a summary", "bytes that are none");
  if (!store::is_terminal(head_->status) || all.ended_at_us() == 0)
    return;
  auto same = [&](const char* what, const std::string& told,
                  const std::string& shown) {
    if (told != shown)
      say(0, rule::head,
          std::string{"summary with "} + what + " " + told
              + " as the facts say",
          shown.empty() ? "none" : shown);
  };
  auto number = [&](const char* what, std::int64_t told, std::int64_t shown) {
    same(what, std::to_string(told), std::to_string(shown));
  };
  const auto& usage = run.usage();
  number("end", ended_us_, all.ended_at_us());
  number("input tokens", usage.input_tokens(), all.usage().input_tokens());
  number("output tokens", usage.output_tokens(), all.usage().output_tokens());
  number("cost", usage.cost_nanousd(), all.usage().cost_nanousd());
  if (head_->status == store::log_status::failed)
    same("error", run.failure().text, all.error());
}

bool log_checker::overdue(std::int64_t since_us) const {
  return std::chrono::microseconds{head_->alive_us - since_us} > overdue_max;
}

/// The row by which a run is brought back: when it rests, when a timer is due,
/// and when it has told its end.
void log_checker::check_schedule() {
  const auto& schedule = head_->schedule;
  auto limit
      = std::to_string(overdue_max.count()) + " s while a node is at work";
  if (!store::is_terminal(head_->status)) {
    if (!schedule)
      return say(0, rule::head, "a row among what has not ended", "none");
    if (!schedule->idle || !schedule->wake_at)
      return;
    auto wake_us = std::chrono::duration_cast<std::chrono::microseconds>(
                       schedule->wake_at->time_since_epoch())
                       .count();
    if (!rules_.is_due_at(wake_us))
      say(0, rule::timer, "a wake-up when something recorded is due",
          "one at " + std::to_string(wake_us) + " us");
    else if (overdue(wake_us))
      say(0, rule::timer,
          "a wake-up at " + std::to_string(wake_us) + " us, or within " + limit,
          "none until " + std::to_string(head_->alive_us) + " us");
    return;
  }
  if (!schedule)
    return;
  if (!head_->has_parent)
    say(0, rule::head, "no row among what has not ended", "one");
  else if (overdue(head_->ended_us))
    say(0, rule::child, "its end heard within " + limit,
        "one that is owed since " + std::to_string(head_->ended_us) + " us");
}

// -- who told this log --------------------------------------------------------

void log_checker::take_child(const child_row& child) {
  auto told = children().at(child.log.value);
  const auto& name = child.log.value;
  auto open = head_ && !store::is_terminal(head_->status);
  if (!child.parent) {
    // Of a family that has ended, who ended first may be gone first.
    if (open)
      say(0, rule::child, "a log " + name + ", which this one has heard",
          "none");
    return;
  }
  if (told > child.version)
    say(0, rule::child,
        "at most version " + std::to_string(child.version) + " of " + name
            + ", its last",
        "version " + std::to_string(told));
  if (told > 0 && *child.parent != log_)
    say(0, rule::child, name + " with this log as its parent",
        child.parent->empty() ? "none" : child.parent->value);
  // Its end itself is told by another way, after all the rest.
  if (open && child.is_agent && child.ended && !child.active
      && told + 1 < child.version)
    say(0, rule::child,
        "version " + std::to_string(child.version - 1) + " of " + name
            + ", which has ended and tells no more",
        "version " + std::to_string(told) + " as the last");
}

} // namespace shannon::history
