// Executes a program that can make no user namespace, and whatever it starts
// can make none: what AppArmor's profile `bwrap-userns-restrict` does to
// programs in bubblewrap, and so what Chromium meets there.

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

constexpr const char* program = SHANNON_PROGRAM;

/// Flags of `clone3` lie in memory, where a filter cannot look: it is not
/// there, so that who wants it falls back to `clone`.
bool refuse_namespaces() {
  constexpr unsigned number = offsetof(seccomp_data, nr);
  constexpr unsigned flags = offsetof(seccomp_data, args[0]);
  std::array<sock_filter, 9> rules{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, number),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone3, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 1, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 2),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, flags),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_NEWUSER, 2, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
  }};
  sock_fprog all{rules.size(), rules.data()};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
         && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &all) == 0;
}

} // namespace

int main(int, char** argv) {
  if (!refuse_namespaces()) {
    std::perror("seccomp");
    return 1;
  }
  execv(program, argv);
  std::perror(program);
  return 1;
}
