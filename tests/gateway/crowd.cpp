#include "tests/gateway/crowd.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <spawn.h>
#include <stdexcept>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shannon::test {

namespace {

bool move_all(int file, char* bytes, std::size_t size, bool out) {
  while (size > 0) {
    auto done = out ? ::write(file, bytes, size) : ::read(file, bytes, size);
    if (done < 0 && errno == EINTR)
      continue;
    if (done <= 0)
      return false;
    bytes += done;
    size -= static_cast<std::size_t>(done);
  }
  return true;
}

} // namespace

crowd::crowd(std::uint16_t port) {
  std::array<int, 2> down{};
  std::array<int, 2> up{};
  if (::pipe2(down.data(), O_CLOEXEC) != 0
      || ::pipe2(up.data(), O_CLOEXEC) != 0)
    throw std::runtime_error{"no pipes for a crowd"};
  auto number = std::to_string(port);
  std::string path = CROWD_PROGRAM;
  std::array<char*, 3> words{path.data(), number.data(), nullptr};
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_adddup2(&files, down[0], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&files, up[1], STDOUT_FILENO);
  auto failed = ::posix_spawn(&process_, path.c_str(), &files, nullptr,
                              words.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  ::close(down[0]);
  ::close(up[1]);
  orders_ = down[1];
  answers_ = up[0];
  if (failed != 0)
    throw std::runtime_error{path + ": " + std::strerror(failed)};
}

crowd::~crowd() {
  ::close(orders_); // It ends at the end of its orders.
  ::close(answers_);
  int status = 0;
  ::waitpid(process_, &status, 0);
}

std::size_t crowd::order(char what, const std::string& text) {
  auto size = static_cast<std::uint32_t>(text.size());
  std::string bytes{what};
  bytes.append(reinterpret_cast<const char*>(&size), sizeof size);
  bytes += text;
  std::uint64_t answer = 0;
  if (!move_all(orders_, bytes.data(), bytes.size(), true)
      || !move_all(answers_, reinterpret_cast<char*>(&answer), sizeof answer,
                   false))
    throw std::runtime_error{"the crowd's process is gone"};
  return answer;
}

std::size_t crowd::connect(std::size_t count) {
  return order('c', std::to_string(count));
}
std::size_t crowd::send(const std::string& bytes) {
  return order('s', bytes);
}
std::size_t crowd::await(const std::string& mark) {
  return order('a', mark);
}
std::size_t crowd::await_end(const std::string& mark) {
  return order('e', mark);
}

many_files::many_files(std::size_t needed) {
  rlimit all{};
  getrlimit(RLIMIT_NOFILE, &all);
  before_ = all.rlim_cur;
  if (all.rlim_max < needed)
    throw std::runtime_error{"this test needs " + std::to_string(needed)
                             + " descriptors, the hard limit is "
                             + std::to_string(all.rlim_max)
                             + ": raise it (ulimit -Hn)"};
  all.rlim_cur = all.rlim_max;
  setrlimit(RLIMIT_NOFILE, &all);
}

many_files::~many_files() {
  rlimit all{};
  getrlimit(RLIMIT_NOFILE, &all);
  all.rlim_cur = before_;
  setrlimit(RLIMIT_NOFILE, &all);
}

std::size_t resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  std::size_t total = 0;
  std::size_t resident = 0;
  file >> total >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace shannon::test
