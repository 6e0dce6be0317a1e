#pragma once

#include "nodes/commands/command.hpp"

/// Commands that speak to a node over HTTP and need nothing else.
namespace shannon::commands {

/// submit: gives a node a task, and on demand waits for its answer.
declared declare_submit(CLI::App& root, const global_options& globals);

/// list: the newest tasks in a table.
declared declare_list(CLI::App& root, const global_options& globals);

/// show: one task and its facts as a timeline.
declared declare_show(CLI::App& root, const global_options& globals);

/// cancel: ends a task early.
declared declare_cancel(CLI::App& root, const global_options& globals);

/// version: what this binary is.
declared declare_version(CLI::App& root, const global_options& globals);

} // namespace shannon::commands
