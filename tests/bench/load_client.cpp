#include "tests/bench/load_client.hpp"

#include "tests/bench/quantile.hpp"

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <cstdlib>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace shannon::bench {

namespace {

using steady = std::chrono::steady_clock;

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view length_field = "Content-Length: ";

/// A lost server is looked for, and idle clients are asked, this often.
constexpr int pause_ms = 2;

struct framed {
  std::size_t head = 0;
  std::size_t whole = 0;
};

/// The first response in `in`; none while it is incomplete.
std::optional<framed> first_response(std::string_view in) {
  auto end = in.find(head_end);
  if (end == std::string_view::npos)
    return {};
  framed found{end + head_end.size(), end + head_end.size()};
  auto at = in.find(length_field);
  if (at < end)
    found.whole
        += std::strtoul(in.data() + at + length_field.size(), nullptr, 10);
  if (in.size() < found.whole)
    return {};
  return found;
}

} // namespace

struct load_client::connection {
  int socket = -1;
  bool asked = false; ///< A request is under way or waits for a connection.
  bool sent = false;
  load_request request;
  std::string in;
  steady::time_point since;
};

load_client::load_client(std::uint16_t port, int connections)
    : port_(port), poll_(::epoll_create1(EPOLL_CLOEXEC)),
      all_(static_cast<std::size_t>(connections)) {}

load_client::~load_client() {
  for (auto& one : all_)
    drop(one);
  ::close(poll_);
}

bool load_client::run(const load_work& work,
                      std::chrono::steady_clock::time_point until) {
  std::vector<epoll_event> ready(all_.size());
  for (;;) {
    bool busy = false;
    bool waiting = false;
    for (auto& one : all_) {
      if (!one.asked && !ask_next(one, work))
        continue;
      busy = true;
      if (!one.sent)
        send(one, work);
      waiting = waiting || !one.sent;
    }
    if (!busy)
      return true;
    // While all are under way there is nothing to look after in between.
    auto idle = waiting
                || !std::all_of(all_.begin(), all_.end(),
                                [](const auto& one) { return one.asked; });
    do {
      auto now = steady::now();
      if (now >= until)
        return false;
      auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
      auto count = ::epoll_wait(
          poll_, ready.data(), static_cast<int>(ready.size()),
          idle ? pause_ms
               : static_cast<int>(std::min<long>(left.count(), 100)));
      for (int i = 0; i < count; ++i) {
        auto& one = *static_cast<connection*>(
            ready[static_cast<std::size_t>(i)].data.ptr);
        receive(one, work);
        if (!one.asked && ask_next(one, work))
          send(one, work);
        idle = idle || !one.asked || !one.sent;
      }
    } while (!idle);
  }
}

bool load_client::ask_next(connection& one, const load_work& work) {
  auto wanted = work.next();
  if (!wanted)
    return false;
  one.request = std::move(*wanted);
  one.asked = true;
  one.sent = false;
  return true;
}

bool load_client::connect(connection& one) {
  one.socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port_);
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(one.socket, reinterpret_cast<sockaddr*>(&where), sizeof where)
      != 0) {
    drop(one);
    return false;
  }
  int on = 1;
  ::setsockopt(one.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  epoll_event what{};
  what.events = EPOLLIN;
  what.data.ptr = &one;
  ::epoll_ctl(poll_, EPOLL_CTL_ADD, one.socket, &what);
  return true;
}

void load_client::send(connection& one, const load_work& work) {
  if (one.socket < 0 && !connect(one))
    return;
  one.since = steady::now();
  one.sent = true;
  const auto& bytes = one.request.bytes;
  if (::send(one.socket, bytes.data(), bytes.size(), MSG_NOSIGNAL)
      != static_cast<ssize_t>(bytes.size()))
    lose(one, work);
}

void load_client::receive(connection& one, const load_work& work) {
  char bytes[16 * 1024];
  auto size = ::recv(one.socket, bytes, sizeof bytes, 0);
  if (size < 0 && errno == EINTR)
    return;
  if (size <= 0)
    return lose(one, work);
  one.in.append(bytes, static_cast<std::size_t>(size));
  auto found = first_response(one.in);
  if (!found)
    return;
  http_reply reply;
  reply.took_us
      = std::chrono::duration<double, std::micro>(steady::now() - one.since)
            .count();
  std::string_view text = one.in;
  reply.status
      = std::atoi(one.in.c_str() + std::string_view{"HTTP/1.1 "}.size());
  reply.body = text.substr(found->head, found->whole - found->head);
  auto closes = text.substr(0, found->head).find("Connection: close")
                != std::string_view::npos;
  one.asked = false;
  work.answered(one.request, reply);
  one.in.erase(0, found->whole);
  if (closes)
    drop(one);
}

void load_client::lose(connection& one, const load_work& work) {
  auto told = one.asked && one.sent;
  drop(one);
  one.asked = false;
  if (told)
    work.answered(one.request, {});
}

void load_client::drop(connection& one) {
  if (one.socket >= 0)
    ::close(one.socket);
  one.socket = -1;
  one.in.clear();
}

std::string post_request(std::string_view path) {
  return "POST " + std::string{path}
         + " HTTP/1.1\r\nHost: bench\r\nContent-Length: 0\r\n\r\n";
}

load_result run_load(std::uint16_t port, const std::string& request,
                     int expected_status, int connections,
                     std::chrono::milliseconds time) {
  load_result result;
  std::vector<double> took;
  load_client clients{port, connections};
  load_work work;
  work.next = [&] { return load_request{request}; };
  work.answered = [&](const load_request&, const http_reply& reply) {
    ++result.requests;
    result.errors += reply.status != expected_status;
    took.push_back(reply.took_us);
  };
  auto begun = steady::now();
  clients.run(work, begun + time);
  result.seconds = std::chrono::duration<double>(steady::now() - begun).count();
  result.p50_us = quantile(took, 0.5);
  result.p99_us = quantile(took, 0.99);
  return result;
}

} // namespace shannon::bench
