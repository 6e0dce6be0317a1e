#pragma once

#include "actors/kit/workspace/owned_fd.hpp"
#include "protocols/errc.hpp"

#include <string>

namespace shannon::kit {

/// openat2 with RESOLVE_BENEATH, NO_SYMLINKS and NO_MAGICLINKS: the kernel
/// promises that what is opened lies below `folder` and was reached through no
/// link. `not_found`, `denied` (a link, or not beneath), `failed`.
result<owned_fd> open_beneath(int folder, const std::string& path, int flags,
                              unsigned mode = 0);

/// An error of the system as ours, with the name it is about.
error file_error(int code, const std::string& name);

/// Writes all of it; `failed` says why not.
result<void> write_all(int fd, const char* data, std::size_t size,
                       const std::string& name);

} // namespace shannon::kit
