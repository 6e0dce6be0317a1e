#include "nodes/commands/database.hpp"
#include "nodes/commands/history_reader.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/commands/terminal.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <vector>

namespace shannon::commands {

namespace {

using nlohmann::json;

struct verify_options {
  std::string log;
  database_options where;
  std::string output = "text";
};

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
    std::chrono::duration<double> took
        = std::chrono::steady_clock::now() - begun_;
    auto rate = static_cast<double>(facts) / std::max(took.count(), 1e-6);
    if (json_)
      std::printf("%s], \"logs\": %llu, \"facts\": %llu, \"seconds\": %.3f, "
                  "\"facts_per_second\": %.0f}\n",
                  findings == 0 ? "" : "\n", logs, facts, took.count(), rate);
    else
      std::printf("%llu logs, %llu facts, %llu findings\n", logs, facts,
                  findings);
    if (!json_)
      std::fprintf(stderr, "%.1f s, %.0f facts/s\n", took.count(), rate);
  }

  unsigned long long logs = 0;
  unsigned long long facts = 0;
  unsigned long long findings = 0;

private:
  bool json_;
  std::chrono::steady_clock::time_point begun_
      = std::chrono::steady_clock::now();
};

result<void> check_one(history_reader& reader, const log_id& log,
                       report_writer& out) {
  auto facts = reader.check(log, [&](history::finding what) { out.add(what); });
  if (!facts && facts.error().code == errc::not_found)
    return {}; // Retention has deleted it since it was listed.
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
  auto database = find_database(options.where);
  if (!database)
    return report_unread(database.error());
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
  add_database_options(*app, options->where);
  app->add_option("-o,--output", options->output, "text (default) or json")
      ->check(CLI::IsMember({"text", "json"}))
      ->option_text("FORMAT");
  app->footer(
      "Reads every fact and changes nothing; a node may run meanwhile.\n"
      "Checked are versions, checksums, bodies and epochs, heads against\n"
      "their facts, the order of steps, timers, children and ends, that\n"
      "all a child has told stands at its parent, and that nothing is due\n"
      "or owed for long while a node is at work.\n"
      "Prints a line per finding: log, version, rule, expected, found; on\n"
      "stderr how fast it was.\n"
      "Exit codes: 0 all is true, 1 something is not, 3 no such log,\n"
      "6 the database cannot be read.\n"
      "\nExamples:\n"
      "  shannon verify\n"
      "  shannon verify TASK --data /var/lib/shannon\n"
      "  shannon verify --dsn postgresql://db/shannon -o json");
  return {app, [options] { return verify(*options); }};
}

} // namespace shannon::commands
