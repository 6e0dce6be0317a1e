#include "nodes/commands/version.hpp"

#include "nodes/commands/client_commands.hpp"

#include <cstdio>

namespace shannon::commands {

std::string_view program_version() noexcept {
  return SHANNON_VERSION;
}

declared declare_version(CLI::App& root, const global_options&) {
  auto* app = root.add_subcommand("version", "Say what this binary is");
  app->footer("Examples:\n  shannon version");
  return {app, [] {
            std::printf("shannon %s\n", SHANNON_VERSION);
            return exit_code::ok;
          }};
}

} // namespace shannon::commands
