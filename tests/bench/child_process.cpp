#include "tests/bench/child_process.hpp"

#include <csignal>
#include <fcntl.h>
#include <poll.h>
#include <stdexcept>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shannon::bench {

child_process::child_process(const std::vector<std::string>& arguments,
                             const std::vector<std::string>& environment,
                             const std::string& log_file) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC) != 0)
    throw std::runtime_error{"no pipe"};
  std::vector<char*> words;
  for (const auto& one : arguments)
    words.push_back(const_cast<char*>(one.c_str()));
  words.push_back(nullptr);
  pid_ = fork();
  if (pid_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (const auto& one : environment)
      putenv(const_cast<char*>(one.c_str()));
    auto log = open(log_file.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
    dup2(pipe_ends[1], STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    execvp(words.front(), words.data());
    _exit(127);
  }
  close(pipe_ends[1]);
  out_ = pipe_ends[0];
}

child_process::~child_process() {
  ::kill(pid_, SIGTERM);
  waitpid(pid_, nullptr, 0);
  close(out_);
}

std::string child_process::await(const std::string& sign,
                                 std::chrono::seconds most) {
  auto until = std::chrono::steady_clock::now() + most;
  std::string said;
  for (;;) {
    auto at = said.find(sign);
    if (at != std::string::npos)
      if (auto end = said.find('\n', at); end != std::string::npos)
        return said.substr(at + sign.size(), end - at - sign.size());
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    pollfd what{out_, POLLIN, 0};
    char bytes[4096];
    if (left.count() <= 0
        || poll(&what, 1, static_cast<int>(left.count())) <= 0)
      throw std::runtime_error{"it did not say `" + sign + "`: " + said};
    auto size = read(out_, bytes, sizeof bytes);
    if (size <= 0)
      throw std::runtime_error{"it ended before it said `" + sign
                               + "`: " + said};
    said.append(bytes, static_cast<std::size_t>(size));
  }
}

} // namespace shannon::bench
