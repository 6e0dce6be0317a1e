#include "tests/browser/proxy_fixture.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <sys/socket.h>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

std::string get(const std::string& where) {
  return "GET http://" + where + "/ HTTP/1.1\r\nHost: x\r\n\r\n";
}

/// Sends as much as is taken, and says how much that was.
void flood(raw_socket& one, std::atomic<std::size_t>& sent) {
  one.read_until("\r\n\r\n");
  one.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
  std::string block(64 * 1024, 'x');
  while (auto n = one.send_until_stalled(block, 500)) {
    sent += n;
    if (n < block.size())
      break;
  }
  one.ends_within(5'000);
}

} // namespace

TEST_CASE_METHOD(proxy_fixture, "a slow reader slows down who writes to it") {
  std::atomic<std::size_t> sent{0};
  raw_server server{[&](raw_socket& one, int) { flood(one, sent); }};
  auto where = allow("site.example", server);
  start();
  auto one = browser(16 * 1024);
  one.send(get(where));
  one.read_until("\r\n\r\n");
  // The writer stalls once the kernel's buffers are full; with a proxy that
  // reads on, all of the 1 GB would have gone by.
  CHECK(eventually([&] {
    auto before = sent.load();
    std::this_thread::sleep_for(600ms);
    return before > 0 && sent == before;
  }));
  CHECK(sent < 40'000'000);
  CHECK(proxy->counters().bytes_down < 40'000'000);
  auto before = sent.load();
  one.read_exactly(before / 2);
  one.close();
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "a slow server slows down who writes to it") {
  std::atomic<bool> go_on{false};
  raw_server server{[&](raw_socket& one, int) {
    while (!go_on)
      std::this_thread::sleep_for(1ms);
    one.skip_to_end();
  }};
  auto where = allow("site.example", server);
  start();
  auto one = browser();
  one.send("POST http://" + where
           + "/ HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000000\r\n\r\n");
  auto taken = one.send_until_stalled(std::string(100'000'000, 'x'), 300);
  CHECK(taken < 60'000'000);
  go_on = true;
  CHECK(one.send_until_stalled(std::string(60'000'000, 'x'), 5'000)
        == 60'000'000);
  one.close();
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "more connections than allowed wait") {
  rules.limits.connections_max = 2;
  raw_server server{[](raw_socket& one, int) { one.read_to_end(); }};
  auto where = allow("site.example", server);
  start();
  auto first = browser();
  first.send("CONNECT " + where + " HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_FALSE(first.read_until("\r\n\r\n").empty());
  auto second = browser();
  second.send("CONNECT " + where + " HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_FALSE(second.read_until("\r\n\r\n").empty());
  auto third = browser();
  third.send("CONNECT " + where + " HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK_FALSE(third.ends_within(300));
  CHECK(proxy->counters().connections == 2);
  CHECK(eventually([&] { return server.connections() == 2; }));
  first.close();
  CHECK(third.read_until("\r\n\r\n").find("HTTP/1.1 200 ") == 0);
  CHECK(eventually([&] { return server.connections() == 3; }));
}

TEST_CASE_METHOD(proxy_fixture, "a session ends with its last byte") {
  rules.limits.bytes_max = 1'000'000;
  std::atomic<std::size_t> sent{0};
  raw_server server{[&](raw_socket& one, int) { flood(one, sent); }};
  auto where = allow("site.example", server);
  start();
  auto idle = browser();
  auto one = browser();
  one.send(get(where));
  // One buffer at most is under way when the limit is met.
  CHECK(one.skip_to_end() < 1'200'000);
  CHECK(idle.ends_within(1'000));
  auto got = ask(get(where));
  CHECK(got.find("HTTP/1.1 403 ") == 0);
  CHECK(got.find("has used all the bytes") != std::string::npos);
  CHECK(proxy->counters().refusals.front().why.find("1000000 bytes")
        != std::string::npos);
}

TEST_CASE_METHOD(proxy_fixture, "no wait is without an end") {
  rules.limits.head_timeout = 200ms;
  rules.limits.idle_timeout = 400ms;
  raw_server silent{[](raw_socket& one, int) { one.read_to_end(); }};
  auto where = allow("site.example", silent);
  start();
  auto ends_after = [&](const std::string& bytes) {
    auto begun = steady_clock::now();
    auto one = browser();
    one.send(bytes);
    CHECK(one.ends_within(5'000));
    return steady_clock::now() - begun;
  };
  // Half a head, nothing at all, no answer.
  CHECK(ends_after("GET http://") < 390ms);
  CHECK(ends_after("") >= 390ms);
  CHECK(ends_after(get(where)) >= 390ms);
  {
    // Drop by drop is no progress of a head.
    auto one = browser();
    auto begun = steady_clock::now();
    while (steady_clock::now() - begun < 3s && !one.ends_within(50))
      one.send("x");
    CHECK(steady_clock::now() - begun < 1s);
  }
  auto tunnel = browser();
  tunnel.send("CONNECT " + where + " HTTP/1.1\r\nHost: x\r\n\r\n");
  tunnel.read_until("\r\n\r\n");
  auto begun = steady_clock::now();
  for (int i = 0; i < 6; ++i) {
    std::this_thread::sleep_for(100ms);
    CHECK(tunnel.send("x"));
  }
  CHECK(tunnel.ends_within(5'000));
  CHECK(steady_clock::now() - begun >= 900ms);
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "a host that does not answer is a 504") {
  rules.limits.connect_timeout = 300ms;
  // Full backlogs take no more: the third and later wait for ever.
  std::uint16_t port_of_it = 0;
  int listener = listen_at("127.0.0.1", port_of_it);
  REQUIRE(::listen(listener, 0) == 0);
  std::vector<raw_socket> crowd;
  crowd.push_back(raw_socket::to(port_of_it));
  auto where = "full.example:" + std::to_string(port_of_it);
  exceptions.push_back(where);
  names["full.example"] = {"127.0.0.1"};
  start();
  auto begun = steady_clock::now();
  auto got = ask(get(where));
  CHECK(got.find("HTTP/1.1 504 Gateway Timeout\r\n") == 0);
  CHECK(steady_clock::now() - begun < 2s);
  // Who gives up while a host is looked up or connected to takes it along.
  during_lookup = [] { std::this_thread::sleep_for(200ms); };
  rules.limits.names_kept = 0ms;
  start();
  auto one = browser();
  one.send(get(where));
  CHECK(eventually([&] { return lookups() == 2; }));
  one.close();
  CHECK(all_ended());
  raw_socket{listener}.close();
}

TEST_CASE_METHOD(proxy_fixture, "large heads are refused") {
  rules.limits.head_bytes_max = 10'000;
  start();
  auto got = ask("GET http://x.example/" + std::string(20'000, 'x'));
  CHECK(got.find("HTTP/1.1 431 ") == 0);
}

TEST_CASE_METHOD(proxy_fixture, "the last refusals are kept, and no more") {
  rules.limits.refusals_kept = 3;
  start();
  for (int i = 1; i <= 5; ++i)
    ask(get("10.0.0." + std::to_string(i)));
  auto sums = proxy->counters();
  CHECK(sums.refused == 5);
  REQUIRE(sums.refusals.size() == 3);
  CHECK(sums.refusals.front().host == "10.0.0.3");
  CHECK(sums.refusals.back().host == "10.0.0.5");
}

TEST_CASE_METHOD(proxy_fixture, "closing a proxy ends all that it carried") {
  std::atomic<int> ended{0};
  raw_server server{[&](raw_socket& one, int) {
    one.read_to_end();
    ++ended;
  }};
  auto where = allow("site.example", server);
  start();
  std::vector<raw_socket> all;
  for (int i = 0; i < 20; ++i) {
    all.push_back(browser());
    all.back().send("CONNECT " + where + " HTTP/1.1\r\nHost: x\r\n\r\n");
    all.back().read_until("\r\n\r\n");
  }
  proxy->close();
  for (auto& one : all)
    CHECK(one.ends_within(1'000));
  CHECK(eventually([&] { return ended == 20; }));
  CHECK(proxy->counters().connections == 0);
  CHECK(browser().fd() == -1);
  proxy->close();
}

TEST_CASE_METHOD(
    proxy_fixture,
    "a listener that serves a second session brings nothing along") {
  raw_server server{[](raw_socket& one, int) { one.read_to_end(); }};
  auto where = allow("site.example", server);
  std::uint16_t before = 0;
  int listener = listen_at("127.0.0.1", before);
  auto leftover = raw_socket::to(before);
  leftover.send(get(where));
  leftover.shutdown_send();
  start(listener);
  CHECK(leftover.read_to_end().empty());
  auto one = browser();
  one.send("CONNECT " + where + " HTTP/1.1\r\nHost: x\r\n\r\n");
  CHECK(one.read_until("\r\n\r\n").find("HTTP/1.1 200 ") == 0);
  CHECK(proxy->counters().requests == 1);
  CHECK(proxy->counters().connections_total == 1);
}

TEST_CASE_METHOD(proxy_fixture, "a proxy needs a listening socket") {
  auto names_of = std::make_shared<kit::resolver>(loop.context(),
                                                  kit::egress_policy{{}}, 5s);
  int plain = ::socket(AF_INET, SOCK_STREAM, 0);
  for (int fd : {plain, -1}) {
    auto got = browser::egress_proxy::start(loop.context(), names_of, {}, fd);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::failed);
  }
}
