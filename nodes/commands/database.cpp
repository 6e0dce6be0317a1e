#include "nodes/commands/database.hpp"

#include "nodes/commands/start_up.hpp"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <utility>
#include <vector>

namespace shannon::commands {

namespace {

std::string dsn_value(const std::string& value) {
  std::string out = "'";
  for (auto c : value) {
    if (c == '\'' || c == '\\')
      out += '\\';
    out += c;
  }
  return out + "'";
}

/// How to reach the server that runs on `cluster`; empty if none does. Its
/// pid file says it, by lines: the process, the data, the start, the port,
/// the folder of the socket.
std::string running_server(const std::filesystem::path& cluster) {
  std::ifstream file{cluster / "postmaster.pid"};
  std::vector<std::string> lines;
  for (std::string line; lines.size() < 5 && std::getline(file, line);)
    lines.push_back(line);
  if (lines.size() < 5)
    return {};
  auto pid = std::strtol(lines[0].c_str(), nullptr, 10);
  // A process of another user cannot be signalled, but it is there.
  if (pid <= 0 || (::kill(static_cast<pid_t>(pid), 0) != 0 && errno == ESRCH))
    return {};
  return "host=" + dsn_value(lines[4]) + " port=" + dsn_value(lines[3])
         + " user=shannon dbname=shannon";
}

/// The private database of `dir`: the one that runs, or else started for as
/// long as it is read.
result<database> database_of(const std::string& dir) {
  auto cluster = std::filesystem::path{dir} / "postgres";
  std::error_code ec;
  if (!std::filesystem::exists(cluster / "PG_VERSION", ec))
    return fail(errc::unavailable,
                dir
                    + " holds no database: name another directory with "
                      "--data, or a database with --dsn");
  database found;
  found.dsn = running_server(cluster);
  if (!found.dsn.empty())
    return found;
  auto held = data_dir::hold(dir);
  if (!held)
    return tl::unexpected(held.error());
  found.held.emplace(std::move(*held));
  auto started = store::private_postgres::start(found.held->path());
  if (!started)
    return tl::unexpected(started.error());
  found.ours.emplace(std::move(*started));
  found.dsn = found.ours->dsn();
  return found;
}

result<database> find_any(const database_options& options) {
  if (!options.dsn.empty())
    return database{options.dsn, {}, {}};
  if (!options.data.empty())
    return database_of(options.data);
  auto settings = read_settings({}, {});
  if (!settings)
    return tl::unexpected(settings.error());
  if (!settings->store.dsn.empty())
    return database{settings->store.dsn, {}, {}};
  return database_of(".shannon");
}

} // namespace

void add_database_options(CLI::App& app, database_options& options) {
  app.add_option("--dsn", options.dsn, "The database")->option_text("DSN");
  app.add_option("--data", options.data,
                 "Or the data directory of an `up`, running\n"
                 "or not; else SHANNON_DATABASE_URL, else\n"
                 ".shannon")
      ->option_text("DIR");
}

result<database> find_database(const database_options& options) {
  auto found = find_any(options);
  if (!found)
    return fail(errc::unavailable, found.error().text);
  return found;
}

} // namespace shannon::commands
