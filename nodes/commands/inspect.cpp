#include "nodes/commands/actor_reader.hpp"
#include "nodes/commands/node_choice.hpp"
#include "nodes/commands/node_view.hpp"
#include "nodes/commands/server_commands.hpp"

#include <cstdio>
#include <limits>
#include <memory>
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

exit_code show_rows(api_client& api, const inspect_options& options) {
  auto enough
      = options.all ? std::numeric_limits<std::size_t>::max() : shown_at_first;
  auto found = read_actors(api, options.wanted, enough);
  if (!found)
    return report(found.error());
  if (options.as_json) {
    print(found->rows);
  } else if (found->rows.empty()) {
    std::fprintf(stderr, "no such actors among %llu\n",
                 static_cast<unsigned long long>(found->total));
  } else {
    print(actors_text(shown(found->rows), terminal{STDOUT_FILENO}));
    if (found->cut)
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
  auto node = choose_node(options.node);
  if (!node)
    return report(node.error());
  api_client api{node->admin, api_key_from_environment()};
  const auto& wanted = options.wanted;
  auto rows = !wanted.kind.empty() || !wanted.parent.empty()
              || !wanted.state.empty() || (options.all && options.as_json);
  return rows ? show_rows(api, options) : show_tree(api, options);
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
      "none, 3 no such node or parent, 6 the node cannot be reached.\n"
      "\nExamples:\n"
      "  shannon inspect\n"
      "  shannon inspect --node n2 --kind workflow --all\n"
      "  shannon inspect --state backing_off --json");
  return {app, [options] { return inspect(*options); }};
}

} // namespace shannon::commands
