#pragma once

#include "actors/link/frame_reader.hpp"
#include "actors/link/tls_channel.hpp"
#include "protocols/errc.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::link {

/// A TCP connection that carries frames, encrypted or not. All runs on its
/// socket's thread, except `write`.
///
/// What is written while a write is under way goes with the next one. After a
/// pause the caller of `write` writes itself, if it can without waiting: that
/// saves the way through the socket's thread.
class connection : public std::enable_shared_from_this<connection> {
public:
  using clock = std::chrono::steady_clock;
  using socket_type = boost::asio::ip::tcp::socket;

  /// Called on the socket's thread, none after `closed`.
  struct handlers {
    /// Frames may be written. At once without TLS; with it the peer has shown
    /// a certificate.
    std::function<void()> ready;
    /// Each frame that comes, without its length.
    std::function<void(std::string_view)> frame;
    /// Once: by the peer, by an error, or by `close`.
    std::function<void(const error&)> closed;
  };

  connection(socket_type socket, std::shared_ptr<const tls_context> tls,
             tls_channel::side side, std::size_t frame_bytes_max);

  void start(handlers told);

  /// For frames that follow.
  void limit(std::size_t frame_bytes_max) noexcept {
    reader_.limit(frame_bytes_max);
  }

  /// Frames with their lengths. Any thread. After the end they are dropped.
  void write(std::string_view frames);

  /// Ends it now.
  void close(error why);
  /// Ends it once what was written is out, or after a moment.
  void close_after_write(error why);

  /// DNS names in the peer's certificate; none without TLS.
  std::vector<std::string> certified() const;
  bool encrypted() const noexcept {
    return tls_ != nullptr;
  }
  /// `127.0.0.1:1234`, for logs.
  const std::string& peer() const noexcept {
    return peer_;
  }
  clock::time_point heard() const noexcept {
    return heard_;
  }
  std::uint64_t bytes_received() const noexcept {
    return received_;
  }

private:
  enum class pushed : std::uint8_t { all, some, failed };

  void tell_ready();
  void read();
  void took(std::string_view bytes);
  void split(std::string_view plain);
  void flush();
  void write_rest();
  void after_write();
  bool seal();
  pushed push();

  socket_type socket_;
  std::string peer_;
  std::shared_ptr<const handlers> told_;
  frame_reader reader_;
  std::array<char, 64 * 1024> buffer_{};
  std::string plain_;
  clock::time_point heard_;
  std::atomic<std::uint64_t> received_{0};
  bool ready_ = false;
  bool closed_ = false;
  boost::asio::steady_timer linger_;
  error last_words_;

  /// Guards what is waiting to be written, and whose turn it is.
  std::mutex out_mutex_;
  std::string out_;
  bool writing_ = false; ///< Somebody writes, and takes all that comes.
  bool more_ = false;    ///< The handshake has something to send.
  bool ended_ = false;
  bool ends_ = false; ///< Changed on the socket's thread alone.
  clock::time_point wrote_;

  /// Guards the encryption and the descriptor, between whoever writes and the
  /// socket's thread. Taken after `out_mutex_`, never before.
  mutable std::mutex wire_mutex_;
  std::unique_ptr<tls_channel> tls_;
  bool broken_ = false;
  int descriptor_;

  // Whoever writes.
  std::string taken_;
  std::string wire_;
  std::size_t wire_at_ = 0;
};

} // namespace shannon::link
