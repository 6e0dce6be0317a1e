#include "tests/kit/http_peer.hpp"

#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>

namespace shannon::test {

std::string http_peer::session::read_request() {
  for (;;) {
    if (auto end = rest_.find("\r\n\r\n"); end != std::string::npos) {
      auto size = end + 4;
      if (auto at = rest_.find("Content-Length: "); at < end)
        size += std::strtoul(rest_.c_str() + at + 16, nullptr, 10);
      if (rest_.size() >= size) {
        auto request = rest_.substr(0, size);
        rest_.erase(0, size);
        return request;
      }
    }
    char buffer[4096];
    auto n = ::recv(fd_, buffer, sizeof(buffer), 0);
    if (n <= 0)
      return {};
    rest_.append(buffer, static_cast<std::size_t>(n));
  }
}

void http_peer::session::write(std::string_view bytes) {
  while (!bytes.empty()) {
    auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (n <= 0)
      return;
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
}

bool http_peer::session::wait_for_close(int seconds) {
  pollfd what{fd_, POLLIN, 0};
  char byte = 0;
  return ::poll(&what, 1, seconds * 1000) == 1 && ::recv(fd_, &byte, 1, 0) <= 0;
}

void http_peer::session::reset() {
  linger hard{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
}

http_peer::http_peer(std::function<void(session&)> script)
    : script_(std::move(script)) {
  listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(where);
  auto* raw = reinterpret_cast<sockaddr*>(&where);
  if (::bind(listener_, raw, size) != 0 || ::listen(listener_, 64) != 0
      || ::getsockname(listener_, raw, &size) != 0)
    throw std::runtime_error{"http_peer cannot listen"};
  port_ = ntohs(where.sin_port);
  acceptor_ = std::thread{[this] { accept_all(); }};
}

http_peer::~http_peer() {
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  ::close(listener_);
  {
    std::lock_guard guard{mutex_};
    for (int fd : open_)
      ::shutdown(fd, SHUT_RDWR);
  }
  for (auto& one : sessions_)
    one.join();
}

void http_peer::accept_all() {
  for (;;) {
    int fd = ::accept(listener_, nullptr, nullptr);
    if (fd < 0)
      return;
    std::lock_guard guard{mutex_};
    open_.push_back(fd);
    sessions_.emplace_back([this, fd, number = ++accepted_] {
      session one{fd, number};
      script_(one);
      std::lock_guard closing{mutex_};
      std::erase(open_, fd);
      ::close(fd);
    });
  }
}

} // namespace shannon::test
