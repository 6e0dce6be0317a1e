#include "actors/tool/sandbox/seccomp.hpp"

#include <cerrno>
#include <cstring>
#include <memory>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

namespace shannon::tool {

namespace {

constexpr const char* refused[] = {
    // Other processes.
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "pidfd_getfd",
    "kcmp",
    "process_madvise",
    // File systems.
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "fsopen",
    "fsconfig",
    "fsmount",
    "fspick",
    "move_mount",
    "open_tree",
    "mount_setattr",
    "quotactl",
    "quotactl_fd",
    "swapon",
    "swapoff",
    "acct",
    "open_by_handle_at",
    "name_to_handle_at",
    "fanotify_init",
    // Namespaces.
    "setns",
    "unshare",
    // The kernel itself.
    "bpf",
    "keyctl",
    "add_key",
    "request_key",
    "userfaultfd",
    "io_uring_setup",
    "io_uring_enter",
    "io_uring_register",
    "perf_event_open",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "create_module",
    "reboot",
    "syslog",
    "iopl",
    "ioperm",
    "modify_ldt",
    "lookup_dcookie",
    "nfsservctl",
    "vhangup",
    "uselib",
    "personality",
    "settimeofday",
    "clock_settime",
    "clock_settime64",
    "clock_adjtime",
    "clock_adjtime64",
    "adjtimex",
    "stime",
    // Memory that neither the address space nor a file size counts.
    "shmget",
    "msgget",
    "semget",
    "mq_open",
    "memfd_secret",
};

using filter = std::unique_ptr<void, decltype(&seccomp_release)>;

/// A name that this kernel's or library's table lacks needs no rule.
int refuse(void* ctx, const char* name, int code) {
  auto number = seccomp_syscall_resolve_name(name);
  if (number == __NR_SCMP_ERROR)
    return 0;
  auto rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(code), number, 0);
  return rc == -EDOM || rc == -EEXIST ? 0 : rc;
}

int add_rules(void* ctx) {
  for (const auto* name : refused)
    if (auto rc = refuse(ctx, name, EPERM); rc != 0)
      return rc;
  // The C library falls back to calls whose arguments a filter can read.
  for (const auto* name : {"clone3", "memfd_create"})
    if (auto rc = refuse(ctx, name, ENOSYS); rc != 0)
      return rc;
  constexpr scmp_datum_t spaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWNET
                                  | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS
                                  | CLONE_NEWCGROUP;
  for (scmp_datum_t bit = 1; bit != 0 && bit <= spaces; bit <<= 1)
    if (spaces & bit)
      if (auto rc
          = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, bit, bit));
          rc != 0)
        return rc;
  // A terminal could be made to type into the session that holds it.
  for (scmp_datum_t request : {TIOCSTI, TIOCLINUX})
    if (auto rc
        = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(ioctl), 1,
                           SCMP_A1(SCMP_CMP_MASKED_EQ, 0xffffffffu, request));
        rc != 0)
      return rc;
  // Families that a network namespace does not confine (AF_VSOCK), or that
  // talk to the kernel: all but UNIX, IPv4 and IPv6.
  static_assert(AF_UNIX == 1 && AF_INET == 2 && AF_INET6 == 10);
  auto deny_family = [ctx](scmp_arg_cmp how) {
    return seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EAFNOSUPPORT), SCMP_SYS(socket),
                            1, how);
  };
  for (scmp_datum_t family = AF_INET + 1; family < AF_INET6; ++family)
    if (auto rc = deny_family(SCMP_A0(SCMP_CMP_EQ, family)); rc != 0)
      return rc;
  return deny_family(SCMP_A0(SCMP_CMP_GT, AF_INET6));
}

} // namespace

result<kit::owned_fd> sandbox_filter() {
  filter ctx{seccomp_init(SCMP_ACT_ALLOW), seccomp_release};
  kit::owned_fd file{memfd_create("filter", MFD_CLOEXEC)};
  if (!ctx || !file)
    return fail(errc::unavailable, "sandbox: no seccomp filter", true);
  auto rc = seccomp_attr_set(ctx.get(), SCMP_FLTATR_ACT_BADARCH,
                             SCMP_ACT_KILL_PROCESS);
  if (rc == 0)
    rc = add_rules(ctx.get());
  if (rc == 0)
    rc = seccomp_export_bpf(ctx.get(), file.get());
  if (rc != 0 || lseek(file.get(), 0, SEEK_SET) != 0)
    return fail(errc::unavailable, std::string{"sandbox: no seccomp filter: "}
                                       + std::strerror(-rc));
  return file;
}

} // namespace shannon::tool
