#include "tests/gateway/raw_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace shannon::test {

namespace {

using std::chrono::milliseconds;

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

milliseconds left(std::chrono::steady_clock::time_point until) {
  auto rest = std::chrono::duration_cast<milliseconds>(
      until - std::chrono::steady_clock::now());
  return std::max(rest, milliseconds{0});
}

} // namespace

raw_client::raw_client(std::uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  connected_
      = ::connect(socket_, reinterpret_cast<sockaddr*>(&where), sizeof where)
        == 0;
}

raw_client::~raw_client() {
  if (socket_ >= 0)
    ::close(socket_);
}

raw_client::raw_client(raw_client&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)), connected_(other.connected_),
      in_(std::move(other.in_)) {}

void raw_client::receive_little() {
  int size = 4'096;
  ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

bool raw_client::send(std::string_view bytes) {
  while (!bytes.empty()) {
    auto size = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (size <= 0)
      return false;
    bytes.remove_prefix(static_cast<std::size_t>(size));
  }
  return true;
}

void raw_client::shutdown_send() {
  ::shutdown(socket_, SHUT_WR);
}

raw_client::got raw_client::receive(milliseconds wait) {
  pollfd one{socket_, POLLIN, 0};
  if (::poll(&one, 1, static_cast<int>(wait.count())) <= 0)
    return got::nothing;
  char bytes[16 * 1024];
  auto size = ::recv(socket_, bytes, sizeof bytes, 0);
  if (size <= 0)
    return got::end;
  in_.append(bytes, static_cast<std::size_t>(size));
  return got::bytes;
}

std::optional<std::string> raw_client::read_until(std::string_view mark,
                                                  milliseconds wait) {
  auto until = std::chrono::steady_clock::now() + wait;
  for (;;) {
    if (auto at = in_.find(mark); at != std::string::npos) {
      auto text = in_.substr(0, at + mark.size());
      in_.erase(0, at + mark.size());
      return text;
    }
    if (receive(left(until)) != got::bytes)
      return std::nullopt;
  }
}

std::optional<raw_response> raw_client::response(bool has_body) {
  auto head = read_until("\r\n\r\n");
  if (!head || head->size() < 13)
    return std::nullopt;
  raw_response all;
  all.status = std::atoi(head->c_str() + 9);
  auto at = head->find("\r\n") + 2;
  while (at + 2 < head->size()) {
    auto end = head->find("\r\n", at);
    auto line = head->substr(at, end - at);
    auto colon = line.find(": ");
    all.fields[lower(line.substr(0, colon))] = line.substr(colon + 2);
    at = end + 2;
  }
  auto length = all.fields.find("content-length");
  if (!has_body || length == all.fields.end())
    return all;
  auto size = static_cast<std::size_t>(std::atoll(length->second.c_str()));
  auto until = std::chrono::steady_clock::now() + patience;
  while (in_.size() < size)
    if (receive(left(until)) != got::bytes)
      return std::nullopt;
  all.body = in_.substr(0, size);
  in_.erase(0, size);
  return all;
}

std::optional<std::string> raw_client::read_to_end(milliseconds wait) {
  auto until = std::chrono::steady_clock::now() + wait;
  for (;;)
    switch (receive(left(until))) {
    case got::bytes:
      continue;
    case got::end:
      return std::exchange(in_, {});
    case got::nothing:
      return std::nullopt;
    }
}

bool raw_client::stays_silent(milliseconds wait) {
  return in_.empty() && receive(wait) == got::nothing;
}

std::string get(std::string_view path, std::string_view more_fields) {
  return "GET " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n"
         + std::string{more_fields} + "\r\n";
}

std::string post(std::string_view path, std::string_view body,
                 std::string_view more_fields) {
  return "POST " + std::string{path} + " HTTP/1.1\r\nHost: localhost\r\n"
         + std::string{more_fields} + "Content-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + std::string{body};
}

std::string dechunk(std::string_view bytes) {
  std::string all;
  while (!bytes.empty()) {
    auto end = bytes.find("\r\n");
    auto size
        = std::strtoul(std::string{bytes.substr(0, end)}.c_str(), nullptr, 16);
    if (size == 0 || end == std::string_view::npos)
      break;
    all += bytes.substr(end + 2, size);
    bytes.remove_prefix(std::min(bytes.size(), end + 2 + size + 2));
  }
  return all;
}

} // namespace shannon::test
