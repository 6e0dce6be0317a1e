#include "actors/kit/process/child_fork.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shannon::kit {

namespace {

bool write_text(const char* path, const char* text) {
  auto file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0)
    return false;
  auto size = static_cast<ssize_t>(std::strlen(text));
  auto good = write(file, text, static_cast<std::size_t>(size)) == size;
  close(file);
  return good;
}

/// "ID ID 1": who it is outside, it is inside. No allocation: after fork.
const char* same_id(std::array<char, 32>& room, unsigned id) {
  std::array<char, 12> digits{};
  std::size_t count = 0;
  do
    digits[count++] = static_cast<char>('0' + id % 10);
  while ((id /= 10) != 0);
  std::size_t at = 0;
  for (int twice = 0; twice < 2; ++twice) {
    for (auto i = count; i > 0; --i)
      room[at++] = digits[i - 1];
    room[at++] = ' ';
  }
  room[at++] = '1';
  room[at] = 0;
  return room.data();
}

} // namespace

pid_t fork_with_descendants() noexcept {
  // Only who may do anything makes namespaces outside of one of users.
  auto user = geteuid() == 0 ? 0 : CLONE_NEWUSER;
  return static_cast<pid_t>(
      syscall(SYS_clone, CLONE_NEWPID | user | SIGCHLD, 0, 0, 0, 0));
}

bool stay_oneself(uid_t user, gid_t group) noexcept {
  std::array<char, 32> room{};
  return user == 0
         || (write_text("/proc/self/setgroups", "deny")
             && write_text("/proc/self/uid_map", same_id(room, user))
             && write_text("/proc/self/gid_map", same_id(room, group)));
}

} // namespace shannon::kit
