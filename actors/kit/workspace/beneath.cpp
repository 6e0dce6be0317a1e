#include "actors/kit/workspace/beneath.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace shannon::kit {

error file_error(int code, const std::string& name) {
  switch (code) {
  case ENOENT:
    return {errc::not_found, name + ": no such file or folder", false, {}};
  case ELOOP:
  case EXDEV:
    return {errc::denied, name + ": links are not followed", false, {}};
  case ENOTDIR:
    return {errc::invalid_argument,
            name + ": a part of it is no folder",
            false,
            {}};
  case EISDIR:
    return {errc::invalid_argument, name + ": is a folder", false, {}};
  case ENOSYS:
    return {errc::unavailable,
            "this kernel lacks openat2 (Linux 5.6), which workspaces need",
            false,
            {}};
  default:
    return {errc::failed, name + ": " + std::strerror(code), false, {}};
  }
}

result<owned_fd> open_beneath(int folder, const std::string& path, int flags,
                              unsigned mode) {
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | O_NOFOLLOW
                                         | O_NONBLOCK | O_NOCTTY);
  how.mode = mode;
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS;
  // EAGAIN: somebody renamed on the way, so the kernel could not be sure.
  for (int attempt = 0; attempt < 16; ++attempt) {
    auto fd = syscall(SYS_openat2, folder, path.c_str(), &how, sizeof how);
    if (fd >= 0)
      return owned_fd{static_cast<int>(fd)};
    if (errno != EAGAIN && errno != EINTR)
      break;
  }
  return tl::unexpected(file_error(errno, path));
}

result<void> write_all(int fd, const char* data, std::size_t size,
                       const std::string& name) {
  while (size > 0) {
    auto wrote = ::write(fd, data, size);
    if (wrote < 0 && errno == EINTR)
      continue;
    if (wrote < 0)
      return tl::unexpected(file_error(errno, name));
    data += wrote;
    size -= static_cast<std::size_t>(wrote);
  }
  return {};
}

} // namespace shannon::kit
