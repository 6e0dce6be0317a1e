#include "tests/fuzz/wire.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <array>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shannon::fuzz {

namespace {

/// One for all inputs: a loop costs more than a connection.
boost::asio::io_context& loop() {
  static boost::asio::io_context all{1};
  return all;
}

} // namespace

wire::wire(std::function<void(gateway::exchange_ptr)> handle)
    : core_(std::make_shared<gateway::server_core>(loop(),
                                                   config::http_settings{})) {
  gateway::http_service service;
  service.handle = std::move(handle);
  core_->service
      = std::make_shared<const gateway::http_service>(std::move(service));
  std::array<int, 2> ends{};
  expect(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends.data())
             == 0,
         "there are sockets");
  socket_ = ends[0];
  gateway::tcp_socket socket{loop().get_executor()};
  socket.assign(boost::asio::ip::tcp::v4(), ends[1]);
  std::make_shared<gateway::http_connection>(core_, std::move(socket),
                                             gateway::door::api, "127.0.0.1")
      ->start();
  settle();
}

wire::~wire() {
  ::close(socket_);
  std::vector<std::shared_ptr<gateway::http_connection>> left;
  for (auto* one : core_->connections)
    left.push_back(one->shared_from_this());
  for (const auto& one : left)
    one->close();
  left.clear();
  loop().restart();
  loop().poll();
}

bool wire::send(std::string_view bytes) {
  while (open_ && !bytes.empty()) {
    auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent > 0)
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    else if (errno != EAGAIN)
      open_ = false;
    settle();
  }
  return open_;
}

void wire::settle() {
  std::array<char, 16 * 1024> some;
  for (;;) {
    loop().restart();
    loop().poll();
    auto size = ::recv(socket_, some.data(), some.size(), 0);
    if (size == 0)
      open_ = false;
    if (size <= 0)
      return;
    received_.append(some.data(), static_cast<std::size_t>(size));
  }
}

} // namespace shannon::fuzz
