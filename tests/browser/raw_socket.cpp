#include "tests/browser/raw_socket.hpp"

#include <arpa/inet.h>
#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <netinet/in.h>
#include <poll.h>
#include <set>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace shannon::test {

namespace {

constexpr int patience_ms = 10'000;

bool wait_for(int fd, short what, int ms) {
  pollfd one{fd, what, 0};
  return ::poll(&one, 1, ms) == 1;
}

} // namespace

raw_socket::raw_socket(raw_socket&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), rest_(std::move(other.rest_)) {}

raw_socket& raw_socket::operator=(raw_socket&& other) noexcept {
  close();
  fd_ = std::exchange(other.fd_, -1);
  rest_ = std::move(other.rest_);
  return *this;
}

raw_socket::~raw_socket() {
  close();
}

bool raw_socket::send(std::string_view bytes) {
  return send_until_stalled(bytes, patience_ms) == bytes.size();
}

std::size_t raw_socket::send_until_stalled(std::string_view bytes, int ms) {
  std::size_t sent = 0;
  while (sent < bytes.size() && wait_for(fd_, POLLOUT, ms)) {
    auto n = ::send(fd_, bytes.data() + sent, bytes.size() - sent,
                    MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && errno != EAGAIN)
      break;
    sent += n > 0 ? static_cast<std::size_t>(n) : 0;
  }
  return sent;
}

bool raw_socket::fill() {
  char buffer[64 * 1024];
  if (!wait_for(fd_, POLLIN, patience_ms))
    return false;
  auto n = ::recv(fd_, buffer, sizeof buffer, 0);
  if (n > 0)
    rest_.append(buffer, static_cast<std::size_t>(n));
  return n > 0;
}

std::string raw_socket::read_until(std::string_view mark) {
  for (;;) {
    if (auto at = rest_.find(mark); at != std::string::npos) {
      auto out = rest_.substr(0, at + mark.size());
      rest_.erase(0, out.size());
      return out;
    }
    if (!fill())
      return std::exchange(rest_, {});
  }
}

std::string raw_socket::read_exactly(std::size_t bytes) {
  while (rest_.size() < bytes && fill()) {
  }
  auto out = rest_.substr(0, bytes);
  rest_.erase(0, out.size());
  return out;
}

std::string raw_socket::read_to_end() {
  while (fill()) {
  }
  return std::exchange(rest_, {});
}

std::size_t raw_socket::read_some() {
  if (rest_.empty() && !fill())
    return 0;
  auto bytes = rest_.size();
  rest_.clear();
  return bytes;
}

std::size_t raw_socket::skip_to_end() {
  std::size_t all = 0;
  while (auto bytes = read_some())
    all += bytes;
  return all;
}

std::string raw_socket::read_message() {
  auto head = read_until("\r\n\r\n");
  auto at = head.find("Content-Length: ");
  return at == std::string::npos
             ? head
             : head
                   + read_exactly(
                       std::strtoul(head.c_str() + at + 16, nullptr, 10));
}

bool raw_socket::ends_within(int ms) {
  char byte = 0;
  return rest_.empty() && wait_for(fd_, POLLIN, ms)
         && ::recv(fd_, &byte, 1, 0) <= 0;
}

void raw_socket::shutdown_send() {
  ::shutdown(fd_, SHUT_WR);
}

void raw_socket::close() {
  if (fd_ >= 0)
    ::close(std::exchange(fd_, -1));
}

void raw_socket::reset() {
  linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
  close();
}

namespace {

/// The size of what was written to `where`.
socklen_t set_address(sockaddr_storage& where, const char* address,
                      std::uint16_t port) {
  auto& six = reinterpret_cast<sockaddr_in6&>(where);
  if (::inet_pton(AF_INET6, address, &six.sin6_addr) == 1) {
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(port);
    return sizeof six;
  }
  auto& four = reinterpret_cast<sockaddr_in&>(where);
  four.sin_family = AF_INET;
  four.sin_port = htons(port);
  ::inet_pton(AF_INET, address, &four.sin_addr);
  return sizeof four;
}

} // namespace

raw_socket raw_socket::to(std::uint16_t port, int receive_bytes,
                          const char* address) {
  sockaddr_storage where{};
  auto size = set_address(where, address, port);
  raw_socket out{::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0)};
  if (receive_bytes > 0)
    ::setsockopt(out.fd_, SOL_SOCKET, SO_RCVBUF, &receive_bytes,
                 sizeof receive_bytes);
  if (::connect(out.fd_, reinterpret_cast<sockaddr*>(&where), size) != 0)
    out.close();
  return out;
}

int listen_at(const char* address, std::uint16_t& port) {
  sockaddr_storage where{};
  auto size = set_address(where, address, port);
  int fd = ::socket(where.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  // One socket for both families.
  int off = 0;
  ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
  int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&where), size) != 0
      || ::listen(fd, 128) != 0)
    throw std::runtime_error("no port to listen at");
  port = port_of(fd);
  return fd;
}

std::uint16_t port_of(int listener) {
  sockaddr_storage where{};
  socklen_t size = sizeof where;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size);
  // At the same place for both families.
  return ntohs(reinterpret_cast<sockaddr_in&>(where).sin_port);
}

// -- the server ---------------------------------------------------------------

struct raw_server::state {
  std::function<void(raw_socket&, int)> script;
  int listener = -1;
  std::atomic<int> accepted{0};
  std::mutex mutex;
  std::set<int> open;
  std::vector<std::thread> threads;

  void serve(int fd, int number) {
    raw_socket one{fd};
    script(one, number);
    std::lock_guard lock{mutex};
    open.erase(fd);
    one.close();
  }

  void accept_all() {
    for (;;) {
      int fd = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0)
        return;
      std::lock_guard lock{mutex};
      open.insert(fd);
      threads.emplace_back(
          [this, fd, number = ++accepted] { serve(fd, number); });
    }
  }
};

raw_server::raw_server(std::function<void(raw_socket&, int)> script,
                       const char* address, std::uint16_t port)
    : state_(std::make_shared<state>()), port_(port) {
  state_->script = std::move(script);
  state_->listener = listen_at(address, port_);
  acceptor_ = std::thread{[this] { state_->accept_all(); }};
}

raw_server::~raw_server() {
  ::shutdown(state_->listener, SHUT_RDWR);
  acceptor_.join();
  ::close(state_->listener);
  {
    std::lock_guard lock{state_->mutex};
    for (int fd : state_->open)
      ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& thread : state_->threads)
    thread.join();
}

int raw_server::connections() const noexcept {
  return state_->accepted;
}

} // namespace shannon::test
