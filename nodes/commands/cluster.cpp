#include "nodes/commands/cluster_commands.hpp"
#include "nodes/commands/cluster_state.hpp"
#include "nodes/commands/server_commands.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/commands/terminal.hpp"
#include "nodes/commands/version.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstdio>
#include <ifaddrs.h>
#include <memory>
#include <netdb.h>
#include <set>
#include <unistd.h>

namespace shannon::commands {

namespace {

/// The names and addresses this machine goes by.
std::set<std::string> own_hosts() {
  std::set<std::string> all{"localhost", "127.0.0.1", "::1"};
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) == 0)
    all.insert(name);
  ifaddrs* found = nullptr;
  if (::getifaddrs(&found) != 0)
    return all;
  for (auto* one = found; one; one = one->ifa_next) {
    if (!one->ifa_addr)
      continue;
    auto family = one->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6)
      continue;
    char text[NI_MAXHOST];
    auto size = family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    if (::getnameinfo(one->ifa_addr, static_cast<socklen_t>(size), text,
                      sizeof text, nullptr, 0, NI_NUMERICHOST)
        == 0)
      all.insert(text);
  }
  ::freeifaddrs(found);
  return all;
}

std::string seconds_text(std::chrono::milliseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f s",
                static_cast<double>(time.count()) / 1000);
  return text;
}

// -- status -------------------------------------------------------------------

std::string state_of(const seen_node* node) {
  if (!node)
    return "not there";
  if (!node->live())
    return "gone";
  return node->settled ? "live" : "settling";
}

nlohmann::json to_json(const config::manifest& wanted,
                       const cluster_state& found) {
  auto nodes = nlohmann::json::array();
  auto add = [&](const std::string& name, bool in_manifest) {
    const auto* seen = found.find(name);
    nlohmann::json one{{"name", name},
                       {"in_manifest", in_manifest},
                       {"state", state_of(seen)}};
    if (seen)
      one.update({{"process", seen->process},
                  {"roles", seen->roles},
                  {"host", seen->host},
                  {"api", seen->api},
                  {"admin", seen->admin},
                  {"version", seen->version},
                  {"schema", seen->schema},
                  {"lease_ms", seen->left.count()},
                  {"up_ms", seen->up.count()},
                  {"shards", seen->shards}});
    nodes.push_back(std::move(one));
  };
  std::set<std::string> named;
  for (const auto& one : wanted.nodes) {
    named.insert(one.node.name);
    add(one.node.name, true);
  }
  for (const auto& one : found.nodes)
    if (named.count(one.name) == 0)
      add(one.name, false);
  return {{"cluster", wanted.cluster},
          {"profile", wanted.profile},
          {"nodes", std::move(nodes)},
          {"shards",
           {{"all", found.shards},
            {"free", found.free},
            {"orphaned", found.orphaned}}}};
}

void print_status(const config::manifest& wanted, const cluster_state& found) {
  auto all = to_json(wanted, found);
  std::printf("cluster %s%s\n", wanted.cluster.c_str(),
              wanted.profile.empty() ? ""
                                     : (", profile " + wanted.profile).c_str());
  std::printf("  %-16s %-10s %7s  %-10s %-16s %s\n", "node", "state", "shards",
              "lease", "process", "api");
  for (const auto& one : all["nodes"]) {
    auto name = one["name"].get<std::string>();
    const auto* seen = found.find(name);
    std::printf("  %-16s %-10s %7s  %-10s %-16s %s%s\n", one_line(name).c_str(),
                one["state"].get<std::string>().c_str(),
                seen ? std::to_string(seen->shards).c_str() : "",
                seen ? seconds_text(seen->left).c_str() : "",
                seen ? one_line(seen->process).c_str() : "",
                seen ? one_line(seen->api).c_str() : "",
                one["in_manifest"].get<bool>() ? "" : "  not in the manifest");
  }
  std::printf("  %u shards: %u of live nodes, %u free, %u of nodes that are "
              "gone\n",
              found.shards, found.shards - found.free - found.orphaned,
              found.free, found.orphaned);
}

} // namespace

// -- what all of them read ----------------------------------------------------

result<config::manifest> read_manifest(const cluster_options& options) {
  auto all = config::load_manifest(options.manifest, options.profile);
  if (!all)
    return all;
  for (auto& one : all->nodes) {
    auto overlaid = config::from_environment(std::move(one));
    if (!overlaid)
      return tl::unexpected(overlaid.error());
    one = std::move(*overlaid);
  }
  if (all->nodes.front().store.dsn.empty())
    return fail(errc::invalid_argument,
                options.manifest
                    + " names no database: set database.dsn or "
                      "SHANNON_DATABASE_URL");
  return all;
}

