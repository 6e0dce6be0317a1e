#include "actors/kit/workspace/workspace.hpp"

#include "actors/kit/workspace/beneath.hpp"
#include "actors/kit/workspace/sandbox_user.hpp"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <dirent.h>
#include <fcntl.h>
#include <filesystem>
#include <memory>
#include <sys/stat.h>
#include <unistd.h>

namespace shannon::kit {

namespace {

namespace fs = std::filesystem;

constexpr int folder_flags = O_RDONLY | O_DIRECTORY;
/// Files that are being written; never listed.
constexpr std::string_view draft_prefix = ".draft-";

using folder_stream = std::unique_ptr<DIR, int (*)(DIR*)>;

/// What tools make must belong to the programs in the sandbox too.
void hand_over(int fd) {
  if (sandbox_drops_user())
    (void)!fchown(fd, sandbox_user, sandbox_user);
}

result<owned_fd> make_folder(int parent, const std::string& name) {
  if (mkdirat(parent, name.c_str(), 0700) != 0 && errno != EEXIST)
    return tl::unexpected(file_error(errno, name));
  auto fd = open_beneath(parent, name, folder_flags);
  if (fd) // Also an old one: a crash may have come between both steps.
    hand_over(fd->get());
  return fd;
}

/// A plain file with one name; anything else could lead out or block.
result<struct stat> check_plain(int fd, const std::string& name) {
  struct stat about {};
  if (fstat(fd, &about) != 0)
    return tl::unexpected(file_error(errno, name));
  if (S_ISDIR(about.st_mode))
    return tl::unexpected(file_error(EISDIR, name));
  if (!S_ISREG(about.st_mode) || about.st_nlink > 1)
    return fail(errc::denied, name + ": is no plain file");
  return about;
}

folder_stream stream_of(owned_fd fd) {
  folder_stream out{fdopendir(fd.get()), closedir};
  if (out)
    fd.release();
  return out;
}

bool is_dots(std::string_view name) {
  return name == "." || name == "..";
}

std::string draft_name() {
  static std::atomic<std::uint64_t> counter{0};
  return std::string{draft_prefix} + std::to_string(getpid()) + "-"
         + std::to_string(counter.fetch_add(1));
}

auto too_big(const std::string& name, std::uint64_t limit) {
  return fail(errc::invalid_argument, name + ": larger than "
                                          + std::to_string(limit)
                                          + " bytes, the limit of one file");
}

} // namespace

workspace::workspace(owned_fd top, std::string path, workspace_limits limits)
    : top_(std::move(top)), path_(std::move(path)), limits_(limits) {}

result<workspace> workspace::open(const std::string& root,
                                  const owner_path& owner,
                                  workspace_limits limits) {
  std::error_code ec;
  auto base = fs::absolute(root, ec);
  fs::create_directories(base, ec);
  owned_fd top{::open(base.c_str(), folder_flags | O_CLOEXEC)};
  if (!top)
    return fail(
        errc::unavailable,
        "the folder of workspaces cannot be opened: "
            + std::error_code{errno, std::generic_category()}.message());
  for (const auto& id : owner) {
    auto name = folder_name(id);
    base /= name;
    auto next = make_folder(top.get(), name);
    if (!next)
      return tl::unexpected(next.error());
    top = std::move(*next);
  }
  return workspace{std::move(top), base.string(), limits};
}

result<workspace> workspace::find(const std::string& root,
                                  const owner_path& owner,
                                  workspace_limits limits) {
  std::error_code ec;
  auto base = fs::absolute(root, ec);
  owned_fd top{::open(base.c_str(), folder_flags | O_CLOEXEC)};
  if (!top)
    return tl::unexpected(file_error(errno, "the folder of workspaces"));
  for (const auto& id : owner) {
    auto name = folder_name(id);
    base /= name;
    auto next = open_beneath(top.get(), name, folder_flags);
    if (!next)
      return tl::unexpected(next.error());
    top = std::move(*next);
  }
  return workspace{std::move(top), base.string(), limits};
}

result<workspace_entry> workspace::about(const path_parts& path) const {
  auto name = to_text(path);
  auto fd = open_beneath(top_.get(), name, O_RDONLY);
  if (!fd)
    return tl::unexpected(fd.error());
  struct stat facts {};
  if (fstat(fd->get(), &facts) != 0)
    return tl::unexpected(file_error(errno, name));
  if (S_ISDIR(facts.st_mode))
    return workspace_entry{{}, true, 0};
  auto plain = check_plain(fd->get(), name);
  if (!plain)
    return tl::unexpected(plain.error());
  return workspace_entry{{}, false, static_cast<std::uint64_t>(plain->st_size)};
}

result<owned_fd> workspace::open_folder(const path_parts& folder,
                                        bool make) const {
  if (!make)
    return open_beneath(top_.get(), to_text(folder), folder_flags);
  auto at = open_beneath(top_.get(), ".", folder_flags);
  for (const auto& name : folder) {
    if (!at)
      return at;
    at = make_folder(at->get(), name);
  }
  return at;
}

result<std::string> workspace::read(const path_parts& file) const {
  auto name = to_text(file);
  auto fd = open_beneath(top_.get(), name, O_RDONLY);
  if (!fd)
    return tl::unexpected(fd.error());
  auto about = check_plain(fd->get(), name);
  if (!about)
    return tl::unexpected(about.error());
  if (static_cast<std::uint64_t>(about->st_size) > limits_.file_bytes_max)
    return too_big(name, limits_.file_bytes_max);
  // It may grow while it is read: the limit holds, not the size above.
  std::string out(static_cast<std::size_t>(about->st_size), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    auto got = ::read(fd->get(), out.data() + done, out.size() - done);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return tl::unexpected(file_error(errno, name));
    if (got == 0)
      break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

result<void> workspace::check_room(std::uint64_t bytes) const {
  auto used = usage();
  if (!used)
    return tl::unexpected(used.error());
  if (used->bytes + bytes > limits_.bytes_max)
    return fail(errc::failed,
                "the workspace is full: " + std::to_string(used->bytes) + " of "
                    + std::to_string(limits_.bytes_max) + " bytes are used");
  if (used->entries >= limits_.entries_max)
    return fail(errc::failed, "the workspace is full: it holds "
                                  + std::to_string(used->entries) + " files");
  return {};
}

result<void> workspace::write(const path_parts& file, std::string_view content,
                              bool append) const {
  if (file.empty())
    return tl::unexpected(file_error(EISDIR, "."));
  auto path = to_text(file);
  if (content.size() > limits_.file_bytes_max)
    return too_big(path, limits_.file_bytes_max);
  if (auto room = check_room(content.size()); !room)
    return room;
  auto folder = open_folder({file.begin(), file.end() - 1}, true);
  if (!folder)
    return tl::unexpected(folder.error());
  const auto& name = file.back();
  auto old = open_beneath(folder->get(), name,
                          append ? O_WRONLY | O_APPEND : O_RDONLY);
  if (!old && old.error().code != errc::not_found)
    return tl::unexpected(old.error());
  if (old) {
    auto about = check_plain(old->get(), path);
    if (!about)
      return tl::unexpected(about.error());
    auto size = static_cast<std::uint64_t>(about->st_size);
    if (append && size + content.size() > limits_.file_bytes_max)
      return too_big(path, limits_.file_bytes_max);
    if (append) {
      auto done = write_all(old->get(), content.data(), content.size(), path);
      if (done && fdatasync(old->get()) != 0)
        return tl::unexpected(file_error(errno, path));
      return done;
    }
  }
  auto draft = draft_name();
  auto fd
      = open_beneath(folder->get(), draft, O_WRONLY | O_CREAT | O_EXCL, 0600);
  if (!fd)
    return tl::unexpected(fd.error());
  hand_over(fd->get());
  auto done = write_all(fd->get(), content.data(), content.size(), path);
  // A recorded step must find its file again, also after a loss of power.
  if (done && fdatasync(fd->get()) != 0)
    done = tl::unexpected(file_error(errno, path));
  if (done
      && renameat(folder->get(), draft.c_str(), folder->get(), name.c_str())
             != 0)
    done = tl::unexpected(file_error(errno, path));
  if (!done)
    unlinkat(folder->get(), draft.c_str(), 0);
  return done;
}

result<std::vector<workspace_entry>>
workspace::list(const path_parts& folder) const {
  auto fd = open_folder(folder, false);
  if (!fd)
    return tl::unexpected(fd.error());
  auto stream = stream_of(std::move(*fd));
  std::vector<workspace_entry> out;
  if (!stream)
    return tl::unexpected(file_error(errno, to_text(folder)));
  while (auto* entry = readdir(stream.get())) {
    std::string_view name = entry->d_name;
    if (is_dots(name) || name.substr(0, draft_prefix.size()) == draft_prefix)
      continue;
    struct stat about {};
    if (fstatat(dirfd(stream.get()), entry->d_name, &about, AT_SYMLINK_NOFOLLOW)
        != 0)
      continue; // Gone since.
    if (!S_ISDIR(about.st_mode) && !S_ISREG(about.st_mode))
      continue;
    out.push_back({std::string{name}, S_ISDIR(about.st_mode),
                   static_cast<std::uint64_t>(about.st_size)});
    if (out.size() >= limits_.entries_max)
      break;
  }
  std::sort(out.begin(), out.end(),
            [](const auto& a, const auto& b) { return a.name < b.name; });
  return out;
}

result<workspace_usage> workspace::usage() const {
  workspace_usage out;
  auto top = open_beneath(top_.get(), ".", folder_flags);
  if (!top)
    return tl::unexpected(top.error());
  // A stack of open folders: programs may nest them, but not without end.
  std::vector<folder_stream> path;
  path.push_back(stream_of(std::move(*top)));
  constexpr std::size_t depth_max = 128;
  while (!path.empty() && path.back()) {
    auto* entry = readdir(path.back().get());
    if (entry == nullptr) {
      path.pop_back();
      continue;
    }
    struct stat about {};
    auto here = dirfd(path.back().get());
    if (is_dots(entry->d_name)
        || fstatat(here, entry->d_name, &about, AT_SYMLINK_NOFOLLOW) != 0)
      continue;
    ++out.entries;
    // What it takes on the disk: a sparse file is as small as it is, and an
    // empty one still is an entry.
    out.bytes += static_cast<std::uint64_t>(about.st_blocks) * 512;
    if (out.bytes > limits_.bytes_max || out.entries > limits_.entries_max)
      return out;
    if (!S_ISDIR(about.st_mode))
      continue;
    auto fd = open_beneath(here, entry->d_name, folder_flags);
    if (!fd && fd.error().code == errc::not_found)
      continue; // Gone since.
    if (!fd || path.size() >= depth_max) {
      // Closed to its own user, or deeper than any tool can reach: what
      // cannot be counted counts as full.
      out.entries = limits_.entries_max + 1ull;
      return out;
    }
    path.push_back(stream_of(std::move(*fd)));
  }
  return out;
}

} // namespace shannon::kit
