#include "nodes/commands/command.hpp"

#include <csignal>
#include <exception>
#include <memory>

namespace shannon::commands {

namespace {

/// The library's help, with an option's type only: its default and its
/// variable stand in the sentence, where 80 columns have room for them.
class help_text final : public CLI::Formatter {
public:
  help_text() {
    column_width(26);
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    if (option->get_type_size() == 0 || option->get_positional())
      return {};
    auto type = option->get_option_text();
    return " " + (type.empty() ? option->get_type_name() : type);
  }
};

constexpr const char* footer
    = "Examples:\n"
      "  shannon up\n"
      "  shannon submit \"What is 17 * 23?\" --follow\n"
      "  shannon list\n"
      "  shannon show TASK\n"
      "\n"
      "Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 6 unavailable,\n"
      "7 timeout, 8 the task failed.";

} // namespace

int run_command_line(int argc, char** argv,
                     std::span<const declare_command> commands) {
  // A reader that goes away (`shannon list | head`) is no reason to die.
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App root{"Shannon: a durable runtime for AI agents.", "shannon"};
  global_options globals;
  root.formatter(std::make_shared<help_text>());
  root.footer(footer);
  root.require_subcommand(1);
  root.fallthrough();
  root.set_help_flag("-h,--help", "Say what there is, and leave");
  root.add_option("--url", globals.url,
                  "The node's address (SHANNON_URL), by\n"
                  "default http://127.0.0.1:8080")
      ->envname("SHANNON_URL");
  std::vector<declared> all;
  for (auto declare : commands)
    all.push_back(declare(root, globals));
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& what) {
    bool asked = root.exit(what) == 0;
    return static_cast<int>(asked ? exit_code::ok : exit_code::usage);
  }
  // The last line of defence: a command that throws is a defect, but its user
  // still gets a sentence and a code.
  try {
    for (const auto& command : all)
      if (command.app->parsed())
        return static_cast<int>(command.run());
  } catch (const std::exception& what) {
    return static_cast<int>(report(errc::failed, what.what()));
  }
  return static_cast<int>(exit_code::usage);
}

} // namespace shannon::commands
