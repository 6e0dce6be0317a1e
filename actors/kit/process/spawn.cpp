#include "actors/kit/process/spawn.hpp"

#include "actors/kit/process/child_fork.hpp"
#include "actors/kit/process/child_network.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <string_view>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shannon::kit {

namespace {

/// What the child says if it cannot execute the program.
struct child_failure {
  int step;
  int code;
};

/// Nice value of what runs here: a tenth of a share of the node's threads.
constexpr int nice_value = 10;
constexpr std::string_view session_gives_way = "19";

constexpr std::array steps{
    "redirect its output", "make a mount namespace",   "mount the workspace",
    "become another user", "be tied to its parent",    "keep a descriptor open",
    "execute the program", "make a network namespace", "listen on its loopback",
    "stay the same user",
};

struct pipe_pair {
  owned_fd read;
  owned_fd write;
};

result<pipe_pair> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return fail(errc::unavailable,
                std::string{"no pipe: "} + std::strerror(errno), true);
  return pipe_pair{owned_fd{ends[0]}, owned_fd{ends[1]}};
}

/// All that the child needs, gathered before the fork.
struct child_plan {
  const process_spec* spec;
  char* const* argv;
  int null;
  int out;
  int err;
  int report;
  int listeners; ///< A socket that listening sockets are sent over, or -1.
  int parent;    ///< A pidfd: who it is has no number where the child is.
  uid_t user;
  gid_t group;
};

[[noreturn]] void give_up(const child_plan& plan, int step) {
  child_failure what{step, errno};
  (void)!write(plan.report, &what, sizeof what);
  _exit(127);
}

/// Many that take all of the processor must not keep the node from it. Where
/// the kernel shares it out between sessions first (sched(7), autogroup), the
/// session must give way, too.
void give_way() {
  setpriority(PRIO_PROCESS, 0, nice_value);
  if (auto group = open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC);
      group >= 0) {
    (void)!write(group, session_gives_way.data(), session_gives_way.size());
    close(group);
  }
}

/// Out of the way of the numbers first: a target may be another's source.
void place_descriptors(const child_plan& plan) {
  constexpr int out_of_the_way = 64;
  constexpr std::size_t placed_max = 8;
  const auto& placed = plan.spec->placed;
  std::array<int, placed_max> copies{};
  if (placed.size() > placed_max)
    give_up(plan, 5);
  for (std::size_t i = 0; i < placed.size(); ++i)
    if ((copies[i]
         = fcntl(placed[i].second.get(), F_DUPFD_CLOEXEC, out_of_the_way))
        < 0)
      give_up(plan, 5);
  for (std::size_t i = 0; i < placed.size(); ++i)
    if (dup2(copies[i], placed[i].first) < 0)
      give_up(plan, 5);
}

