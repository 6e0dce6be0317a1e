#include "tests/bench/load_client.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdexcept>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace shannon::bench {

namespace {

using steady = std::chrono::steady_clock;

struct connection {
  int socket = -1;
  std::string in;
  steady::time_point sent;
};

int open_connection(std::uint16_t port) {
  auto one = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(one, reinterpret_cast<sockaddr*>(&where), sizeof where) != 0)
    throw std::runtime_error{"cannot connect"};
  int on = 1;
  ::setsockopt(one, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return one;
}

/// Size of the first whole response in `in`; 0 while it is incomplete.
std::size_t whole_response(const std::string& in) {
  auto end = in.find("\r\n\r\n");
  if (end == std::string::npos)
    return 0;
  auto at = in.find("Content-Length: ");
  if (at == std::string::npos || at > end)
    throw std::runtime_error{"response without length"};
  auto size = end + 4 + std::strtoul(in.c_str() + at + 16, nullptr, 10);
  return in.size() >= size ? size : 0;
}

void send_request(connection& one, const std::string& request) {
  one.sent = steady::now();
  if (::send(one.socket, request.data(), request.size(), MSG_NOSIGNAL)
      != static_cast<ssize_t>(request.size()))
    throw std::runtime_error{"cannot send"};
}

double quantile(std::vector<double>& all, double share) {
  if (all.empty())
    return 0;
  auto at = all.begin()
            + static_cast<std::ptrdiff_t>(
                share * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), at, all.end());
  return *at;
}

} // namespace

load_result run_load(std::uint16_t port, const std::string& request,
                     int expected_status, int connections,
                     std::chrono::milliseconds time) {
  auto poll = ::epoll_create1(EPOLL_CLOEXEC);
  std::vector<connection> all(static_cast<std::size_t>(connections));
  for (auto& one : all) {
    one.socket = open_connection(port);
    epoll_event what{};
    what.events = EPOLLIN;
    what.data.ptr = &one;
    ::epoll_ctl(poll, EPOLL_CTL_ADD, one.socket, &what);
  }
  load_result result;
  std::vector<double> took;
  auto begun = steady::now();
  auto until = begun + time;
  for (auto& one : all)
    send_request(one, request);
  std::vector<epoll_event> ready(all.size());
  char bytes[16 * 1024];
  while (steady::now() < until) {
    auto count
        = ::epoll_wait(poll, ready.data(), static_cast<int>(ready.size()), 100);
    for (int i = 0; i < count; ++i) {
      auto& one = *static_cast<connection*>(
          ready[static_cast<std::size_t>(i)].data.ptr);
      auto size = ::recv(one.socket, bytes, sizeof bytes, 0);
      if (size <= 0)
        throw std::runtime_error{"server closed a connection"};
      one.in.append(bytes, static_cast<std::size_t>(size));
      auto whole = whole_response(one.in);
      if (whole == 0)
        continue;
      ++result.requests;
      if (std::atoi(one.in.c_str() + 9) != expected_status)
        ++result.errors;
      took.push_back(
          std::chrono::duration<double, std::micro>(steady::now() - one.sent)
              .count());
      one.in.erase(0, whole);
      send_request(one, request);
    }
  }
  result.seconds = std::chrono::duration<double>(steady::now() - begun).count();
  for (auto& one : all)
    ::close(one.socket);
  ::close(poll);
  result.p50_us = quantile(took, 0.5);
  result.p99_us = quantile(took, 0.99);
  return result;
}

} // namespace shannon::bench
