#pragma once

#include "actors/workflow/history/replay.hpp"
#include "nodes/commands/terminal.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>

/// How a run that is looked at is shown.
namespace shannon::commands {

/// What is shown of one run beside where it stands.
struct viewed_run {
  std::string log;
  std::string kind;
  std::string strategy;
  log_version last = 0;    ///< The end of its log.
  std::int64_t at_us = 0;  ///< When the version shown was decided.
  bool by_program = false; ///< This build knows its program.
  bool redacted = false;
};

std::string standing_text(const viewed_run& run, const history::standing& at,
                          const terminal& out);
nlohmann::json standing_json(const viewed_run& run,
                             const history::standing& at);

/// `2026-11-26T10:11:12.345Z`; `never` for 0.
std::string utc_text(std::int64_t unix_us);

} // namespace shannon::commands
