#include "nodes/commands/api_client.hpp"
#include "nodes/commands/node_choice.hpp"
#include "nodes/commands/raw_terminal.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/top_view.hpp"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <thread>
#include <unistd.h>

namespace shannon::commands {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// Between the two looks of one snapshot: rates are over this time.
constexpr auto between_looks = 600ms;
constexpr std::size_t rows_once = 40;
constexpr std::size_t rows_max = 1'000;

struct top_options {
  node_options node;
  std::string by = "depth";
  std::string kind;
  double every = 2;
  bool once = false;
  bool as_json = false;
};

/// One look at all nodes, side by side: one that hangs delays no other.
std::vector<node_sample> look(const std::vector<chosen_node>& nodes,
                              const top_options& options, top_sort by,
                              std::size_t rows) {
  std::vector<node_sample> out(nodes.size());
  std::vector<std::thread> asking;
  auto target = "/debug/top?by=" + std::string{to_text(by)} + "&limit="
                + std::to_string(std::clamp<std::size_t>(rows, 1, rows_max));
  if (!options.kind.empty())
    target += "&kind=" + url_encoded(options.kind);
  for (std::size_t i = 0; i < nodes.size(); ++i)
    asking.emplace_back([&, i] {
      api_client api{nodes[i].admin, api_key_from_environment()};
      auto got = api.get(target, clock::now() + 2s);
      if (got) {
        out[i] = sample_of(nodes[i].name, *got);
      } else {
        out[i].node = nodes[i].name;
        out[i].trouble = got.error().text;
      }
    });
  for (auto& each : asking)
    each.join();
  return out;
}

exit_code once(const std::vector<chosen_node>& nodes,
               const top_options& options, top_sort by) {
  look(nodes, options, by, rows_once);
  std::this_thread::sleep_for(between_looks);
  auto seen = look(nodes, options, by, rows_once);
  terminal out{STDOUT_FILENO};
  if (options.as_json)
    std::printf("%s\n", top_json(seen, by, rows_once)
                            .dump(2, ' ', false,
                                  nlohmann::json::error_handler_t::replace)
                            .c_str());
  else
    std::fputs(top_text(seen, by, rows_once + nodes.size() + 1, 0, out).c_str(),
               stdout);
  auto told = std::any_of(seen.begin(), seen.end(), [](const auto& node) {
    return node.trouble.empty();
  });
  if (told)
    return exit_code::ok;
  return report(errc::unavailable,
                seen.front().node + ": " + seen.front().trouble);
}

exit_code live(const std::vector<chosen_node>& nodes,
               const top_options& options, top_sort by) {
  raw_terminal window;
  terminal out{STDOUT_FILENO};
  auto every = std::chrono::duration_cast<clock::duration>(
      std::chrono::duration<double>{options.every});
  for (;;) {
    auto size = window.size();
    auto seen = look(nodes, options, by, size.lines);
    window.show(top_text(seen, by, size.lines - 1, size.columns, out)
                + "d depth  a age  r rate  q end");
    auto until = clock::now() + every;
    for (auto left = every; left > 0ms; left = until - clock::now()) {
      auto pressed = window.key(
          std::chrono::duration_cast<std::chrono::milliseconds>(left) + 1ms);
      if (window.closed())
        return exit_code::ok;
      if (!pressed)
        continue;
      auto key = key_of(*pressed);
      if (key.end)
        return exit_code::ok;
      if (key.by) {
        by = *key.by;
        break;
      }
    }
  }
}

exit_code top(const top_options& options) {
  auto nodes = choose_nodes(options.node);
  if (!nodes)
    return report(nodes.error());
  auto by = *read_top_sort(options.by);
  auto for_eyes
      = isatty(STDOUT_FILENO) == 1 && !options.once && !options.as_json;
  return for_eyes ? live(*nodes, options, by) : once(*nodes, options, by);
}

} // namespace

declared declare_top(CLI::App& root, const global_options&) {
  auto options = std::make_shared<top_options>();
  auto* app = root.add_subcommand("top", "Watch the busiest actors");
  add_node_options(*app, options->node);
  app->add_option("--sort", options->by,
                  "depth of the mailbox (default), age of the\n"
                  "oldest message, or rate of messages")
      ->check(CLI::IsMember({"depth", "age", "rate"}))
      ->option_text("BY");
  app->add_option("--kind", options->kind, "Only actors of this kind")
      ->option_text("KIND");
  app->add_option("--every", options->every, "Seconds between two looks (2)")
      ->check(CLI::Range(0.2, 3'600.0))
      ->option_text("S");
  app->add_flag("--once", options->once,
                "Look once and end; so it does in a pipe");
  app->add_flag("--json", options->as_json, "The same, as JSON");
  app->footer(
      "Over all nodes that live in the database which --dsn or\n"
      "SHANNON_DATABASE_URL names, else over one node. Keys: d, a, r sort by\n"
      "depth, age, rate; q ends. Exit codes: 0 told, 3 no such node, 6 no "
      "node\n"
      "can be reached.\n"
      "\nExamples:\n"
      "  shannon top\n"
      "  shannon top --dsn postgresql://db/shannon --sort age\n"
      "  shannon top --node n2 --kind workflow --once");
  return {app, [options] { return top(*options); }};
}

} // namespace shannon::commands
