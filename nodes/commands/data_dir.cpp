#include "nodes/commands/data_dir.hpp"

#include <cerrno>
#include <fcntl.h>
#include <filesystem>
#include <sys/file.h>
#include <system_error>
#include <unistd.h>
#include <utility>

namespace shannon::commands {

namespace {

std::string holder_of(int lock) {
  char text[32];
  auto size = ::pread(lock, text, sizeof text, 0);
  std::string pid;
  for (ssize_t i = 0; i < size && text[i] >= '0' && text[i] <= '9'; ++i)
    pid.push_back(text[i]);
  return pid.empty() ? "another process" : "process " + pid;
}

} // namespace

result<data_dir> data_dir::hold(const std::string& path) {
  std::error_code ec;
  auto absolute = std::filesystem::absolute(path, ec);
  if (!ec)
    std::filesystem::create_directories(absolute, ec);
  if (ec)
    return fail(errc::failed,
                "cannot make the data directory " + path + ": " + ec.message());
  auto file = (absolute / "up.lock").string();
  int lock = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock < 0)
    return fail(errc::failed, "cannot open " + file + ": "
                                  + std::system_category().message(errno));
  data_dir held{absolute.lexically_normal().string(), lock};
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return fail(errc::failed, held.path() + " is in use by " + holder_of(lock)
                                  + ": stop it or choose another --data");
  auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock, 0) != 0
      || ::pwrite(lock, pid.data(), pid.size(), 0)
             != static_cast<ssize_t>(pid.size()))
    return fail(errc::failed, "cannot write " + file + ": "
                                  + std::system_category().message(errno));
  return held;
}

std::string data_dir::holder(const std::string& path) {
  auto file = path + "/up.lock";
  int lock = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (lock < 0)
    return {};
  bool held = ::flock(lock, LOCK_SH | LOCK_NB) != 0;
  auto who = held ? holder_of(lock) : std::string{};
  ::close(lock);
  return who;
}

data_dir::data_dir(data_dir&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

data_dir::~data_dir() {
  // The file stays: to take it away while another process waits for it would
  // let two hold different files of the same name.
  if (lock_ >= 0)
    ::close(lock_);
}

} // namespace shannon::commands
