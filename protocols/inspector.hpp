#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

/// What actors say about themselves.
namespace shannon::inspector {

// -- queries ------------------------------------------------------------------

/// To a SUPERVISOR: its part of the tree. Answers tree_node.
struct get_tree {};

// -- replies ------------------------------------------------------------------

enum class child_state : std::uint8_t { starting, running, backing_off, ended };

struct tree_node {
  std::string name;
  /// `supervisor` or the actor's own name.
  std::string kind;
  child_state state = child_state::starting;
  std::chrono::system_clock::time_point since;
  std::uint64_t restarts = 0;
  std::string last_error;
  std::uint64_t mailbox_depth = 0;
  std::uint64_t messages_total = 0;
  std::vector<tree_node> children;
};

/// One line of readiness: a part and whether it can do its work.
struct check {
  std::string name;
  bool ok = false;
  std::string text;
};

/// To the INSPECTOR. Answers health_report.
struct get_health {};

struct health_report {
  bool ready = false;
  std::vector<check> checks;
};

} // namespace shannon::inspector
