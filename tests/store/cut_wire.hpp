#pragma once

#include <catch2/catch.hpp>

#include <atomic>
#include <filesystem>
#include <mutex>
#include <poll.h>
#include <stdlib.h>
#include <string>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shannon::test {

/// A wire to PostgreSQL that can hold what is sent, either way, and be cut.
class cut_wire {
public:
  /// To the server of this DSN, which names its folder in quotes.
  explicit cut_wire(const std::string& dsn) : dsn_(dsn) {
    auto from = dsn.find('\'') + 1;
    server_ = dsn.substr(from, dsn.find('\'', from) - from);
    REQUIRE(::mkdtemp(folder_.data()));
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    auto where = address(folder_);
    REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&where), sizeof where)
            == 0);
    REQUIRE(::listen(listener_, 64) == 0);
    thread_ = std::thread{[this] { run(); }};
  }

  ~cut_wire() {
    stop_ = true;
    thread_.join();
    ::close(listener_);
    for (auto& [client, server] : pairs_)
      drop(client, server);
    std::filesystem::remove_all(folder_);
  }

  std::string dsn() const {
    auto out = dsn_;
    return out.replace(out.find(server_), server_.size(), folder_);
  }

  /// What clients send stays here from now on.
  void hold_requests() {
    hold_requests_ = true;
  }
  /// What the server answers stays here from now on.
  void hold_answers() {
    hold_answers_ = true;
  }

  /// Bytes that wait here for the server.
  int held_requests() {
    std::lock_guard guard{mutex_};
    int sum = 0;
    for (auto& [client, server] : pairs_) {
      int bytes = 0;
      if (::ioctl(client, FIONREAD, &bytes) == 0)
        sum += bytes;
    }
    return sum;
  }

  /// Ends all connections, with what is held; new ones pass.
  void cut() {
    std::lock_guard guard{mutex_};
    end_all();
    turns_away_ = false;
  }

  /// Ends all connections. Who asks for one is told that there is none to
  /// spare, as by a server with `max_connections` clients, until `cut`.
  void turn_away() {
    std::lock_guard guard{mutex_};
    end_all();
    turns_away_ = true;
  }
  /// So many were told.
  int turned_away() const {
    return turned_away_;
  }

private:
  static sockaddr_un address(const std::string& folder) {
    sockaddr_un out{};
    out.sun_family = AF_UNIX;
    auto path = folder + "/.s.PGSQL.5432";
    REQUIRE(path.size() < sizeof out.sun_path);
    path.copy(out.sun_path, path.size());
    return out;
  }

  static void drop(int client, int server) {
    ::close(client);
    ::close(server);
  }

  void end_all() {
    for (auto& [client, server] : pairs_)
      drop(client, server);
    pairs_.clear();
    hold_requests_ = false;
    hold_answers_ = false;
  }

  /// An ErrorResponse to its first message.
  void tell_none_to_spare(int client) {
    pollfd asks{client, POLLIN, 0};
    char buffer[4'096];
    if (::poll(&asks, 1, 100) <= 0
        || ::recv(client, buffer, sizeof buffer, 0) <= 0)
      return;
    // Its end is the end of the list, too.
    constexpr char fields[]
        = "SFATAL\0VFATAL\0C53300\0Msorry, too many clients already\0";
    std::string answer{'E', 0, 0, 0, static_cast<char>(4 + sizeof fields)};
    answer.append(fields, sizeof fields);
    if (::send(client, answer.data(), answer.size(), MSG_NOSIGNAL) > 0)
      ++turned_away_;
  }

  /// Looks at all of it every few milliseconds: a test has time.
  void run() {
    while (!stop_) {
      pollfd waiting{listener_, POLLIN, 0};
      if (::poll(&waiting, 1, 1) > 0)
        take_one();
      std::lock_guard guard{mutex_};
      for (auto at = pairs_.begin(); at != pairs_.end();) {
        auto [client, server] = *at;
        if ((hold_requests_ || pass(client, server))
            && (hold_answers_ || pass(server, client))) {
          ++at;
        } else {
          drop(client, server);
          at = pairs_.erase(at);
        }
      }
    }
  }

  void take_one() {
    auto client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (turns_away_) {
      tell_none_to_spare(client);
      ::close(client);
      return;
    }
    auto server = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un where{};
    where.sun_family = AF_UNIX;
    auto path = server_ + "/.s.PGSQL.5432";
    path.copy(where.sun_path, path.size());
    if (::connect(server, reinterpret_cast<sockaddr*>(&where), sizeof where)
        != 0)
      return drop(client, server);
    std::lock_guard guard{mutex_};
    pairs_.emplace_back(client, server);
  }

  /// False when one side has hung up.
  static bool pass(int from, int to) {
    char buffer[65'536];
    auto got = ::recv(from, buffer, sizeof buffer, MSG_DONTWAIT);
    if (got < 0)
      return errno == EAGAIN;
    for (ssize_t sent = 0; sent < got;) {
      auto more = ::send(to, buffer + sent,
                         static_cast<std::size_t>(got - sent), MSG_NOSIGNAL);
      if (more <= 0)
        return false;
      sent += more;
    }
    return got > 0;
  }

  std::string dsn_;
  std::string server_;
  std::string folder_ = "/tmp/shannon-wire-XXXXXX";
  int listener_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<bool> hold_requests_{false};
  std::atomic<bool> hold_answers_{false};
  std::atomic<bool> turns_away_{false};
  std::atomic<int> turned_away_{0};
  std::mutex mutex_;
  std::vector<std::pair<int, int>> pairs_;
  std::thread thread_;
};

} // namespace shannon::test
