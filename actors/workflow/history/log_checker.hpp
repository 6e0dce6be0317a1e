#pragma once

#include "actors/workflow/engine/run.hpp"
#include "actors/workflow/history/fact_rules.hpp"
#include "actors/workflow/history/finding.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace shannon::history {

/// One row of a log as it is stored.
struct log_row {
  log_version version = 0;
  shard_epoch epoch = 0;
  std::uint64_t checksum = 0;
  std::string fact; ///< A serialized `facts.Fact`.
  /// Of the bodies this fact refers to: what is loaded with it.
  std::vector<store::blob_hash> bodies;
  /// By the database's clock, microseconds since 1970.
  std::int64_t recorded_us = 0;
};

/// What a log's head row says.
struct head_row {
  store::log_tail tail;
  /// The newest its owners can have.
  shard_epoch epoch = 0;
  store::log_status status = store::log_status::queued;
  /// Where the log stands before the first row that is still kept.
  store::log_tail base{};
  /// A serialized `facts.Summary`; empty is not looked at.
  std::string summary{};
  /// Another log has started it and hears of its end.
  bool has_parent = false;
  /// Its row among the active, and when it was written there at the latest.
  std::optional<store::log_schedule> schedule{};
  /// When its end was stored; 0 if it has not ended.
  std::int64_t ended_us = 0;
  /// A node was at work then, by the database's clock; 0 if none is known.
  std::int64_t alive_us = 0;
};

/// What the tables hold of a log that told another.
struct child_row {
  log_id log;
  /// Nothing: there is no such log.
  std::optional<log_id> parent;
  log_version version = 0;
  bool is_agent = false;
  bool ended = false;
  /// It has not ended, or has yet to tell it.
  bool active = false;
};

/// What is due, or owed, for longer than this while a node was at work is
/// lost: nodes look once a minute.
inline constexpr std::chrono::seconds overdue_max{150};

/// Bodies that are there: SHA-256 of what is stored, by the hash under which
/// it is stored.
using stored_bodies = std::map<store::blob_hash, std::string>;

/// Checks one log, row by row in the order of versions. Pure: knows neither
/// where rows come from nor who is told. Keeps of each fact what the fold of
/// the log needs, without bodies and events: some hundred bytes.
///
/// One damage gives one finding where that can be told apart: after a fact
/// that is not what was written the next one is checked against what is
/// stored.
class log_checker {
public:
  /// Without a head if there are rows only: then what the first of them is
  /// chained to is not known.
  log_checker(log_id log, std::optional<head_row> head, finding_sink sink);

  /// `bodies` holds those of `row` that exist; others do no harm.
  void take(const log_row& row, const stored_bodies& bodies);

  /// The last row was taken.
  void finish();

  /// What the tables hold of one of `children()`. After `finish`, and from the
  /// same snapshot as the rows.
  void take_child(const child_row& child);

  const std::map<std::string, std::int64_t>& children() const noexcept {
    return rules_.children();
  }

  std::uint64_t facts() const noexcept {
    return facts_;
  }

private:
  void say(log_version version, rule which, std::string expected,
           std::string found);
  bool check_chain(const log_row& row);
  void check_epoch(const log_row& row);
  void check_bodies(const log_row& row, const stored_bodies& bodies);
  void check_references(const log_row& row, const facts::Fact& fact);
  void check_head();
  void check_fold();
  void check_summary(const workflow::durable_run& run);
  void check_schedule();
  bool overdue(std::int64_t since_us) const;

  log_id log_;
  std::optional<head_row> head_;
  finding_sink sink_;
  fact_rules rules_;
  std::uint64_t facts_ = 0;
  log_version last_ = 0;
  std::uint64_t chain_ = 0;
  shard_epoch epoch_ = 0;
  std::int64_t ended_us_ = 0; ///< As the end says itself.
  log_version bare_from_ = 0;
  /// What the fold needs of each fact since the run last began anew.
  std::vector<store::recorded_fact> bare_;
};

} // namespace shannon::history