std::vector<config::settings> own_nodes(const config::manifest& all,
                                        const std::string& host) {
  auto hosts = host.empty() ? own_hosts() : std::set<std::string>{host};
  std::vector<config::settings> mine;
  for (const auto& one : all.nodes)
    if (hosts.count(one.node.host) != 0)
      mine.push_back(one);
  return mine;
}

// -- status and plan ----------------------------------------------------------

exit_code cluster_status(const cluster_options& options) {
  auto wanted = read_manifest(options);
  if (!wanted)
    return report_start(wanted.error());
  auto found = read_cluster(wanted->nodes.front().store.dsn);
  if (!found)
    return report_start(found.error());
  if (options.json)
    std::printf("%s\n", to_json(*wanted, *found).dump(2).c_str());
  else
    print_status(*wanted, *found);
  auto all_live = std::all_of(wanted->nodes.begin(), wanted->nodes.end(),
                              [&](const auto& one) {
                                const auto* seen = found->find(one.node.name);
                                return seen && seen->live();
                              });
  return all_live && found->free == 0 && found->orphaned == 0
             ? exit_code::ok
             : exit_code::failure;
}

exit_code cluster_plan(const cluster_options& options) {
  auto wanted = read_manifest(options);
  if (!wanted)
    return report_start(wanted.error());
  auto found = read_cluster(wanted->nodes.front().store.dsn);
  if (!found)
    return report_start(found.error());
  std::set<std::string> here;
  for (const auto& one : own_nodes(*wanted, options.host))
    here.insert(one.node.name);
  constexpr const char* words[] = {"keep", "start", "restart", "end"};
  for (const auto& line :
       plan_of(*wanted, *found, std::string{program_version()})) {
    bool ours = here.count(line.node) != 0 || line.what == plan_step::end;
    std::printf("%-8s %-16s %s%s\n", words[static_cast<int>(line.what)],
                line.node.c_str(), line.why.c_str(),
                ours ? "" : "; another machine's");
  }
  return exit_code::ok;
}

declared declare_cluster(CLI::App& root, const global_options&) {
  auto options = std::make_shared<cluster_options>();
  auto action = std::make_shared<exit_code (*)(const cluster_options&)>();
  auto* app = root.add_subcommand("cluster", "Run the nodes of a manifest");
  struct part {
    const char* name;
    const char* text;
    exit_code (*run)(const cluster_options&);
  };
  for (auto [name, text, run] :
       {part{"plan", "Say what start would change, and what it leaves",
             cluster_plan},
        part{"start", "Run this machine's nodes, and keep them running",
             cluster_start},
        part{"status", "Show members, leases and shards", cluster_status},
        part{"drain", "End one node once nothing is under way on it",
             cluster_drain},
        part{"stop", "End what start runs here, in order", cluster_stop}}) {
    auto* sub = app->add_subcommand(name, text);
    sub->add_option("--manifest", options->manifest,
                    "Where the nodes are named")
        ->required()
        ->option_text("FILE");
    sub->add_option("--profile", options->profile,
                    "Which of its profiles; else its own choice")
        ->option_text("NAME");
    if (run == cluster_drain)
      sub->add_option("node", options->node, "Its name in the manifest")
          ->required()
          ->option_text("NODE");
    if (run == cluster_status)
      sub->add_flag("--json", options->json, "As JSON, for programs");
    if (run == cluster_start || run == cluster_stop)
      sub->add_option("--data", options->data,
                      "Where logs are kept (.shannon/CLUSTER)")
          ->option_text("DIR");
    if (run == cluster_start)
      sub->add_flag("--dev", options->dev,
                    "Serve without credentials, to this machine\n"
                    "only");
    if (run == cluster_start || run == cluster_plan)
      sub->add_option("--host", options->host,
                      "This machine, as the manifest names it")
          ->option_text("HOST");
    sub->callback([action, run = run] { *action = run; });
  }
  app->require_subcommand(1);
  app->footer(
      "start stays in the foreground; a node that fails is started again, one\n"
      "that was drained stays away until start gets SIGHUP.\n"
      "The same manifest serves each machine: each runs the nodes whose\n"
      "host it is. The schema must be there: shannon migrate apply.\n"
      "status exits 0 when every node lives and every shard has an owner.\n"
      "\nExamples:\n"
      "  shannon cluster plan --manifest cluster.yaml\n"
      "  shannon cluster start --manifest cluster.yaml --profile prod\n"
      "  shannon cluster status --manifest cluster.yaml --json\n"
      "  shannon cluster drain n2 --manifest cluster.yaml");
  return {app, [options, action] { return (*action)(*options); }};
}

} // namespace shannon::commands
