#pragma once

#include "nodes/commands/history_reader.hpp"
#include "nodes/commands/run_view.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>

namespace shannon::commands {

/// What is known of a run, from its log, from the node that has it, or both.
struct known_run {
  std::string log;
  std::string kind;
  std::string strategy;
  std::string status; ///< `running`, `needs_operator`, …
  std::int64_t started_us = 0;
  std::int64_t last_us = 0; ///< When its last fact was decided.
  log_version last = 0;
  std::string last_fact; ///< In one line.
  bool by_program = false;
  std::optional<history::standing> at;
  std::optional<history_reader::owner> owner;
  /// As the node tells it: `RunDescription` as JSON; null if it does not.
  nlohmann::json live;
  /// Where the node is, or why it tells nothing.
  std::string node;
  std::string database; ///< Why the log could not be read; else empty.
};

/// `3 d 4 h`, `2 min 5 s`, `1.2 s`.
std::string duration_text(std::int64_t microseconds);

/// What happens next by itself, and when; 0: that is not known.
struct next_event {
  std::string text;
  std::int64_t at_us = 0;
};
next_event next_of(const known_run& run, std::int64_t now_us);

std::string why_text(const known_run& run, std::int64_t now_us,
                     const terminal& out);
nlohmann::json why_json(const known_run& run, std::int64_t now_us);

} // namespace shannon::commands
