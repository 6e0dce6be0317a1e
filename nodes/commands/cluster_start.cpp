#include "actors/store/migrations.hpp"
#include "nodes/commands/api_client.hpp"
#include "nodes/commands/cluster_commands.hpp"
#include "nodes/commands/cluster_state.hpp"
#include "nodes/commands/data_dir.hpp"
#include "nodes/commands/node_keeper.hpp"
#include "nodes/commands/start_up.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string_view>
#include <thread>

namespace shannon::commands {

namespace {

using namespace std::chrono_literals;

std::string data_of(const cluster_options& options,
                    const config::manifest& all) {
  return options.data.empty() ? ".shannon/" + all.cluster : options.data;
}

void tell(const std::string& name, const std::string& text) {
  std::fprintf(stderr, "shannon: %s %s\n", name.c_str(), text.c_str());
}

/// Says on stdout when a node can serve, once for each of its processes.
class ready_look {
public:
  explicit ready_look(const std::vector<config::settings>& nodes) {
    for (const auto& one : nodes)
      waiting_.push_back(
          {one.node.name, one.http.listen, one.http.admin_listen, false});
  }

  void again(const std::string& name) {
    for (auto& one : waiting_)
      if (one.name == name)
        one.ready = false;
  }

  void look() {
    for (auto& one : waiting_) {
      if (one.ready)
        continue;
      auto where = parse_server_url("http://" + one.admin);
      if (!where)
        continue;
      api_client client{*where, {}};
      auto until = std::chrono::steady_clock::now() + 500ms;
      if (!client.get("/health/ready", until))
        continue;
      one.ready = true;
      std::printf("ready %s http://%s\n", one.name.c_str(), one.api.c_str());
      std::fflush(stdout);
    }
  }

private:
  struct node {
    std::string name;
    std::string api;
    std::string admin;
    bool ready;
  };
  std::vector<node> waiting_;
};

result<std::vector<node_keeper::kept>>
processes_of(const std::vector<config::settings>& mine,
             const cluster_options& options, const std::string& dir) {
  std::error_code ec;
  auto self = std::filesystem::read_symlink("/proc/self/exe", ec);
  auto manifest = ec ? std::filesystem::path{}
                     : std::filesystem::absolute(options.manifest, ec);
  if (!ec)
    std::filesystem::create_directories(dir + "/logs", ec);
  if (ec)
    return fail(errc::failed, "cannot prepare " + dir + ": " + ec.message());
  std::vector<node_keeper::kept> all;
  for (const auto& one : mine) {
    const auto& name = one.node.name;
    all.push_back({name,
                   {self.string(), "node", "--manifest", manifest.string(),
                    "--name", name},
                   dir + "/logs/" + name + ".log"});
    if (options.dev)
      all.back().argv.push_back("--dev");
    if (!options.profile.empty())
      all.back().argv.insert(all.back().argv.end(),
                             {"--profile", options.profile});
  }
  return all;
}

/// Nodes whose manifest names no secrets file share that of the data directory.
result<void> share_secrets(const std::vector<config::settings>& mine,
                           const std::string& dir) {
  auto named = [](auto& one) { return !one.identity.secrets_file.empty(); };
  if (std::all_of(mine.begin(), mine.end(), named))
    return {};
  if (std::any_of(mine.begin(), mine.end(), named))
    return fail(errc::invalid_argument,
                "identity.secrets_file is set for some nodes and not for "
                "others: they would not know each other's keys");
  config::identity_settings shared;
  if (auto made = own_secrets(dir, shared); !made)
    return made;
  ::setenv("SHANNON_IDENTITY__SECRETS_FILE", shared.secrets_file.c_str(), 1);
  return {};
}

} // namespace

exit_code cluster_start(const cluster_options& options) {
  auto wanted = read_manifest(options);
  if (!wanted)
    return report_start(wanted.error());
  auto mine = own_nodes(*wanted, options.host);
  if (mine.empty())
    return report(errc::failed,
                  "no node of " + options.manifest
                      + " is this machine's: name its host as the manifest "
                        "does with --host");
  auto dir = data_dir::hold(data_of(options, *wanted));
  if (!dir)
    return report_start(dir.error());
  for (auto& one : mine) {
    one.http.dev = options.dev;
    if (auto free = check_listeners(one.http); !free)
      return report_start(error{free.error().code,
                                one.node.name + ": " + free.error().text, false,
                                std::nullopt});
  }
  if (auto shared = share_secrets(mine, dir->path()); !shared)
    return report_start(shared.error());
  if (auto usable = store::check_database(mine.front().store.dsn); !usable)
    return report_start(usable.error());
  auto all = processes_of(mine, options, dir->path());
  if (!all)
    return report_start(all.error());

  // Waited for by this thread alone; the processes get a mask of their own.
  sigset_t wanted_signals;
  sigemptyset(&wanted_signals);
  sigaddset(&wanted_signals, SIGTERM);
  sigaddset(&wanted_signals, SIGINT);
  sigaddset(&wanted_signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &wanted_signals, nullptr);
  std::chrono::milliseconds patience{0};
  for (const auto& one : mine)
    patience = std::max(patience, one.node.drain_timeout);
  node_keeper keeper{std::move(*all)};
  ready_look ready{mine};
  timespec tick{0, 100'000'000};
  for (int came = 0; came != SIGTERM && came != SIGINT;) {
    for (const auto& news : keeper.look()) {
      tell(news.name, news.text);
      ready.again(news.name);
    }
    ready.look();
    came = sigtimedwait(&wanted_signals, nullptr, &tick);
    if (came == SIGHUP)
      keeper.start_drained();
  }
  for (const auto& news : keeper.stop(patience + 5s))
    tell(news.name, news.text);
  return exit_code::ok;
}

exit_code cluster_drain(const cluster_options& options) {
  auto wanted = read_manifest(options);
  if (!wanted)
    return report_start(wanted.error());
  const config::settings* named = nullptr;
  std::string known;
  for (const auto& one : wanted->nodes) {
    known += (known.empty() ? "" : ", ") + one.node.name;
    if (one.node.name == options.node)
      named = &one;
  }
  if (!named)
    return report(errc::not_found, options.manifest + " has no node "
                                       + options.node + "; it has " + known);
  auto found = read_cluster(named->store.dsn);
  if (!found)
    return report_start(found.error());
  const auto* seen = found->find(options.node);
  if (!seen || !seen->live())
    return report(errc::not_found, options.node + " does not run");
  auto where = parse_server_url("http://" + seen->admin);
  if (!where)
    return report(where.error());
  api_client client{*where, api_key_from_environment()};
  auto until = std::chrono::steady_clock::now() + named->node.drain_notice
               + named->node.drain_timeout + 20s;
  if (auto told = client.post("/admin/v1/drain", nlohmann::json::object(),
                              std::chrono::steady_clock::now() + 5s);
      !told)
    return report(told.error());
  // Its row goes with the process, or belongs to another one.
  auto process = seen->process;
  while (std::chrono::steady_clock::now() < until) {
    found = read_cluster(named->store.dsn);
    const auto* now = found ? found->find(options.node) : nullptr;
    if (found && (!now || now->process != process || !now->live())) {
      std::printf("drained %s\n", process.c_str());
      return exit_code::ok;
    }
    std::this_thread::sleep_for(100ms);
  }
  return report(errc::timeout, process + " has not ended yet");
}

exit_code cluster_stop(const cluster_options& options) {
  auto wanted = read_manifest(options);
  if (!wanted)
    return report_start(wanted.error());
  auto dir = data_of(options, *wanted);
  auto holder = data_dir::holder(dir);
  constexpr std::string_view prefix = "process ";
  if (!holder.starts_with(prefix))
    return report(errc::not_found,
                  "nothing runs from " + dir + ": name its --data");
  auto pid = static_cast<pid_t>(
      std::strtol(holder.c_str() + prefix.size(), nullptr, 10));
  if (::kill(pid, SIGTERM) != 0)
    return report(errc::failed, "cannot signal " + holder);
  std::chrono::milliseconds patience{10'000};
  for (const auto& one : wanted->nodes)
    patience = std::max(patience, one.node.drain_timeout + 10s);
  auto until = std::chrono::steady_clock::now() + patience;
  while (data_dir::holder(dir) == holder) {
    if (std::chrono::steady_clock::now() > until)
      return report(errc::timeout, holder + " has not ended yet");
    std::this_thread::sleep_for(50ms);
  }
  return exit_code::ok;
}

} // namespace shannon::commands