/// Between fork and exec of a program with threads: system calls only, no
/// allocation, no locks. glibc's setresuid would signal threads that are not
/// there, hence syscall().
[[noreturn]] void run_child(child_plan plan) {
  const auto& spec = *plan.spec;
  // Leads a group, to be killed as one, and has no terminal to type into.
  setsid();
  // Its number may be wanted for a descriptor of the program's.
  if (auto moved = fcntl(plan.report, F_DUPFD_CLOEXEC, 64); moved >= 0) {
    close(plan.report);
    plan.report = moved;
  }
  if (spec.gives_way)
    give_way();
  struct sigaction plain {};
  plain.sa_handler = SIG_DFL;
  for (int sig = 1; sig < 32; ++sig)
    sigaction(sig, &plain, nullptr);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  umask(077);
  if (!stay_oneself(plan.user, plan.group))
    give_up(plan, 9);
  if (spec.own_network) {
    if (!enter_own_network())
      give_up(plan, 7);
    if (spec.listeners > 0 && !send_listeners(plan.listeners, spec.listeners))
      give_up(plan, 8);
  }
  if (dup2(plan.null, 0) < 0 || dup2(plan.out, 1) < 0 || dup2(plan.err, 2) < 0)
    give_up(plan, 0);
  if (!spec.mount_from.empty()) {
    if (unshare(CLONE_NEWNS) != 0
        || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0)
      give_up(plan, 1);
    if (mount(spec.mount_from.c_str(), spec.mount_to.c_str(), nullptr, MS_BIND,
              nullptr)
        != 0)
      give_up(plan, 2);
  }
  if (spec.user != 0) {
    auto id = spec.user;
    if (syscall(SYS_setgroups, 0, nullptr) != 0
        || syscall(SYS_setresgid, id, id, id) != 0
        || syscall(SYS_setresuid, id, id, id) != 0)
      give_up(plan, 3);
  }
  // After the change of user, which would clear it; the parent may have ended
  // before this line.
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || has_ended(plan.parent))
    give_up(plan, 4);
  // Other libraries may have left descriptors without close-on-exec.
  syscall(SYS_close_range, 3u, ~0u, CLOSE_RANGE_CLOEXEC);
  for (const auto& fd : spec.inherited)
    if (fcntl(fd.get(), F_SETFD, 0) != 0)
      give_up(plan, 5);
  place_descriptors(plan);
  char* environment[] = {nullptr};
  execve(plan.argv[0], plan.argv, environment);
  give_up(plan, 6);
}

/// Waits for the exec, which closes the pipe, or for the child's excuse.
result<void> await_exec(int report) {
  child_failure what{};
  ssize_t got = 0;
  do
    got = read(report, &what, sizeof what);
  while (got < 0 && errno == EINTR);
  if (got != sizeof what)
    return {};
  return fail(errc::unavailable,
              std::string{"the process could not "}
                  + steps[static_cast<std::size_t>(what.step)] + ": "
                  + std::strerror(what.code));
}

} // namespace

bool has_ended(int pidfd) noexcept {
  pollfd one{pidfd, POLLIN, 0};
  return poll(&one, 1, 0) != 0;
}

result<spawned> spawn_child(const process_spec& spec) {
  auto out = make_pipe();
  auto err = make_pipe();
  auto report = make_pipe();
  owned_fd null{open("/dev/null", O_RDONLY | O_CLOEXEC)};
  owned_fd self{static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0))};
  if (!out || !err || !report || !null || !self)
    return fail(errc::unavailable, "no descriptors for a process", true);
  auto over = listener_channel(spec.own_network ? spec.listeners : 0);
  if (!over)
    return tl::unexpected(over.error());
  std::vector<char*> argv;
  for (const auto& arg : spec.argv)
    argv.push_back(const_cast<char*>(arg.c_str()));
  argv.push_back(nullptr);
  child_plan plan{&spec,
                  argv.data(),
                  null.get(),
                  out->write.get(),
                  err->write.get(),
                  report->write.get(),
                  over->child.get(),
                  self.get(),
                  geteuid(),
                  getegid()};
  // No signal may run a handler of ours in the child.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  auto pid = fork_with_descendants();
  if (pid == 0)
    run_child(plan);
  auto fork_error = errno;
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0)
    return fail(errc::unavailable,
                std::string{"no process: "} + std::strerror(fork_error), true);
  report->write.reset();
  auto started = await_exec(report->read.get());
  owned_fd pidfd{static_cast<int>(syscall(SYS_pidfd_open, pid, 0))};
  if (started && !pidfd)
    started = fail(errc::unavailable,
                   std::string{"no pidfd: "} + std::strerror(errno));
  auto listeners = receive_listeners(*over);
  if (started && listeners.size() < spec.listeners)
    started = fail(errc::unavailable, "no listening sockets came", true);
  if (!started) {
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return tl::unexpected(started.error());
  }
  return spawned{pid, std::move(pidfd), std::move(out->read),
                 std::move(err->read), std::move(listeners)};
}

} // namespace shannon::kit
