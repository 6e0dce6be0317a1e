#include "actors/workflow/history/log_checker.hpp"

#include "actors/workflow/engine/run.hpp"
#include "actors/workflow/history/bodies.hpp"
#include "actors/workflow/history/words.hpp"
#include "protocols/checksum.hpp"
#include "protocols/facts/fact.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace shannon::history {

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
      say(row.version, rule::body, "body " + hex(hash), "none");
    else if (at->second != hash)
      say(row.version, rule::body, "body " + hex(hash),
          "content with hash " + hex(at->second));
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
        "body " + hex(*hash) + " among the row's references",
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
  check_status();
}

void log_checker::check_status() {
  workflow::run_options options;
  options.facts_max = std::numeric_limits<std::uint32_t>::max();
  workflow::durable_run run{nullptr, options};
  if (auto read = run.replay(bare_, {}, 0); !read)
    return say(0, rule::head, "facts that can be folded", read.error().text);
  if (run.status() != head_->status)
    say(0, rule::head, "status " + to_text(run.status()) + " as the facts say",
        "status " + to_text(head_->status));
}

} // namespace shannon::history
