#pragma once

#include "actors/kit/workspace/owned_fd.hpp"
#include "actors/kit/workspace/path.hpp"
#include "protocols/errc.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::kit {

struct workspace_limits {
  std::uint64_t file_bytes_max = 8ull * 1024 * 1024;
  std::uint64_t bytes_max = 256ull * 1024 * 1024;
  std::uint32_t entries_max = 10'000;
};

struct workspace_usage {
  std::uint64_t bytes = 0;
  std::uint64_t entries = 0;
};

struct workspace_entry {
  std::string name;
  bool is_folder = false;
  std::uint64_t bytes = 0;
};

/// Whose files these are: ids from the outside in, such as tenant, user and
/// session. Each has a folder of its own.
using owner_path = std::vector<std::string>;

/// WORKSPACE: the folder of one session, and all that its tools may touch.
///
/// Files are opened relative to its descriptor with openat2 and
/// RESOLVE_BENEATH, without following any link, so neither a path nor a race
/// with a program in the sandbox leads out. Only plain files with one name
/// (no hard links, devices, pipes, sockets) are read or written. Blocks on the
/// disk: not for CAF workers.
class workspace {
public:
  /// Opens, and makes where missing, the owner's folder below `root`. As root
  /// it belongs to the sandbox's user.
  static result<workspace> open(const std::string& root,
                                const owner_path& owner,
                                workspace_limits limits);

  /// The same for who only reads: makes nothing, `not_found` if nobody has.
  static result<workspace> find(const std::string& root,
                                const owner_path& owner,
                                workspace_limits limits);

  /// The folder's absolute path, for the sandbox to mount.
  const std::string& path() const noexcept {
    return path_;
  }

  /// What is there, without its name: a folder or a plain file; anything else
  /// is `denied`.
  result<workspace_entry> about(const path_parts& path) const;

  result<std::string> read(const path_parts& file) const;

  /// Replaces a file in one step, or appends to it; makes missing folders.
  result<void> write(const path_parts& file, std::string_view content,
                     bool append) const;

  /// Sorted by name; at most `entries_max`.
  result<std::vector<workspace_entry>> list(const path_parts& folder) const;

  /// Disk space of everything inside; counting ends above the limits.
  result<workspace_usage> usage() const;

private:
  workspace(owned_fd top, std::string path, workspace_limits limits);

  result<owned_fd> open_folder(const path_parts& folder, bool make) const;
  result<void> check_room(std::uint64_t bytes) const;

  owned_fd top_;
  std::string path_;
  workspace_limits limits_;
};

} // namespace shannon::kit
