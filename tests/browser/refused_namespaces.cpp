#include "tests/browser/refused_namespaces.hpp"

#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <sched.h>
#include <stdexcept>
#include <sys/mount.h>
#include <unistd.h>

namespace shannon::test {

namespace fs = std::filesystem;

namespace {

/// In the one part of the host that a browser sees, and empty everywhere.
constexpr const char* place = "/usr/local/games";
constexpr const char* name = "headless-shell-without-namespaces";

} // namespace

std::string refused_namespaces::obstacle() {
  if (::geteuid() != 0)
    return "needs root";
  return fs::is_directory(place) ? "" : std::string{place} + " is not there";
}

refused_namespaces::refused_namespaces() {
  before_ = ::open("/proc/thread-self/ns/mnt", O_RDONLY | O_CLOEXEC);
  if (before_ < 0 || ::unshare(CLONE_NEWNS) != 0
      || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0
      || ::mount("tmpfs", place, "tmpfs", 0, "mode=755") != 0)
    throw std::runtime_error("no mount namespace of its own");
  fs::copy_file(SHANNON_WITHOUT_NAMESPACES, program());
}

refused_namespaces::~refused_namespaces() {
  // Threads that were started meanwhile share this one's root.
  if (::unshare(CLONE_FS) != 0 || ::setns(before_, CLONE_NEWNS) != 0)
    std::abort();
  ::close(before_);
}

std::string refused_namespaces::program() const {
  return std::string{place} + "/" + name;
}

} // namespace shannon::test
