// What it costs to go by the proxy: the same exchanges with a server over the
// loopback, directly and through it. Server, browser and proxy are in this one
// process. Prints a table.

#include "actors/browser/egress/egress_proxy.hpp"
#include "actors/kit/io_loop.hpp"
#include "tests/browser/raw_socket.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

constexpr std::size_t large = 1'000'000'000;

double microseconds(steady_clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

/// `/N` is a body of N bytes.
void serve(raw_socket& one, int) {
  const std::string block(256 * 1024, 'x');
  for (auto head = one.read_message(); !head.empty();
       head = one.read_message()) {
    auto begin = head.find(' ') + 1;
    auto path = head.substr(begin, head.find(' ', begin) - begin);
    auto size = std::strtoull(path.c_str() + path.rfind('/') + 1, nullptr, 10);
    auto answer = "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size)
                  + "\r\n\r\n";
    auto first = std::min<std::size_t>(size, block.size());
    one.send(answer + block.substr(0, first));
    for (auto left = size - first; left > 0;) {
      auto next = std::min<std::size_t>(left, block.size());
      if (!one.send({block.data(), next}))
        return;
      left -= next;
    }
  }
}

struct way {
  std::string name;
  std::uint16_t port;
  std::string prefix; ///< Of each path.
  std::string first;  ///< Said once on a new connection.
  std::string host;
};

raw_socket open(const way& by) {
  auto one = raw_socket::to(by.port);
  if (!by.first.empty()) {
    one.send(by.first);
    one.read_until("\r\n\r\n");
  }
  return one;
}

std::string request(const way& by, std::size_t bytes) {
  return "GET " + by.prefix + "/" + std::to_string(bytes)
         + " HTTP/1.1\r\nHost: " + by.host
         + "\r\nAccept: */*\r\nAccept-Encoding: gzip\r\n"
           "User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\r\n";
}

template <class Exchange>
double median(int times, Exchange exchange) {
  std::vector<double> all;
  for (int i = 0; i < times; ++i) {
    auto begun = steady_clock::now();
    exchange();
    all.push_back(microseconds(steady_clock::now() - begun));
  }
  std::nth_element(all.begin(), all.begin() + times / 2, all.end());
  return all[static_cast<std::size_t>(times) / 2];
}

void measure(const way& by) {
  auto kept = open(by);
  auto text = request(by, 1'000);
  auto ask = [&](raw_socket& one) {
    one.send(text);
    if (one.read_message().size() < 1'000)
      std::abort();
  };
  for (int i = 0; i < 2'000; ++i)
    ask(kept);
  auto again = median(20'000, [&] { ask(kept); });
  auto fresh = median(3'000, [&] {
    auto one = open(by);
    ask(one);
  });
  auto begun = steady_clock::now();
  auto body = open(by);
  body.send(request(by, large));
  body.read_until("\r\n\r\n");
  std::size_t got = 0;
  while (got < large) {
    auto piece = body.read_some();
    if (piece == 0)
      std::abort();
    got += piece;
  }
  auto seconds = microseconds(steady_clock::now() - begun) / 1e6;
  std::printf("%-10s %14.1f %18.1f %14.2f\n", by.name.c_str(), again, fresh,
              static_cast<double>(large) / 1e9 / seconds);
}

} // namespace

int main() {
  raw_server server{serve};
  kit::io_loop loop{"proxy"};
  auto host = "site.example:" + std::to_string(server.port());
  auto names = std::make_shared<kit::resolver>(
      loop.context(), kit::egress_policy{{host}}, 5s,
      [](const std::string&, std::uint16_t port) -> result<kit::endpoints> {
        return kit::endpoints{
            {boost::asio::ip::make_address("127.0.0.1"), port}};
      });
  std::uint16_t port = 0;
  auto listener = listen_at("127.0.0.1", port);
  browser::proxy_rules rules;
  rules.limits.bytes_max = ~0ull;
  auto proxy
      = browser::egress_proxy::start(loop.context(), names, rules, listener);
  if (!proxy)
    return 1;
  std::printf("%-10s %14s %18s %14s\n", "", "1 kB, kept, us", "1 kB, new, us",
              "1 GB, GB/s");
  measure({"direct", server.port(), "", "", host});
  measure({"by URL", port, "http://" + host, "", host});
  measure({"CONNECT", port, "",
           "CONNECT " + host + " HTTP/1.1\r\nHost: " + host + "\r\n\r\n",
           host});
  proxy->reset();
  loop.stop();
}
