#include "tests/bench/peer_process.hpp"

#include "tests/bench/load_client.hpp"

#include <arpa/inet.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <exception>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <spawn.h>
#include <stdexcept>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>
#include <utility>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

constexpr auto start_patience = 120s;
constexpr auto stop_patience = 20s;

/// A port nobody listens on: the server must come back at the same one.
std::uint16_t free_port() {
  auto socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof where;
  if (::bind(socket, reinterpret_cast<sockaddr*>(&where), size) != 0
      || ::getsockname(socket, reinterpret_cast<sockaddr*>(&where), &size) != 0)
    throw std::runtime_error{"no free port"};
  ::close(socket);
  return ntohs(where.sin_port);
}

/// The body of one answer; nothing for any status but 200.
std::optional<std::string> ask_once(std::uint16_t port, std::string request) {
  std::optional<std::string> body;
  bool asked = false;
  load_client one{port, 1};
  load_work work;
  work.next = [&]() -> std::optional<load_request> {
    if (std::exchange(asked, true))
      return {};
    return load_request{request};
  };
  work.answered = [&](const load_request&, const http_reply& reply) {
    if (reply.status == 200)
      body = reply.body;
  };
  one.run(work, steady::now() + 1s);
  return body;
}

} // namespace

peer_process::peer_process(std::string binary, const std::string& base)
    : binary_(std::move(binary)), port_(free_port()) {
  auto name = base + "/shannon-bench-XXXXXX";
  if (!::mkdtemp(name.data()))
    throw std::runtime_error{"cannot make a folder in " + base};
  folder_ = name;
}

peer_process::~peer_process() {
  stop();
  if (std::uncaught_exceptions() > 0)
    return; // Something went wrong: its logs tell what.
  std::error_code ec;
  std::filesystem::remove_all(folder_, ec);
}

result<std::chrono::duration<double>> peer_process::start() {
  auto begun = steady::now();
  auto listen = "127.0.0.1:" + std::to_string(port_);
  auto log = folder_ + "/peer.log";
  auto effects = "EFFECTS=" + effects_file();
  auto parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent)
      _exit(126);
    auto out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    ::putenv(effects.data());
    ::execl(binary_.c_str(), binary_.c_str(), "--data", folder_.c_str(),
            "--http", listen.c_str(), nullptr);
    _exit(127);
  }
  if (auto up = await_service(); !up)
    return tl::unexpected(up.error());
  return steady::now() - begun;
}

result<void> peer_process::await_service() {
  auto due = steady::now() + start_patience;
  auto log = folder_ + "/peer.log";
  // Only a workflow carried out shows that it serves.
  while (!ask_once(port_, post_request("/run/1"))) {
    if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
      pid_ = 0;
      return fail(errc::failed, binary_ + " has ended; see " + log);
    }
    if (steady::now() > due)
      return fail(errc::timeout, binary_ + " does not serve; see " + log);
    // It refused: not at once again.
    std::this_thread::sleep_for(1ms);
  }
  return {};
}

void peer_process::kill() {
  if (pid_ == 0)
    return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = 0;
}

void peer_process::kill_postgres() {
  if (auto pid = postgres_pid())
    ::kill(pid, SIGKILL);
}

void peer_process::stop() {
  auto due = steady::now() + stop_patience;
  if (pid_ == 0) {
    // Killed before: its Postgres lives on and is nobody's child here.
    auto postgres = postgres_pid();
    if (postgres == 0)
      return;
    ::kill(postgres, SIGINT);
    while (::kill(postgres, 0) == 0 && steady::now() < due)
      std::this_thread::sleep_for(5ms);
    return;
  }
  ::kill(pid_, SIGTERM);
  while (::waitpid(pid_, nullptr, WNOHANG) == 0) {
    if (steady::now() > due) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
      break;
    }
    std::this_thread::sleep_for(5ms);
  }
  pid_ = 0;
}

pid_t peer_process::postgres_pid() const {
  std::ifstream file{folder_ + "/postgres/postmaster.pid"};
  pid_t pid = 0;
  file >> pid;
  return pid;
}

double peer_process::counter(const std::string& name) const {
  auto page = ask_once(port_, "GET /metrics HTTP/1.1\r\nHost: bench\r\n\r\n");
  auto at = page ? page->find("\n" + name + " ") : std::string::npos;
  return at == std::string::npos
             ? 0
             : std::strtod(page->c_str() + at + name.size() + 2, nullptr);
}

std::string peer_process::dsn() const {
  return "host='" + folder_
         + "/postgres' port=5432 user=shannon "
           "dbname=shannon";
}

result<store::pg_connection> peer_process::database() const {
  return store::pg_connection::open({dsn()});
}

} // namespace shannon::bench
