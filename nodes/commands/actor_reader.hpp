#pragma once

#include "nodes/commands/api_client.hpp"
#include "protocols/errc.hpp"

#include <nlohmann/json.hpp>

#include <string>

/// What a node's admin port tells of its actors, read page by page.
namespace shannon::commands {

struct actor_filter {
  std::string kind;
  std::string parent;
  std::string state;
};

/// Rows of `/debug/actors`: all, or at least `enough` if there are so many;
/// then `cut` says whether there may be more.
struct read_rows {
  nlohmann::json rows = nlohmann::json::array();
  bool cut = false;
  std::uint64_t total = 0; ///< Actors of the node.
};
result<read_rows> read_actors(api_client& api, const actor_filter& wanted,
                              std::size_t enough);

/// `/debug/tree`.
result<nlohmann::json> read_tree(api_client& api);

} // namespace shannon::commands
