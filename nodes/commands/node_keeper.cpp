#include "nodes/commands/node_keeper.hpp"

#include <cerrno>
#include <csignal>
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace shannon::commands {

namespace {

using namespace std::chrono_literals;

/// Who has run for this long has come up: its next failure is its first.
constexpr auto steady_after = 60s;

/// Between fork and exec: system calls only.
[[noreturn]] void become(char* const* argv, int log, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent)
    ::_exit(127); // It died before that.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number : {SIGINT, SIGTERM, SIGPIPE, SIGHUP})
    ::signal(number, SIG_DFL);
  int nothing = ::open("/dev/null", O_RDONLY);
  if (nothing < 0 || ::dup2(nothing, 0) < 0 || ::dup2(log, 1) < 0
      || ::dup2(log, 2) < 0)
    ::_exit(127);
  ::execve(argv[0], argv, environ);
  ::_exit(127);
}

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with code " + std::to_string(WEXITSTATUS(status));
}

} // namespace

node_keeper::node_keeper(std::vector<kept> all) {
  for (auto& one : all)
    members_.push_back({std::move(one), 0, {}, clock::now(), 0});
}

node_keeper::~node_keeper() {
  stop(5s);
}

result<void> node_keeper::start(member& one) {
  int log = ::open(one.what.log_file.c_str(),
                   O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0)
    return fail(errc::failed, "cannot open " + one.what.log_file + ": "
                                  + std::system_category().message(errno));
  std::vector<char*> argv;
  for (auto& text : one.what.argv)
    argv.push_back(text.data());
  argv.push_back(nullptr);
  auto parent = ::getpid();
  auto pid = ::fork();
  if (pid == 0)
    become(argv.data(), log, parent);
  auto why = errno;
  ::close(log);
  if (pid < 0)
    return fail(errc::failed, "cannot start a process: "
                                  + std::system_category().message(why));
  one.pid = pid;
  one.since = clock::now();
  return {};
}

std::vector<node_keeper::news> node_keeper::look() {
  std::vector<news> out;
  auto now = clock::now();
  for (auto& one : members_) {
    int status = 0;
    if (one.pid != 0 && ::waitpid(one.pid, &status, WNOHANG) == one.pid) {
      one.pid = 0;
      if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        one.drained = true;
        out.push_back({one.what.name, "was drained, and is not started again"});
        continue;
      }
      if (now - one.since > steady_after)
        one.failures = 0;
      auto wait = delay_.ceiling(++one.failures);
      one.due = now + wait;
      out.push_back({one.what.name, how_it_ended(status) + "; started again in "
                                        + std::to_string(wait.count())
                                        + " ms; see " + one.what.log_file});
    }
    if (one.pid != 0 || one.drained || one.due > now)
      continue;
    if (auto started = start(one); started) {
      out.push_back({one.what.name, "started, process "
                                        + std::to_string(one.pid) + ", log "
                                        + one.what.log_file});
    } else {
      one.due = now + delay_.ceiling(++one.failures);
      out.push_back({one.what.name, started.error().text});
    }
  }
  return out;
}

void node_keeper::start_drained() {
  for (auto& one : members_)
    if (std::exchange(one.drained, false)) {
      one.failures = 0;
      one.due = clock::now();
    }
}

std::vector<node_keeper::news>
node_keeper::stop(std::chrono::milliseconds patience) {
  std::vector<news> out;
  for (const auto& one : members_)
    if (one.pid != 0)
      ::kill(one.pid, SIGTERM);
  auto until = clock::now() + patience;
  for (auto& one : members_) {
    if (one.pid == 0)
      continue;
    int status = 0;
    bool killed = false;
    while (::waitpid(one.pid, &status, killed ? 0 : WNOHANG) == 0) {
      if (clock::now() < until) {
        std::this_thread::sleep_for(10ms);
        continue;
      }
      ::kill(one.pid, SIGKILL);
      killed = true;
    }
    one.pid = 0;
    out.push_back({one.what.name, how_it_ended(status)});
  }
  return out;
}

pid_t node_keeper::pid_of(const std::string& name) const {
  for (const auto& one : members_)
    if (one.what.name == name)
      return one.pid;
  return 0;
}

} // namespace shannon::commands
