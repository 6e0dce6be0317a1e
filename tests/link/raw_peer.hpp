#pragma once

#include "actors/link/frame_reader.hpp"
#include "actors/link/greeting.hpp"
#include "actors/link/mail_codec.hpp"
#include "actors/link/tls_channel.hpp"
#include "protocols/remote/link.pb.h"

#include <catch2/catch.hpp>

#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <netinet/in.h>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace shannon::test {

/// A socket that says what the test says: a peer that misbehaves, or none.
class raw_peer {
public:
  using milliseconds = std::chrono::milliseconds;

  /// Dials HOST:PORT of a hub.
  explicit raw_peer(const std::string& address,
                    std::shared_ptr<const link::tls_context> tls = nullptr) {
    auto colon = address.rfind(':');
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(
        static_cast<std::uint16_t>(std::atoi(address.c_str() + colon + 1)));
    ::inet_pton(AF_INET, address.substr(0, colon).c_str(), &to.sin_addr);
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    REQUIRE(::connect(socket_, reinterpret_cast<sockaddr*>(&to), sizeof to)
            == 0);
    if (tls)
      tls_.emplace(std::move(tls), link::tls_channel::side::dials);
  }
  /// One that has dialled.
  explicit raw_peer(int accepted) : socket_(accepted) {}
  raw_peer(raw_peer&& other) noexcept
      : socket_(std::exchange(other.socket_, -1)),
        reader_(std::move(other.reader_)) {}
  ~raw_peer() {
    hang_up();
  }

  void hang_up() {
    if (socket_ >= 0)
      ::close(std::exchange(socket_, -1));
  }

  /// As they are. False if the other side has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      auto n = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n < 0 && errno == EINTR)
        continue;
      if (n <= 0)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  bool say(const link::Frame& what) {
    auto bytes = link::frame_of(what);
    if (!tls_)
      return send(bytes);
    REQUIRE(tls_->put(bytes));
    return flush();
  }

  link::Frame hello(const std::string& process) const {
    link::identity self;
    self.cluster = "test";
    self.process = node_id{process};
    link::Frame out;
    *out.mutable_hello() = link::hello_of(self);
    return out;
  }

  /// Says hello and waits for the other's.
  void greet(const std::string& process) {
    shake();
    REQUIRE(say(hello(process)));
    auto got = hear();
    REQUIRE(got);
    if (got->has_goodbye())
      FAIL(got->goodbye().reason());
    REQUIRE(got->has_hello());
  }

  /// What a goodbye says, if that is what comes.
  std::string refusal() {
    auto got = hear();
    return got && got->has_goodbye() ? got->goodbye().reason() : "(none)";
  }

  /// With TLS: until it is established. False if it is refused.
  bool shake() {
    if (!tls_)
      return true;
    if (!tls_->take({}, plain_) || !flush())
      return false;
    while (!tls_->established())
      if (!take(milliseconds{5'000}))
        return false;
    return true;
  }

  /// The next frame, whatever it is; nothing at the end or after `patience`.
  std::optional<link::Frame> hear(milliseconds patience = milliseconds{5'000}) {
    auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
      auto next = reader_.next();
      REQUIRE(next);
      if (*next) {
        link::Frame out;
        REQUIRE(out.ParseFromArray((*next)->data(),
                                   static_cast<int>((*next)->size())));
        return out;
      }
      auto left = std::chrono::ceil<milliseconds>(
          until - std::chrono::steady_clock::now());
      if (left.count() <= 0 || !take(left))
        return std::nullopt;
    }
  }

  /// The next frame that carries an envelope.
  std::optional<link::Mail> mail(milliseconds patience = milliseconds{5'000}) {
    while (auto got = hear(patience))
      if (got->has_mail())
        return got->mail();
    return std::nullopt;
  }

  /// Does the other side close within this time? What comes is passed over.
  bool closed(milliseconds patience = milliseconds{5'000}) {
    auto until = std::chrono::steady_clock::now() + patience;
    for (;;) {
      auto left = std::chrono::ceil<milliseconds>(
          until - std::chrono::steady_clock::now());
      if (left.count() <= 0)
        return false;
      pollfd ready{socket_, POLLIN, 0};
      if (::poll(&ready, 1, static_cast<int>(left.count())) == 0)
        return false;
      char bytes[4'096];
      auto n = ::recv(socket_, bytes, sizeof bytes, 0);
      if (n <= 0)
        return true;
    }
  }

private:
  bool flush() {
    std::string wire;
    tls_->drain(wire);
    return send(wire);
  }

  /// Some bytes. False at the end, or after `patience`.
  bool take(milliseconds patience) {
    pollfd ready{socket_, POLLIN, 0};
    if (::poll(&ready, 1, static_cast<int>(patience.count())) <= 0)
      return false;
    char bytes[16'384];
    auto n = ::recv(socket_, bytes, sizeof bytes, 0);
    if (n <= 0)
      return false;
    std::string_view got{bytes, static_cast<std::size_t>(n)};
    if (!tls_) {
      reader_.take(got);
      return true;
    }
    bool good = tls_->take(got, plain_).has_value();
    reader_.take(plain_);
    plain_.clear();
    flush();
    return good;
  }

  int socket_ = -1;
  link::frame_reader reader_{64u << 20};
  std::optional<link::tls_channel> tls_;
  std::string plain_;
};

/// Listens, and lets the test decide what becomes of who dials.
class raw_door {
public:
  raw_door() {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    REQUIRE(::bind(socket_, reinterpret_cast<sockaddr*>(&at), size) == 0);
    REQUIRE(::listen(socket_, 16) == 0);
    REQUIRE(::getsockname(socket_, reinterpret_cast<sockaddr*>(&at), &size)
            == 0);
    address_ = "127.0.0.1:" + std::to_string(ntohs(at.sin_port));
  }
  ~raw_door() {
    ::close(socket_);
  }
  raw_door(const raw_door&) = delete;
  raw_door& operator=(const raw_door&) = delete;

  const std::string& address() const {
    return address_;
  }
  raw_peer accept() {
    pollfd ready{socket_, POLLIN, 0};
    REQUIRE(::poll(&ready, 1, 10'000) == 1);
    auto got = ::accept(socket_, nullptr, nullptr);
    REQUIRE(got >= 0);
    return raw_peer{got};
  }

private:
  int socket_ = -1;
  std::string address_;
};

} // namespace shannon::test
