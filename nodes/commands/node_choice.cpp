#include "nodes/commands/node_choice.hpp"

#include <cstdlib>

namespace shannon::commands {

namespace {

/// A node that listens on every address is reached by its host.
result<server_url> admin_of(const seen_node& node) {
  auto where = node.admin;
  for (std::string any : {"0.0.0.0:", "[::]:"})
    if (where.starts_with(any) && !node.host.empty())
      where = node.host + ":" + where.substr(any.size());
  return parse_server_url("http://" + where);
}

std::string names_of(const cluster_state& found) {
  std::string all;
  for (const auto& one : found.nodes)
    if (one.live())
      (all += all.empty() ? "" : ", ") += one.name;
  return all.empty() ? "none lives" : "one of " + all;
}

} // namespace

void add_node_options(CLI::App& app, node_options& options) {
  auto* node = app.add_option("--node", options.name,
                              "The node of this name, which the database\n"
                              "knows");
  node->option_text("NAME");
  add_admin_option(app, options.admin);
  node->excludes("--admin");
  add_database_options(app, options.where);
}

result<chosen_node> named_node(const cluster_state& found,
                               const std::string& name) {
  const auto* node = found.find(name);
  if (!node)
    return fail(errc::not_found, "--node " + name + ": expected "
                                     + names_of(found) + "; it is unknown");
  if (!node->live())
    return fail(errc::unavailable, "--node " + name + ": expected "
                                       + names_of(found) + "; its lease ended "
                                       + std::to_string(-node->left.count())
                                       + " ms ago");
  auto where = admin_of(*node);
  if (!where)
    return tl::unexpected(where.error());
  return chosen_node{node->name, *where};
}

result<std::vector<chosen_node>> live_nodes(const cluster_state& found) {
  std::vector<chosen_node> all;
  for (const auto& one : found.nodes) {
    if (!one.live())
      continue;
    auto where = admin_of(one);
    if (!where)
      return tl::unexpected(where.error());
    all.push_back({one.name, *where});
  }
  return all;
}

result<cluster_state> read_cluster(const database_options& where) {
  auto database = find_database(where);
  if (!database)
    return tl::unexpected(database.error());
  auto found = read_cluster(database->dsn);
  if (!found)
    return fail(errc::unavailable, found.error().text);
  return found;
}

result<chosen_node> choose_node(const node_options& options) {
  if (options.name.empty()) {
    auto admin = options.admin;
    if (admin.data.empty())
      admin.data = options.where.data;
    auto where = find_admin(admin);
    if (!where)
      return tl::unexpected(where.error());
    return chosen_node{{}, *where};
  }
  auto found = read_cluster(options.where);
  if (!found)
    return tl::unexpected(found.error());
  return named_node(*found, options.name);
}

result<std::vector<chosen_node>> choose_nodes(const node_options& options) {
  const auto* dsn = std::getenv("SHANNON_DATABASE_URL");
  auto many = options.name.empty() && options.admin.url.empty()
              && options.where.data.empty()
              && (!options.where.dsn.empty() || (dsn && *dsn));
  if (!many) {
    auto one = choose_node(options);
    if (!one)
      return tl::unexpected(one.error());
    if (one->name.empty())
      one->name = one->admin.host + ":" + std::to_string(one->admin.port);
    return std::vector<chosen_node>{*one};
  }
  auto found = read_cluster(options.where);
  if (!found)
    return tl::unexpected(found.error());
  auto all = live_nodes(*found);
  if (all && all->empty())
    return fail(errc::unavailable, "no node of this database lives; shannon "
                                   "cluster status tells of those that did");
  return all;
}

} // namespace shannon::commands
