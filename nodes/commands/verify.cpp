#include "actors/store/private_postgres.hpp"
#include "nodes/commands/data_dir.hpp"
#include "nodes/commands/history_reader.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/commands/terminal.hpp"

#include <nlohmann/json.hpp>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <optional>
#include <vector>

namespace shannon::commands {

namespace {

using nlohmann::json;

struct verify_options {
  std::string log;
  std::string dsn;
  std::string data;
  std::string output = "text";
};

/// A database that was found, and what must live as long as it is used.
struct database {
  std::string dsn;
  std::optional<data_dir> held;
  std::optional<store::private_postgres> ours;
};

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

/// What is named wins: --dsn, --data, the environment, then `.shannon`.
result<database> find_database(const verify_options& options) {
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

/// Prints findings as they come: there may be more than memory holds.
class report_writer {
public:
  explicit report_writer(bool as_json) : json_(as_json) {
    if (json_)
      std::fputs("{\"findings\": [", stdout);
  }

  void add(const history::finding& what) {
    auto rule = std::string{history::to_string(what.which)};
    if (json_) {
      json line{{"log", what.log.value},
                {"version", what.version},
                {"rule", rule},
                {"expected", what.expected},
                {"found", what.found}};
      auto text = line.dump(-1, ' ', false, json::error_handler_t::replace);
      std::printf("%s\n  %s", findings == 0 ? "" : ",", text.c_str());
    } else {
      auto text = what.log.value + " version " + std::to_string(what.version)
                  + ": " + rule + ": expected " + what.expected + ", found "
                  + what.found;
      std::printf("%s\n", one_line(text).c_str());
    }
    ++findings;
  }

  void end() const {
    if (json_)
      std::printf("%s], \"logs\": %llu, \"facts\": %llu}\n",
                  findings == 0 ? "" : "\n", logs, facts);
    else
      std::printf("%llu logs, %llu facts, %llu findings\n", logs, facts,
                  findings);
  }

  unsigned long long logs = 0;
  unsigned long long facts = 0;
  unsigned long long findings = 0;

private:
  bool json_;
};

result<void> check_one(history_reader& reader, const log_id& log,
                       report_writer& out) {
  auto facts = reader.check(log, [&](history::finding what) { out.add(what); });
  if (!facts)
    return tl::unexpected(facts.error());
  ++out.logs;
  out.facts += *facts;
  return {};
}

result<void> check_all(history_reader& reader, report_writer& out) {
  log_id at;
  for (;;) {
    auto next = reader.next(at);
    if (!next)
      return tl::unexpected(next.error());
    if (!*next)
      return {};
    at = **next;
    if (auto done = check_one(reader, at, out); !done)
      return done;
  }
}

/// 1 says that a log is damaged, so nothing else may say it.
exit_code report_unread(const error& what) {
  auto code = report(what);
  return code == exit_code::not_found ? code : exit_code::unavailable;
}

exit_code verify(const verify_options& options) {
  start_signals signals;
  auto database = find_database(options);
  if (!database)
    return report_unread({errc::unavailable, database.error().text, false, {}});
  auto reader
      = history_reader::open(database->dsn, [&] { return !signals.came(); });
  if (!reader)
    return report_unread(reader.error());
  std::vector<log_id> some;
  if (!options.log.empty()) {
    auto family = reader->family(log_id{options.log});
    if (!family)
      return report_unread(family.error());
    some = std::move(*family);
  }
  report_writer out{options.output == "json"};
  result<void> done;
  if (options.log.empty())
    done = check_all(*reader, out);
  for (std::size_t i = 0; done && i < some.size(); ++i)
    done = check_one(*reader, some[i], out);
  if (!done)
    return report_unread(done.error());
  out.end();
  return out.findings == 0 ? exit_code::ok : exit_code::failure;
}

} // namespace

declared declare_verify(CLI::App& root, const global_options&) {
  auto options = std::make_shared<verify_options>();
  auto* app
      = root.add_subcommand("verify", "Check that what is stored is whole");
  app->add_option("id", options->log,
                  "This task or log and those it started;\n"
                  "else all");
  app->add_option("--dsn", options->dsn, "The database")->option_text("DSN");
  app->add_option("--data", options->data,
                  "Or the data directory of an `up`, running\n"
                  "or not; else SHANNON_DATABASE_URL, else\n"
                  ".shannon")
      ->option_text("DIR");
  app->add_option("-o,--output", options->output, "text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app->footer(
      "Reads every fact and changes nothing; a node may run meanwhile.\n"
      "Checked are versions, checksums, bodies and epochs, heads against\n"
      "their facts, and the order of steps, timers, children and ends.\n"
      "Prints a line per finding: log, version, rule, expected, found.\n"
      "Exit codes: 0 all is true, 1 something is not, 3 no such log,\n"
      "6 the database cannot be read.\n"
      "\nExamples:\n"
      "  shannon verify\n"
      "  shannon verify TASK --data /var/lib/shannon\n"
      "  shannon verify --dsn postgresql://db/shannon -o json");
  return {app, [options] { return verify(*options); }};
}

} // namespace shannon::commands
