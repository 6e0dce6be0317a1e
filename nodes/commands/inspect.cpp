#include "nodes/commands/actor_reader.hpp"
#include "nodes/commands/node_choice.hpp"
#include "nodes/commands/node_view.hpp"
#include "nodes/commands/server_commands.hpp"

#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <unistd.h>

namespace shannon::commands {

namespace {

using nlohmann::json;

constexpr std::size_t shown_at_first = 100;

struct inspect_options {
  node_options node;
  actor_filter wanted;
  bool all = false;
  bool as_json = false;
};

void print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
}

void print(const json& what) {
  print(what.dump(2, ' ', false, json::error_handler_t::replace) + "\n");
}

std::vector<shown_actor> shown(const json& rows) {
  std::vector<shown_actor> all;
  for (const auto& row : rows)
    all.push_back(actor_of(row));
  return all;
}

/// Of one node, each with the node's name if there are others.
result<read_rows> rows_of(const chosen_node& node,
                          const inspect_options& options, bool among_others) {
  api_client api{node.admin, api_key_from_environment()};
  auto enough
      = options.all ? std::numeric_limits<std::size_t>::max() : shown_at_first;
  auto found = read_actors(api, options.wanted, enough);
  if (found && among_others)
    for (auto& row : found->rows)
      row["node"] = node.name;
  return found;
}

/// What is told of the nodes that answer; an error if none does.
exit_code show_rows(const std::vector<chosen_node>& nodes,
                    const inspect_options& options) {
  read_rows all;
  std::optional<error> last;
  std::size_t told = 0;
  for (const auto& node : nodes) {
    auto found = rows_of(node, options, nodes.size() > 1);
    if (!found) {
      last = found.error();
      if (nodes.size() > 1)
        std::fprintf(stderr, "%s: %s\n", node.name.c_str(), last->text.c_str());
      continue;
    }
    ++told;
    all.cut = all.cut || found->cut;
    all.total += found->total;
    for (auto& row : found->rows)
      all.rows.push_back(std::move(row));
  }
  if (told == 0)
    return report(*last);
  if (options.as_json) {
    print(all.rows);
  } else if (all.rows.empty()) {
    std::fprintf(stderr, "no such actors among %llu\n",
                 static_cast<unsigned long long>(all.total));
  } else {
    print(actors_text(shown(all.rows), terminal{STDOUT_FILENO}));
    if (all.cut)
      std::fprintf(stderr, "there may be more: --all\n");
  }
  return exit_code::ok;
}

exit_code show_tree(api_client& api, const inspect_options& options) {
  auto tree = read_tree(api);
  if (!tree)
    return report(tree.error());
  if (options.as_json) {
    print(*tree);
    return exit_code::ok;
  }
  auto root = tree_of(*tree);
  if (options.all) {
    auto found = read_actors(api, {}, std::numeric_limits<std::size_t>::max());
    if (!found)
      return report(found.error());
    root = tree_with(*tree, shown(found->rows));
  }
  print(tree_text(root, terminal{STDOUT_FILENO}));
  return exit_code::ok;
}

exit_code inspect(const inspect_options& options) {
  const auto& wanted = options.wanted;
  auto rows = !wanted.kind.empty() || !wanted.parent.empty()
              || !wanted.state.empty() || (options.all && options.as_json);
  if (rows) {
    auto nodes = choose_nodes(options.node);
    return nodes ? show_rows(*nodes, options) : report(nodes.error());
  }
  auto node = choose_node(options.node);
  if (!node)
    return report(node.error());
  api_client api{node->admin, api_key_from_environment()};
  return show_tree(api, options);
}

} // namespace

declared declare_inspect(CLI::App& root, const global_options&) {
  auto options = std::make_shared<inspect_options>();
  auto* app = root.add_subcommand("inspect", "Show the actors of a node");
  add_node_options(*app, options->node);
  app->add_option("--kind", options->wanted.kind, "List those of this kind")
      ->option_text("KIND");
  app->add_option("--parent", options->wanted.parent,
                  "List those that this address started")
      ->option_text("ADDRESS");
  app->add_option("--state", options->wanted.state,
                  "List those that are starting, running,\n"
                  "backing_off or ended")
      ->option_text("STATE");
  app->add_flag("--all", options->all,
                "Every actor, not counts or the first 100");
  app->add_flag("--json", options->as_json, "Print JSON");
  app->footer(
      "Prints the supervision tree; actors that no supervisor looks after are\n"
      "counted by kind below their parent. \"oldest\" is the age of the "
      "message\n"
      "in work, or of the first that waits. Exit codes: 0 told, 2 a filter is\n"
      "none, 3 no such node or parent, 6 no node can be reached.\n"
      "Lists, which a filter or --all --json asks for, are of all nodes that\n"
      "live in the database which --dsn or SHANNON_DATABASE_URL names, else "
      "of\n"
      "one node.\n"
      "\nExamples:\n"
      "  shannon inspect\n"
      "  shannon inspect --node n2 --kind workflow --all\n"
      "  shannon inspect --dsn postgresql://db/shannon --kind browser_session\n"
      "  shannon inspect --state backing_off --json");
  return {app, [options] { return inspect(*options); }};
}

} // namespace shannon::commands
