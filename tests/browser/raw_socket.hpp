#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace shannon::test {

/// A TCP socket that does what a test says and nothing else. Every wait has an
/// end: after ten seconds a read is as if the far side had closed.
class raw_socket {
public:
  raw_socket() = default;
  explicit raw_socket(int fd) : fd_(fd) {}
  raw_socket(raw_socket&& other) noexcept;
  raw_socket& operator=(raw_socket&& other) noexcept;
  ~raw_socket();

  /// `receive_bytes` bounds the kernel's buffer if it is not 0.
  static raw_socket to(std::uint16_t port, int receive_bytes = 0,
                       const char* address = "127.0.0.1");

  bool send(std::string_view bytes);
  /// What of it was taken within `ms`, without a break of that length.
  std::size_t send_until_stalled(std::string_view bytes, int ms);
  /// Up to and with `mark`; what lies behind stays for the next read.
  std::string read_until(std::string_view mark);
  std::string read_exactly(std::size_t bytes);
  /// All that comes until the far side ends.
  std::string read_to_end();
  /// Reads once and forgets; how much it was, 0 at the end.
  std::size_t read_some();
  /// Counts and forgets.
  std::size_t skip_to_end();
  /// A head and the body of its Content-Length.
  std::string read_message();
  /// Did the far side end or break the connection within `ms`, saying nothing?
  bool ends_within(int ms);
  void shutdown_send();
  void close();
  /// Closes with RST instead of FIN.
  void reset();

  int fd() const noexcept {
    return fd_;
  }

private:
  bool fill();

  int fd_ = -1;
  std::string rest_;
};

/// What stands for every address of this machine, IPv6 included.
inline constexpr const char* all_addresses = "::";

/// A listening socket at `port`; at a free one, which it then says, for 0.
int listen_at(const char* address, std::uint16_t& port);

std::uint16_t port_of(int listener);

/// Serves each connection in a thread of its own.
class raw_server {
public:
  explicit raw_server(std::function<void(raw_socket&, int number)> script,
                      const char* address = "127.0.0.1",
                      std::uint16_t port = 0);
  ~raw_server();

  std::uint16_t port() const noexcept {
    return port_;
  }
  int connections() const noexcept;

private:
  struct state;
  std::shared_ptr<state> state_;
  std::uint16_t port_ = 0;
  std::thread acceptor_;
};

} // namespace shannon::test
