#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace shannon::test {

/// A far side of TCP connections that does exactly what a test says: one
/// thread per connection, plain blocking sockets, so that it shares nothing
/// with the client it tests.
class http_peer {
public:
  /// One accepted connection, for the test's script.
  class session {
  public:
    explicit session(int fd, int number) : fd_(fd), number_(number) {}
    /// 1 for the first connection this peer accepted.
    int number() const noexcept {
      return number_;
    }
    /// Reads one request with its body; empty when the client closed.
    std::string read_request();
    void write(std::string_view bytes);
    /// Waits until the client closes; true if it did within `seconds`.
    bool wait_for_close(int seconds);
    /// Closes with RST instead of FIN.
    void reset();

  private:
    int fd_;
    int number_;
    std::string rest_;
  };

  explicit http_peer(std::function<void(session&)> script);
  ~http_peer();

  std::uint16_t port() const noexcept {
    return port_;
  }
  int connections() const noexcept {
    return accepted_;
  }

private:
  void accept_all();

  std::function<void(session&)> script_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<int> accepted_{0};
  std::mutex mutex_;
  std::vector<int> open_;
  std::vector<std::thread> sessions_;
  std::thread acceptor_;
};

} // namespace shannon::test
