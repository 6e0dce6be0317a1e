#include "actors/store/server_process.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <grp.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <system_error>
#include <thread>
#include <unistd.h>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

std::string reason(int number) {
  return std::system_category().message(number);
}

/// Between fork and exec of a program with threads: system calls only.
[[noreturn]] void become(const process_spec& spec, char* const* argv,
                         char* const* envp, int log, int trouble) {
  auto give_up = [&] {
    int number = errno;
    [[maybe_unused]] auto sent = ::write(trouble, &number, sizeof(number));
    ::_exit(127);
  };
  ::setpgid(0, 0);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int number :
       {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2})
    ::signal(number, SIG_DFL);
  int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(log, 1) < 0
      || ::dup2(log, 2) < 0 || ::chdir("/") != 0)
    give_up();
  if (spec.user
      && (::setgroups(1, &spec.user->gid) != 0 || ::setgid(spec.user->gid) != 0
          || ::setuid(spec.user->uid) != 0))
    give_up();
  if (spec.ends_with_parent)
    ::prctl(PR_SET_PDEATHSIG, SIGQUIT); // A change of user would clear it.
  // All other descriptors were opened with O_CLOEXEC or are not ours to keep.
  for (int fd = 3; fd < 1024; ++fd)
    if (fd != trouble)
      ::close(fd);
  ::execve(argv[0], argv, envp);
  give_up();
  ::_exit(127);
}

} // namespace

result<pid_t> start_process(const process_spec& spec) {
  auto log = ::open(spec.log_file.c_str(),
                    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (log < 0)
    return fail(errc::failed,
                "cannot open " + spec.log_file + ": " + reason(errno));
  std::array<int, 2> trouble{};
  if (::pipe2(trouble.data(), O_CLOEXEC) != 0) {
    ::close(log);
    return fail(errc::failed, "cannot open a pipe: " + reason(errno));
  }
  std::vector<char*> argv;
  for (const auto& arg : spec.argv)
    argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  std::vector<std::string> env{"PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C",
                               "TZ=UTC"};
  std::vector<char*> envp;
  for (auto& one : env)
    envp.push_back(one.data());
  envp.push_back(nullptr);
  auto child = ::fork();
  if (child == 0)
    become(spec, argv.data(), envp.data(), log, trouble[1]);
  int forked = errno;
  ::close(log);
  ::close(trouble[1]);
  int number = 0;
  ssize_t got = 0;
  if (child > 0) {
    // End of file means exec has closed the pipe: the program runs.
    do
      got = ::read(trouble[0], &number, sizeof(number));
    while (got < 0 && errno == EINTR);
  }
  ::close(trouble[0]);
  if (child < 0)
    return fail(errc::failed, "cannot fork: " + reason(forked));
  if (got > 0) {
    ::waitpid(child, nullptr, 0);
    return fail(errc::failed,
                "cannot run " + spec.argv.front() + ": " + reason(number));
  }
  return child;
}

std::optional<int> wait_process(pid_t child, std::chrono::milliseconds limit) {
  auto due = std::chrono::steady_clock::now() + limit;
  for (;;) {
    int status = 0;
    auto got = ::waitpid(child, &status, WNOHANG);
    if (got == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (got < 0 && errno != EINTR && !is_running(child))
      return 0; // Not our child; its status is not ours to know.
    if (std::chrono::steady_clock::now() >= due)
      return std::nullopt;
    std::this_thread::sleep_for(10ms);
  }
}

bool wait_end(pid_t process, int wake) {
  auto handle = static_cast<int>(::syscall(SYS_pidfd_open, process, 0));
  // Without one it is looked at now and then.
  auto slice = handle >= 0 ? -1 : 200;
  std::array<pollfd, 2> what{{{wake, POLLIN, 0}, {handle, POLLIN, 0}}};
  bool woken = false;
  while (!woken && is_running(process)) {
    ::poll(what.data(), what.size(), slice);
    woken = (what[0].revents & POLLIN) != 0;
  }
  if (handle >= 0)
    ::close(handle);
  return !woken;
}

bool is_running(pid_t process) {
  if (process <= 0 || (::kill(process, 0) != 0 && errno == ESRCH))
    return false;
  std::ifstream in{"/proc/" + std::to_string(process) + "/stat"};
  std::string line;
  std::getline(in, line);
  // `pid (name) state …`: the name may hold anything.
  auto at = line.rfind(')');
  return at == std::string::npos || at + 2 >= line.size()
         || line[at + 2] != 'Z';
}

std::vector<pid_t> processes_in(const std::string& dir, std::string_view name) {
  namespace fs = std::filesystem;
  std::vector<pid_t> out;
  std::error_code ec;
  for (fs::directory_iterator at{"/proc", ec}, end; !ec && at != end;
       at.increment(ec)) {
    auto pid = std::atoi(at->path().filename().c_str());
    if (pid <= 0)
      continue;
    std::error_code gone;
    auto cwd = fs::read_symlink(at->path() / "cwd", gone);
    if (gone || cwd != dir || !is_running(pid))
      continue;
    std::ifstream in{at->path() / "comm"};
    std::string comm;
    std::getline(in, comm);
    if (name.empty() || comm == name)
      out.push_back(pid);
  }
  return out;
}

} // namespace shannon::store
