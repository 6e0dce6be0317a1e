#include "tests/identity/google_stub.hpp"

#include "tests/kit/loopback_listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

namespace shannon::test {

google_stub::google_stub() {
  listener_ = listen_on_loopback(port_);
  thread_ = std::thread{[this] { serve(); }};
}

google_stub::~google_stub() {
  ::shutdown(listener_, SHUT_RDWR);
  thread_.join();
  ::close(listener_);
}

void google_stub::set(const std::string& path, answer what) {
  std::lock_guard guard{mutex_};
  answers_[path] = std::move(what);
}

std::vector<google_stub::seen>
google_stub::requests(const std::string& path) const {
  std::lock_guard guard{mutex_};
  std::vector<seen> out;
  for (const auto& one : seen_)
    if (one.path == path)
      out.push_back(one);
  return out;
}

void google_stub::serve() {
  for (;;) {
    int socket = ::accept(listener_, nullptr, nullptr);
    if (socket < 0)
      return;
    serve_one(socket);
    ::shutdown(socket, SHUT_WR);
    char rest[4'096];
    while (::recv(socket, rest, sizeof rest, 0) > 0) {
    }
    ::close(socket);
  }
}

void google_stub::serve_one(int socket) {
  std::string text;
  std::size_t head = std::string::npos;
  std::size_t size = 0;
  while (head == std::string::npos || text.size() < head + size) {
    char buffer[4'096];
    auto count = ::recv(socket, buffer, sizeof buffer, 0);
    if (count <= 0)
      return;
    text.append(buffer, static_cast<std::size_t>(count));
    auto end = text.find("\r\n\r\n");
    if (head != std::string::npos || end == std::string::npos)
      continue;
    head = end + 4;
    auto at = text.find("Content-Length: ");
    if (at < head)
      size = std::stoul(text.substr(at + 16));
  }
  auto from = text.find(' ') + 1;
  seen one{text.substr(from, text.find(' ', from) - from), text.substr(0, head),
           text.substr(head)};
  answer what{404, "nothing here", {}};
  {
    std::lock_guard guard{mutex_};
    if (auto known = answers_.find(one.path); known != answers_.end())
      what = known->second;
    seen_.push_back(std::move(one));
  }
  auto bytes = "HTTP/1.1 " + std::to_string(what.status)
               + " X\r\nConnection: close\r\nContent-Length: "
               + std::to_string(what.body.size()) + "\r\n" + what.fields
               + "\r\n" + what.body;
  ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

} // namespace shannon::test
