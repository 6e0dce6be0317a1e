#pragma once

#include "config/settings.hpp"
#include "nodes/commands/terminal.hpp"

#include <string>
#include <vector>

/// What `doctor` looks at. Each check blocks, for at most some seconds, and
/// changes nothing but a file of its own in the data directory.
namespace shannon::commands {

enum class verdict : std::uint8_t { good, doubtful, bad };

struct finding {
  verdict how = verdict::good;
  std::string subject;
  std::string sentence;
  /// What to do about it; empty where all is well.
  std::string remedy;
};

using findings = std::vector<finding>;

/// One line a finding, its remedy under it.
std::string to_text(const findings& all, const terminal& out);

bool any_bad(const findings& all);

/// Is there room, and how fast does the disk make a write durable?
findings check_data(const std::string& dir);

/// The server's programs, or the database that is named and its schema.
findings check_postgres(const config::settings& settings);

findings check_redis(const config::settings& settings);

/// The ports `up` would take; taken is as it should be if a node runs.
findings check_ports(const config::settings& settings, bool running);

/// Bubblewrap and what the kernel allows it.
findings check_sandbox();

/// Chromium, and what the kernel allows it. Starts one.
findings check_browser(const config::settings& settings);

/// Which providers can be used. Never a key's value.
findings check_models(const config::settings& settings);

/// Is the system's clock kept in step?
findings check_clock();

} // namespace shannon::commands
