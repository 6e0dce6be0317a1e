#pragma once

#include "nodes/commands/exit_code.hpp"

#include <CLI/CLI.hpp>

#include <functional>
#include <span>
#include <string>

namespace shannon::commands {

/// What stands before the subcommand and holds for all of them.
struct global_options {
  std::string url = "http://127.0.0.1:8080";
};

/// A subcommand as it stands in the help, and what runs when it was named.
struct declared {
  CLI::App* app = nullptr;
  std::function<exit_code()> run;
};

/// Adds one subcommand to `root`. `globals` is filled in before `run`.
using declare_command
    = declared (*)(CLI::App& root, const global_options& globals);

/// Parses the command line, runs the one command it names and returns what
/// the process exits with. Help and version go to stdout, complaints to stderr.
int run_command_line(int argc, char** argv,
                     std::span<const declare_command> commands);

} // namespace shannon::commands
