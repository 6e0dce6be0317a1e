#include "tests/integration/faults/tcp_detour.hpp"

#include <algorithm>
#include <cerrno>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace shannon::test {

namespace {

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in out{};
  out.sin_family = AF_INET;
  out.sin_port = htons(port);
  out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return out;
}

/// With a reset, not with an end in order.
void slam(int socket) {
  linger now{1, 0};
  ::setsockopt(socket, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  ::close(socket);
}

void send_at_once(int socket) {
  int yes = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
}

/// So many bytes may wait for one side before nothing more is taken in.
constexpr std::size_t pieces_max = 64;

} // namespace

tcp_detour::tcp_detour(std::uint16_t to) : to_(to) {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  auto where = loopback(0);
  socklen_t size = sizeof where;
  auto* generic = reinterpret_cast<sockaddr*>(&where);
  if (::bind(listener_, generic, size) != 0 || ::listen(listener_, 64) != 0
      || ::getsockname(listener_, generic, &size) != 0)
    throw std::runtime_error{"a detour has no port"};
  port_ = ntohs(where.sin_port);
  thread_ = std::thread{[this] { run(); }};
}

tcp_detour::~tcp_detour() {
  stop_ = true;
  thread_.join();
  ::close(listener_);
  for (auto& one : pairs_)
    for (auto& end : one->ends)
      slam(end.socket);
}

void tcp_detour::run() {
  std::vector<pollfd> watched;
  while (!stop_) {
    watched.assign(1, {listener_, POLLIN, 0});
    bool waits = false;
    for (auto& one : pairs_)
      for (int side = 0; side < 2; ++side) {
        if (is_held(*one, side))
          continue; // Else what it holds would wake this up at once, always.
        watched.push_back({one->ends[side].socket, POLLIN, 0});
        waits = waits || !one->ends[1 - side].waiting.empty();
      }
    ::poll(watched.data(), watched.size(), waits ? 1 : 20);
    take_one();
    bool all = reset_.exchange(false);
    pairs_.erase(std::remove_if(pairs_.begin(), pairs_.end(),
                                [&](auto& one) {
                                  if (!all && move(*one))
                                    return false;
                                  for (auto& end : one->ends)
                                    if (end.socket >= 0)
                                      slam(end.socket);
                                  return true;
                                }),
                 pairs_.end());
  }
}

void tcp_detour::take_one() {
  auto from = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (from < 0)
    return;
  auto there = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto where = loopback(to_);
  if (::connect(there, reinterpret_cast<sockaddr*>(&where), sizeof where)
      != 0) {
    ::close(there);
    return slam(from);
  }
  send_at_once(from);
  send_at_once(there);
  auto one = std::make_unique<pair>();
  one->ends[0].socket = from;
  one->ends[1].socket = there;
  pairs_.push_back(std::move(one));
}

void tcp_detour::hold(const std::string& caller, way which) {
  std::lock_guard guard{mutex_};
  held_[caller] = which;
}

void tcp_detour::release() {
  std::lock_guard guard{mutex_};
  held_.clear();
}

bool tcp_detour::is_held(const pair& one, int side) {
  auto held = side == 0 ? way::to_callee : way::to_caller;
  std::lock_guard guard{mutex_};
  return std::any_of(held_.begin(), held_.end(), [&](const auto& it) {
    const auto& [caller, which] = it;
    return (which == way::both || which == held)
           && (caller.empty()
               || one.hello.find(caller + "#") != std::string::npos);
  });
}

/// Whoever reads it finds an end where something should follow.
void tcp_detour::pass_half(pair& one, int side, std::string_view bytes) {
  auto& to = one.ends[1 - side];
  for (auto& piece : to.waiting)
    ::send(to.socket, piece.bytes.data(), piece.bytes.size(), MSG_NOSIGNAL);
  ::send(to.socket, bytes.data(), bytes.size() / 2, MSG_NOSIGNAL);
  for (auto& end : one.ends)
    ::close(std::exchange(end.socket, -1));
  ++were_cut_short_;
}

/// False when one side has hung up.
bool tcp_detour::move(pair& one) {
  if (one.hello.empty()) {
    char first[4'096];
    auto got = ::recv(one.ends[0].socket, first, sizeof first,
                      MSG_DONTWAIT | MSG_PEEK);
    if (got > 0)
      one.hello.assign(first, static_cast<std::size_t>(got));
  }
  auto now = clock::now();
  for (int side = 0; side < 2; ++side) {
    if (is_held(one, side))
      continue;
    auto& from = one.ends[side];
    auto& to = one.ends[1 - side];
    while (to.waiting.size() < pieces_max) {
      char buffer[16'384];
      auto got = ::recv(from.socket, buffer, sizeof buffer, MSG_DONTWAIT);
      if (got == 0 || (got < 0 && errno != EAGAIN))
        return false;
      if (got < 0)
        break;
      bytes_ += got;
      if (cut_short_.exchange(false)) {
        pass_half(one, side, {buffer, static_cast<std::size_t>(got)});
        return false;
      }
      auto due = now + std::chrono::microseconds{delay_us_.load()};
      if (!to.waiting.empty())
        due = std::max(due, to.waiting.back().due);
      to.waiting.push_back(
          {due, std::string{buffer, static_cast<std::size_t>(got)}});
    }
    while (!to.waiting.empty() && to.waiting.front().due <= now) {
      auto& next = to.waiting.front().bytes;
      auto sent = ::send(to.socket, next.data(), next.size(),
                         MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent < 0 && errno != EAGAIN)
        return false;
      if (sent < 0)
        break;
      next.erase(0, static_cast<std::size_t>(sent));
      if (next.empty())
        to.waiting.pop_front();
    }
  }
  return true;
}

} // namespace shannon::test
