#include "actors/browser/scratch_folder.hpp"

#include "actors/kit/workspace/sandbox_user.hpp"

#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>
#include <utility>

namespace shannon::browser {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view prefix = "shannon-browser-";

/// `shannon-browser-4711-x1y2z3`: 4711; 0 for another name.
pid_t owner_of(std::string_view name) {
  pid_t pid = 0;
  if (!name.starts_with(prefix))
    return 0;
  name.remove_prefix(prefix.size());
  auto end = std::from_chars(name.data(), name.data() + name.size(), pid).ptr;
  return end != name.data() + name.size() && *end == '-' ? pid : 0;
}

} // namespace

result<scratch_folder> scratch_folder::make() {
  auto name = std::string{prefix} + std::to_string(getpid()) + "-XXXXXX";
  scratch_folder out;
  out.path_ = (fs::temp_directory_path() / name).string();
  if (mkdtemp(out.path_.data()) == nullptr) {
    auto where = std::exchange(out.path_, {});
    return fail(errc::unavailable,
                where + ": no folder for a browser: " + std::strerror(errno),
                true);
  }
  if (kit::sandbox_drops_user()
      && chown(out.path_.c_str(), kit::sandbox_user, kit::sandbox_user) != 0)
    return fail(errc::unavailable,
                out.path_ + ": cannot be given to the user of browsers: "
                    + std::strerror(errno));
  return out;
}

scratch_folder::scratch_folder(scratch_folder&& other) noexcept
    : path_(std::exchange(other.path_, {})) {}

scratch_folder& scratch_folder::operator=(scratch_folder&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

scratch_folder::~scratch_folder() {
  std::error_code ignored;
  if (!path_.empty())
    fs::remove_all(path_, ignored);
}

std::size_t reap_scratch_folders() {
  std::size_t count = 0;
  std::error_code failed;
  for (const auto& one :
       fs::directory_iterator(fs::temp_directory_path(), failed)) {
    auto owner = owner_of(one.path().filename().string());
    if (owner == 0 || kill(owner, 0) == 0 || errno != ESRCH)
      continue;
    std::error_code ignored;
    fs::remove_all(one.path(), ignored);
    ++count;
  }
  return count;
}

} // namespace shannon::browser
