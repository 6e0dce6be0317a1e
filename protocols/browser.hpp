#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What a node's BROWSER POOL says about itself.
namespace shannon::browser {

/// To a BROWSER POOL. Answers pool_report.
struct get_sessions {};

struct seen_session {
  std::string id;
  std::string tenant;
  std::string task; ///< The root run; empty for a client's own session.
  std::string url;
  std::string title;
  std::uint32_t tabs = 0;
  std::chrono::milliseconds age{0};
  std::chrono::milliseconds idle{0};
  bool busy = false;
  std::int64_t process = 0; ///< Its Chromium's pid; 0: not opened yet.
  /// Its share of its process and that one's children; 0: not known yet.
  std::uint64_t memory_bytes = 0;
  // Through its way out.
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t refused = 0;
};

struct seen_process {
  std::int64_t pid = 0;
  std::chrono::milliseconds age{0};
  std::uint64_t sessions = 0;
  std::uint64_t opened = 0; ///< Since it started.
  std::uint64_t memory_bytes = 0;
  bool leaves = false; ///< Takes no more; goes with its last session.
  /// Chromium's sandbox is on inside ours; false where the machine refuses it.
  bool own_sandbox = true;
};

struct pool_report {
  std::vector<seen_session> sessions;
  std::vector<seen_process> processes;
  std::uint64_t sessions_max = 0;
  std::uint64_t warm = 0;    ///< Opened ahead, and nobody's yet.
  std::uint64_t started = 0; ///< Processes since the node began.
  std::uint64_t crashed = 0;
  std::chrono::milliseconds idle_timeout{0};
};

} // namespace shannon::browser
