#include "nodes/commands/api_client.hpp"
#include "nodes/commands/data_dir.hpp"
#include "nodes/commands/health_check.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"

#include <cstdio>
#include <memory>
#include <unistd.h>

namespace shannon::commands {

namespace {

struct doctor_options {
  std::string data = ".shannon";
  std::string manifest;
  std::string name;
};

finding check_node(const std::string& url, const std::string& holder) {
  finding node{verdict::good, "node", holder + " runs on this data", {}};
  auto where = parse_server_url(url);
  if (!where)
    return {verdict::bad, "node", where.error().text, "correct --url"};
  api_client api{*where, api_key_from_environment()};
  auto soon = std::chrono::steady_clock::now() + std::chrono::seconds{5};
  auto ready = api.get("/health/ready", soon);
  if (ready) {
    node.sentence += " and is ready at " + url;
    return node;
  }
  node.how = verdict::doubtful;
  node.sentence += "; " + ready.error().text;
  node.remedy = "name its address with --url, or look into its log";
  return node;
}

void append(findings& all, findings more) {
  for (auto& one : more)
    all.push_back(std::move(one));
}

exit_code examine(const doctor_options& options,
                  const global_options& globals) {
  findings all;
  auto settings = read_settings(options.manifest, options.name);
  if (!settings) {
    all.push_back({verdict::bad, "settings", settings.error().text,
                   "correct what the line names; what follows is looked at "
                   "with the defaults"});
    settings = config::settings{};
  }
  auto holder = data_dir::holder(options.data);
  append(all, check_data(options.data));
  append(all, check_postgres(*settings));
  append(all, check_redis(*settings));
  append(all, check_ports(*settings, !holder.empty()));
  append(all, check_sandbox());
  append(all, check_browser(*settings));
  append(all, check_models(*settings));
  append(all, check_clock());
  if (!holder.empty())
    all.push_back(check_node(globals.url, holder));
  terminal out{STDOUT_FILENO};
  auto text = to_text(all, out);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return any_bad(all) ? exit_code::failure : exit_code::ok;
}

} // namespace

declared declare_doctor(CLI::App& root, const global_options& globals) {
  auto options = std::make_shared<doctor_options>();
  auto* app
      = root.add_subcommand("doctor", "Say what is wrong and how to mend it");
  app->add_option("--data", options->data, "The data directory (.shannon)")
      ->option_text("DIR");
  app->add_option("--manifest", options->manifest, "Settings to look at")
      ->option_text("FILE");
  app->add_option("--name", options->name,
                  "The manifest's node, if it has several")
      ->option_text("NAME");
  app->footer("Exit code 1: something is bad. A warning is none.\n"
              "\nExamples:\n"
              "  shannon doctor\n"
              "  shannon doctor --data /var/lib/shannon");
  return {app, [options, &globals] { return examine(*options, globals); }};
}

} // namespace shannon::commands
