#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <sys/types.h>

namespace shannon::test {

/// Thousands of clients in a process of their own: client and server together
/// would need more descriptors than one process may have. They come from forty
/// addresses of the loopback, so that no limit for one address need be raised.
class crowd {
public:
  /// Starts the process; it connects later, and so can be started before this
  /// process is short of descriptors.
  explicit crowd(std::uint16_t port);
  ~crowd();
  crowd(const crowd&) = delete;
  crowd& operator=(const crowd&) = delete;

  /// So many more clients; returns how many are connected in all.
  std::size_t connect(std::size_t count);
  /// Every client that is not closed sends this. Returns how many were told.
  std::size_t send(const std::string& bytes);
  /// Waits until each has heard `mark`, or been closed, since the last time;
  /// returns how many heard it. At most a minute.
  std::size_t await(const std::string& mark);
  /// Waits until the server has closed all; returns how many had heard `mark`
  /// by then. At most a minute.
  std::size_t await_end(const std::string& mark);

private:
  std::size_t order(char what, const std::string& text);

  pid_t process_ = -1;
  int orders_ = -1;
  int answers_ = -1;
};

/// As many descriptors as this process may have; at least `needed`, else throws
/// and says how many there are.
class many_files {
public:
  explicit many_files(std::size_t needed);
  ~many_files();
  many_files(const many_files&) = delete;
  many_files& operator=(const many_files&) = delete;

private:
  std::size_t before_;
};

/// Bytes of this process in memory.
std::size_t resident_bytes();

} // namespace shannon::test
