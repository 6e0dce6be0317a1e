#include "nodes/commands/start_up.hpp"

#include "actors/gateway/identity/secrets.hpp"
#include "nodes/node.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <netdb.h>
#include <sys/socket.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace shannon::commands {

namespace {

using namespace std::chrono_literals;

volatile std::sig_atomic_t signal_came = 0;

void note_signal(int) {
  signal_came = 1;
}

/// How long a port in use is looked at before it is said to be.
constexpr auto port_patience = 2s;

/// 0, or why it cannot be done.
int try_to_listen(const addrinfo& where) {
  int socket = ::socket(where.ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int on = 1;
  // As the server does: connections of its predecessor that linger are no
  // reason to refuse.
  ::setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  int bound = ::bind(socket, where.ai_addr, where.ai_addrlen);
  if (bound == 0)
    bound = ::listen(socket, 1);
  int why = bound == 0 ? 0 : errno;
  if (socket >= 0)
    ::close(socket);
  return why;
}

} // namespace

result<config::settings> read_settings(const std::string& manifest,
                                       const std::string& name) {
  config::settings base;
  if (!manifest.empty()) {
    auto loaded = config::load(manifest, name);
    if (!loaded)
      return loaded;
    base = std::move(*loaded);
  }
  return config::from_environment(std::move(base));
}

result<void> check_listener(const std::string& text, const char* option) {
  auto where = config::parse_endpoint(text);
  if (!where)
    return tl::unexpected(where.error());
  if (where->port == 0)
    return {};
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV | AI_PASSIVE;
  addrinfo* found = nullptr;
  auto port = std::to_string(where->port);
  int code = getaddrinfo(where->host.c_str(), port.c_str(), &hints, &found);
  if (code != 0)
    return fail(errc::failed, text + ": " + gai_strerror(code) + "; choose "
                                  + "another address with " + option);
  int why = try_to_listen(*found);
  // What a predecessor had begun to start when it was killed may hold its
  // sockets for a moment.
  for (auto until = std::chrono::steady_clock::now() + port_patience;
       why == EADDRINUSE && std::chrono::steady_clock::now() < until;
       why = try_to_listen(*found))
    std::this_thread::sleep_for(20ms);
  freeaddrinfo(found);
  if (why == 0)
    return {};
  if (why == EADDRINUSE)
    return fail(errc::failed, "port " + port + " of " + where->host
                                  + " is in use: end what listens there or "
                                    "choose another with "
                                  + option + " ADDR:PORT");
  return fail(errc::failed, "cannot listen on " + text + ": "
                                + std::system_category().message(why)
                                + "; choose another address with " + option);
}

result<void> check_listeners(const config::http_settings& http) {
  if (auto good = nodes::check_dev(http); !good)
    return good;
  if (auto free = check_listener(http.listen, "--http"); !free)
    return free;
  return check_listener(http.admin_listen, "--admin");
}

std::string secrets_path(const std::string& data_dir) {
  return data_dir + "/identity.secrets";
}

result<void> own_secrets(const std::string& data_dir,
                         config::identity_settings& identity) {
  if (!identity.secrets_file.empty())
    return {};
  identity.secrets_file = secrets_path(data_dir);
  return gateway::make_secrets(identity.secrets_file);
}

exit_code report_start(const error& what) {
  auto code = report(what);
  return code == exit_code::unavailable || code == exit_code::timeout
             ? exit_code::unavailable
             : exit_code::failure;
}

exit_code serve(const config::settings& settings,
                std::function<void()> last_resort,
                std::function<void(const nodes::node_urls&)> ready) {
  int code = nodes::run_node(
      settings,
      [&ready](const nodes::node_urls& urls) {
        if (ready)
          ready(urls);
        std::printf("ready %s\n", urls.api.c_str());
        std::fflush(stdout);
      },
      std::move(last_resort));
  return static_cast<exit_code>(code);
}

start_signals::start_signals() {
  signal_came = 0;
  std::signal(SIGTERM, note_signal);
  std::signal(SIGINT, note_signal);
}

start_signals::~start_signals() {
  std::signal(SIGTERM, SIG_DFL);
  std::signal(SIGINT, SIG_DFL);
}

bool start_signals::came() const noexcept {
  return signal_came != 0;
}

void start_signals::hand_over() const noexcept {
  sigset_t both;
  sigemptyset(&both);
  sigaddset(&both, SIGTERM);
  sigaddset(&both, SIGINT);
  pthread_sigmask(SIG_BLOCK, &both, nullptr);
}

} // namespace shannon::commands
