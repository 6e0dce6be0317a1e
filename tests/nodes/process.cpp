#include "tests/nodes/process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <random>
#include <stdexcept>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shannon::test {

namespace {

std::vector<std::string> merged_environment(const environment& extra) {
  std::vector<std::string> all;
  for (char** i = environ; *i != nullptr; ++i) {
    std::string entry = *i;
    auto name = entry.substr(0, entry.find('=') + 1);
    bool replaced = false;
    for (const auto& more : extra)
      replaced = replaced || more.starts_with(name);
    if (!replaced)
      all.push_back(std::move(entry));
  }
  for (const auto& more : extra)
    if (!more.ends_with('='))
      all.push_back(more);
  return all;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts)
    out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// Keeps a port from all other tests until this process ends: the name of a
/// socket is held by one process at a time, and is free when that is gone.
bool reserve(std::uint16_t port) {
  int held = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (held < 0)
    throw std::runtime_error(std::strerror(errno));
  auto name = "shannon-test-port-" + std::to_string(port);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  // The first byte stays zero: a name of the kernel, not a file.
  std::copy(name.begin(), name.end(), address.sun_path + 1);
  auto size = offsetof(sockaddr_un, sun_path) + 1 + name.size();
  if (bind(held, reinterpret_cast<sockaddr*>(&address),
           static_cast<socklen_t>(size))
      == 0)
    return true;
  close(held);
  return false;
}

bool is_closed(std::uint16_t port) {
  int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  bool free
      = bind(probe, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return free;
}

} // namespace

process::process(std::vector<std::string> arguments, environment extra) {
  auto variables = merged_environment(extra);
  auto argv = pointers(arguments);
  auto envp = pointers(variables);
  int out[2];
  int err[2];
  if (pipe2(out, O_CLOEXEC) != 0 || pipe2(err, O_CLOEXEC) != 0)
    throw std::runtime_error("no pipe");
  pid_ = fork();
  if (pid_ == 0) {
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, 0);
    dup2(out[1], 1);
    dup2(err[1], 2);
    execve(argv[0], argv.data(), envp.data());
    _exit(127);
  }
  close(out[1]);
  close(err[1]);
  pipes_[0] = out[0];
  pipes_[1] = err[0];
  if (pid_ < 0)
    throw std::runtime_error("no process");
}

process::~process() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    reap();
  }
  for (int pipe : pipes_)
    if (pipe >= 0)
      close(pipe);
}

bool process::await(const std::string& text, std::chrono::milliseconds most) {
  auto until = clock::now() + most;
  auto here = [&] {
    return out_.find(text) != std::string::npos
           || err_.find(text) != std::string::npos;
  };
  while (!here() && clock::now() < until)
    if (!read_some(until))
      break;
  return here();
}

void process::listen(std::chrono::milliseconds how_long) {
  auto until = clock::now() + how_long;
  while (clock::now() < until && read_some(until))
    continue;
}

outcome process::wait(std::chrono::milliseconds most) {
  auto until = clock::now() + most;
  while (read_some(until))
    if (clock::now() >= until)
      kill(pid_, SIGKILL);
  outcome what;
  what.code = reap();
  what.out = out_;
  what.err = err_;
  return what;
}

void process::signal(int number) const {
  if (pid_ > 0)
    kill(pid_, number);
}

bool process::read_some(clock::time_point until) {
  pollfd polled[2];
  nfds_t n = 0;
  for (int pipe : pipes_)
    if (pipe >= 0)
      polled[n++] = {pipe, POLLIN, 0};
  if (n == 0)
    return false;
  auto rest = std::chrono::duration_cast<std::chrono::milliseconds>(
      until - clock::now());
  poll(polled, n, static_cast<int>(std::max<long>(rest.count(), 1)));
  for (nfds_t i = 0; i < n; ++i) {
    if (polled[i].revents == 0)
      continue;
    bool first = polled[i].fd == pipes_[0];
    char buffer[4096];
    auto count = read(polled[i].fd, buffer, sizeof buffer);
    if (count > 0) {
      (first ? out_ : err_).append(buffer, static_cast<std::size_t>(count));
    } else if (count == 0 || errno != EINTR) {
      close(polled[i].fd);
      pipes_[first ? 0 : 1] = -1;
    }
  }
  return true;
}

int process::reap() {
  if (pid_ <= 0)
    return -1; // Waited for before; -1 would be whatever child ends next.
  int status = 0;
  while (waitpid(pid_, &status, 0) < 0)
    if (errno != EINTR)
      return -1;
  pid_ = -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

outcome run_shannon(std::vector<std::string> arguments, environment extra,
                    std::chrono::seconds most) {
  arguments.insert(arguments.begin(), SHANNON_BINARY);
  process child{std::move(arguments), std::move(extra)};
  return child.wait(most);
}

std::uint16_t closed_port() {
  // Below the ports that the kernel gives to connections (32768 and up), so
  // that none of them takes it while a server restarts.
  constexpr int first = 12'000;
  constexpr int last = 32'000;
  static std::minstd_rand chance{std::random_device{}()};
  std::uniform_int_distribution<int> any{first, last};
  for (int tries = 0; tries < 1'000; ++tries) {
    auto port = static_cast<std::uint16_t>(any(chance));
    if (reserve(port) && is_closed(port))
      return port;
  }
  throw std::runtime_error("no closed port from " + std::to_string(first)
                           + " to " + std::to_string(last));
}

} // namespace shannon::test
