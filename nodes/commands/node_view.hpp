#pragma once

#include "nodes/commands/terminal.hpp"

#include <nlohmann/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

/// How the actors of a node are shown. Pure: from what its admin port tells.
namespace shannon::commands {

/// A line about one actor, or about all of a kind below one parent.
struct shown_actor {
  std::string name; ///< In the tree; else its address.
  std::string address;
  std::string kind;
  std::string parent;
  std::string state;
  std::string since;
  std::uint64_t restarts = 0;
  std::string last_error;
  std::string about; ///< In its own words; empty for most.
  std::uint64_t depth = 0;
  /// Age of the oldest message; nothing for an empty mailbox.
  std::optional<double> oldest_ms;
  std::optional<double> per_s; ///< Not known of a group.
  std::uint64_t total = 0;
  std::uint64_t rejected = 0;
  std::uint64_t actors = 1; ///< Of a group: how many.
  std::vector<shown_actor> below;
};

/// A member that is a count; 0 if it is something else or not there.
std::uint64_t count_at(const nlohmann::json& row, const char* name);

/// A row of `/debug/actors`. What is missing or of another type stays empty.
shown_actor actor_of(const nlohmann::json& row);
/// The whole of `/debug/tree`, groups after children.
shown_actor tree_of(const nlohmann::json& tree);

/// The supervision tree with every actor below its parent instead of counts.
/// Those whose parent is not there stand below the root.
shown_actor tree_with(const nlohmann::json& tree,
                      const std::vector<shown_actor>& all);

/// Lines with branches, under a line of titles.
std::string tree_text(const shown_actor& root, const terminal& out);
/// A table in the given order, under a line of titles; empty for no rows.
std::string actors_text(const std::vector<shown_actor>& rows,
                        const terminal& out);

/// `830 us`, `12 ms`, `3.4 s`, `12 min 3 s`; `-` for nothing.
std::string age_text(const std::optional<double>& ms);

} // namespace shannon::commands
