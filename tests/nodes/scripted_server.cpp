#include "tests/nodes/scripted_server.hpp"

#include "tests/kit/loopback_listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace shannon::test {

scripted_server::scripted_server(std::vector<std::string> answers)
    : answers_(std::move(answers)) {
  listener_ = listen_on_loopback(port_);
  thread_ = std::thread{[this] { serve(); }};
}

scripted_server::~scripted_server() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
  for (int socket : silent_)
    ::close(socket);
}

std::vector<std::string> scripted_server::requests() const {
  std::lock_guard guard{mutex_};
  return requests_;
}

void scripted_server::serve() {
  for (std::size_t next = 0;; ++next) {
    int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0)
      return;
    auto answer = next < answers_.size() ? answers_[next] : std::string{};
    std::string head;
    char buffer[4096];
    while (head.find("\r\n\r\n") == std::string::npos) {
      auto count = ::recv(socket, buffer, sizeof buffer, 0);
      if (count <= 0)
        break;
      head.append(buffer, static_cast<std::size_t>(count));
    }
    {
      std::lock_guard guard{mutex_};
      requests_.push_back(head);
    }
    if (answer == silence) {
      silent_.push_back(socket);
      continue;
    }
    ::send(socket, answer.data(), answer.size(), MSG_NOSIGNAL);
    ::shutdown(socket, SHUT_WR);
    // Closing with unread bytes would reset the connection under the answer.
    while (::recv(socket, buffer, sizeof buffer, 0) > 0) {
    }
    ::close(socket);
  }
}

} // namespace shannon::test
