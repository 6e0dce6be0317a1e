#pragma once

#include "actors/workflow/history/fact_rules.hpp"
#include "actors/workflow/history/finding.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"

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
};

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
  void check_status();

  log_id log_;
  std::optional<head_row> head_;
  finding_sink sink_;
  fact_rules rules_;
  std::uint64_t facts_ = 0;
  log_version last_ = 0;
  std::uint64_t chain_ = 0;
  shard_epoch epoch_ = 0;
  log_version bare_from_ = 0;
  /// What the fold needs of each fact since the run last began anew.
  std::vector<store::recorded_fact> bare_;
};

} // namespace shannon::history
