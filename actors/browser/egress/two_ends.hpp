#pragma once

#include "actors/browser/egress/proxy_session.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace shannon::browser {

/// The two sockets of one connection of a browser, and the one deadline that
/// both have. Whatever ends one ends the other: `close` is final, and every
/// operation under way then comes back with an error.
class two_ends : public std::enable_shared_from_this<two_ends> {
public:
  using tcp = boost::asio::ip::tcp;
  using then = std::function<void()>;

  two_ends(std::shared_ptr<proxy_session> owner, tcp::socket from);
  ~two_ends();

  two_ends(const two_ends&) = delete;
  two_ends& operator=(const two_ends&) = delete;

  // -- the browser's side -----------------------------------------------------

  /// Reads once into `ahead`, which never grows beyond a head and one read.
  /// The connection is closed when the browser ends it, so a read without
  /// `next` is how its end is noticed while nothing is expected of it.
  void read_client(then next = {});

  /// Calls `next` when no such read is under way, at once if there is none:
  /// two readers of one socket would each get a part.
  void settle_client(then next);

  /// Says something last: no more is sent, what still comes is dropped, so
  /// that the browser gets to read what it was told.
  void linger();

  // -- the server's side ------------------------------------------------------

  void drop_server();
  /// While nothing is asked: a server that ends its connection ends both.
  void watch_server();
  void unwatch_server();

  // -- both -------------------------------------------------------------------

  /// Closes both sides unless `touch` or another call moves the deadline.
  void due_in(std::chrono::milliseconds time);
  /// As `due_in`, and this is what each later `touch` gives.
  void set_idle(std::chrono::milliseconds time) {
    idle_ = time;
    touch();
  }
  void touch() {
    deadline_ = std::chrono::steady_clock::now() + idle_;
  }

  void close();
  bool is_closed() const noexcept {
    return closed_;
  }

  const std::shared_ptr<proxy_session> session;
  tcp::socket client;
  tcp::socket server;
  /// `host:port` the server's socket is connected to.
  std::string server_name;
  /// Read from the browser and not used yet.
  std::string ahead;
  /// What is under way to the server without its socket, and ends with this.
  std::weak_ptr<then> on_close;

private:
  void on_client_read(boost::system::error_code failed, std::size_t bytes,
                      then next);
  void drain();
  void arm(std::chrono::steady_clock::time_point until);

  boost::asio::steady_timer timer_;
  std::chrono::steady_clock::time_point deadline_;
  std::chrono::steady_clock::time_point armed_for_;
  std::chrono::milliseconds idle_;
  std::array<char, 8 * 1024> client_buffer_;
  /// What follows the read under way. The read holds it, not this: it refers
  /// back to this, and a loop that ends drops its reads uncalled.
  std::weak_ptr<then> next_;
  bool settling_ = false;
  bool watching_server_ = false;
  bool closed_ = false;
  std::size_t drained_ = 0;
};

using two_ends_ptr = std::shared_ptr<two_ends>;

} // namespace shannon::browser
