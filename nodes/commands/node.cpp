#include "actors/store/migrations.hpp"
#include "config/manifest.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"

#include <memory>

namespace shannon::commands {

namespace {

struct node_options {
  std::string manifest;
  std::string name;
  std::string profile;
  bool dev = false;
};

exit_code run(const node_options& options) {
  auto settings
      = config::load_node(options.manifest, options.name, options.profile)
            .and_then(config::from_environment);
  if (!settings)
    return report_start(settings.error());
  settings->http.dev = options.dev;
  if (settings->store.dsn.empty())
    return report(errc::failed, options.manifest
                                    + " names no database: set database.dsn or "
                                      "SHANNON_DATABASE_URL");
  if (auto free = check_listeners(settings->http); !free)
    return report_start(free.error());
  if (auto usable = store::check_database(settings->store.dsn); !usable)
    return report_start(usable.error());
  return serve(*settings);
}

} // namespace

declared declare_node(CLI::App& root, const global_options&) {
  auto options = std::make_shared<node_options>();
  auto* app = root.add_subcommand("node", "Run one node of a manifest");
  app->add_option("--manifest", options->manifest, "Where the nodes are named")
      ->required()
      ->option_text("FILE");
  app->add_option("--name", options->name, "Which of them this one is")
      ->required()
      ->option_text("NAME");
  app->add_option("--profile", options->profile,
                  "Which of its profiles; else its own choice")
      ->option_text("PROFILE");
  app->add_flag("--dev", options->dev,
                "Serve without credentials, to this machine\n"
                "only");
  app->footer("The database and the Redis are those of the manifest, or of\n"
              "SHANNON_DATABASE_URL and SHANNON_REDIS_URL; the schema must be\n"
              "there: shannon migrate apply. Prints \"ready URL\" on stdout.\n"
              "\nExamples:\n"
              "  shannon node --manifest cluster.yaml --name n1");
  return {app, [options] { return run(*options); }};
}

} // namespace shannon::commands
