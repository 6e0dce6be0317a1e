#pragma once

#include "nodes/commands/api_client.hpp"

#include <CLI/CLI.hpp>

#include <string>

namespace shannon::commands {

/// Which node's admin port a command speaks to.
struct admin_options {
  std::string url;
  std::string data;
};

/// `--admin`, and `--data` unless the command has one already.
void add_admin_option(CLI::App& app, admin_options& options);
void add_admin_options(CLI::App& app, admin_options& options);

/// What is named wins: --admin, the node of --data, SHANNON_ADMIN_URL, the
/// node of `.shannon`, then http://127.0.0.1:8081.
result<server_url> find_admin(const admin_options& options);

/// `/admin/v1/runs/ID`: an id may hold slashes.
std::string run_target(const std::string& run);

/// A member that is a text; empty if it is something else or not there.
std::string text_at(const nlohmann::json& object, const char* name);

/// `scope/key#2`, of a place in an answer; empty if there is none.
std::string place_text(const nlohmann::json& place);

} // namespace shannon::commands
