#pragma once

#include "nodes/commands/admin_client.hpp"
#include "nodes/commands/cluster_state.hpp"
#include "nodes/commands/database.hpp"
#include "nodes/commands/server_url.hpp"
#include "protocols/errc.hpp"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

/// Which nodes a command looks at: one by its admin port, one by its name, or
/// all that live.
namespace shannon::commands {

struct node_options {
  admin_options admin;
  database_options where;
  std::string name;
};

/// `--node`, `--admin`, `--dsn` and `--data`.
void add_node_options(CLI::App& app, node_options& options);

struct chosen_node {
  std::string name; ///< Empty if it was found without the database.
  server_url admin;
};

/// With `--node` the one of that name in the database's table of nodes, else
/// the one that `find_admin` finds.
result<chosen_node> choose_node(const node_options& options);

/// All nodes that live in a database that was named, by `--dsn` or
/// SHANNON_DATABASE_URL, else the one of `choose_node`, which then has a name
/// in any case. Never none: `unavailable` says that none lives.
result<std::vector<chosen_node>> choose_nodes(const node_options& options);

/// All nodes of the table whose lease holds, by name. Pure: `where_of` says
/// how one is reached.
result<std::vector<chosen_node>> live_nodes(const cluster_state& found);
result<chosen_node> named_node(const cluster_state& found,
                               const std::string& name);

result<cluster_state> read_cluster(const database_options& where);

} // namespace shannon::commands
