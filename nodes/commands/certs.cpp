#include "actors/link/certificates.hpp"
#include "nodes/commands/server_commands.hpp"

#include <cstdio>
#include <memory>
#include <string>

namespace shannon::commands {

namespace {

/// Longer than a cluster is likely to stand, since all nodes trust it.
constexpr int ca_days = 3'650;
/// Renewed once a year: a key that got lost is worth nothing after that.
constexpr int node_days = 365;

struct certs_options {
  std::string dir;
  std::string name;
  int init_days = ca_days;
  int issue_days = node_days;
};

exit_code done(const result<link::certificate_files>& made) {
  if (!made)
    return report(made.error());
  std::printf("%s\n%s\n", made->cert.c_str(), made->key.c_str());
  return exit_code::ok;
}

void add_common(CLI::App& app, certs_options& options, int& days) {
  app.add_option("--dir", options.dir, "Where the files of the CA are")
      ->required()
      ->option_text("DIR");
  app.add_option("--days", days,
                 "How long it holds; by default " + std::to_string(days))
      ->option_text("N");
}

} // namespace

declared declare_certs(CLI::App& root, const global_options&) {
  auto options = std::make_shared<certs_options>();
  auto* app = root.add_subcommand(
      "certs", "Make the certificates that nodes know each other by");
  app->require_subcommand(1);
  auto* init = app->add_subcommand("init", "Make the CA of a cluster");
  add_common(*init, *options, options->init_days);
  init->footer("Writes ca.pem, which every node needs, and ca.key, which no\n"
               "node does: keep it where certificates are issued.\n"
               "\nExamples:\n"
               "  shannon certs init --dir tls");
  auto* issue
      = app->add_subcommand("issue", "Make the certificate of one node");
  issue->add_option("name", options->name, "The node, as its manifest has it")
      ->required()
      ->option_text("NAME");
  add_common(*issue, *options, options->issue_days);
  issue->footer(
      "Writes NAME.pem and NAME.key. The node's manifest names them:\n"
      "tls: {ca: ca.pem, cert: NAME.pem, key: NAME.key}\n"
      "\nExamples:\n"
      "  shannon certs issue n1 --dir tls");
  app->footer("No file is ever written over, and only their owner reads keys.\n"
              "\nExamples:\n"
              "  shannon certs init --dir tls\n"
              "  shannon certs issue n1 --dir tls");
  return {app, [options, init] {
            return init->parsed()
                       ? done(link::make_ca(options->dir,
                                            link::days{options->init_days}))
                       : done(link::issue(options->dir, options->name,
                                          link::days{options->issue_days}));
          }};
}

} // namespace shannon::commands
