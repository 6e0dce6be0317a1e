#pragma once

#include <unistd.h>

namespace shannon::kit {

/// The user that sandboxed programs are on the host if the node runs as root;
/// a node that runs as a plain user shares its own. Debian's `nobody`.
inline constexpr unsigned sandbox_user = 65534;

/// True if the node is root and programs therefore change the user.
inline bool sandbox_drops_user() noexcept {
  return geteuid() == 0;
}

} // namespace shannon::kit
