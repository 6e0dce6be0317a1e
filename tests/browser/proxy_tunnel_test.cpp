#include "tests/browser/proxy_fixture.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>
#include <sys/socket.h>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

std::string connect_to(const std::string& where) {
  return "CONNECT " + where + " HTTP/1.1\r\nHost: " + where + "\r\n\r\n";
}

const std::string established = "HTTP/1.1 200 Connection established\r\n\r\n";

} // namespace

TEST_CASE_METHOD(proxy_fixture, "a tunnel carries any bytes both ways") {
  raw_server server{[](raw_socket& one, int) {
    one.send("server first");
    one.send(one.read_exactly(5'000'000));
    one.send(one.read_to_end());
  }};
  auto where = allow("site.example", server);
  start();
  auto one = browser();
  // What is sent ahead of the answer is part of it.
  one.send(connect_to(where) + std::string{"a\0\r\n\r\n", 6});
  REQUIRE(one.read_exactly(established.size()) == established);
  CHECK(one.read_exactly(12) == "server first");
  std::string bytes(5'000'000 - 6, 'y');
  one.send(bytes);
  CHECK(one.read_exactly(6) == std::string("a\0\r\n\r\n", 6));
  CHECK(one.read_exactly(bytes.size()) == bytes);
  one.send("tail");
  one.shutdown_send();
  CHECK(one.read_to_end() == "tail");
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture,
                 "who will send no more can still listen, for a while") {
  rules.limits.half_closed_timeout = 300ms;
  raw_server server{[](raw_socket& one, int number) {
    one.read_to_end();
    if (number == 1)
      for (int i = 0; i < 6; ++i) {
        // Slower than the limit in all, not in each step.
        std::this_thread::sleep_for(100ms);
        one.send("x");
      }
    else
      one.ends_within(5'000);
  }};
  auto where = allow("site.example", server);
  start();
  auto one = browser();
  one.send(connect_to(where));
  one.read_exactly(established.size());
  one.shutdown_send();
  CHECK(one.read_to_end() == "xxxxxx");
  auto two = browser();
  two.send(connect_to(where));
  two.read_exactly(established.size());
  two.shutdown_send();
  CHECK(two.ends_within(3'000));
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "a tunnel's end is both sides' end") {
  std::atomic<int> ended{0};
  raw_server server{[&](raw_socket& one, int number) {
    one.send("x");
    if (number % 2 == 0)
      return;
    ended += one.ends_within(5'000) ? 1 : 0;
  }};
  auto where = allow("site.example", server);
  start();
  for (int i = 1; i <= 4; ++i) {
    auto one = browser();
    one.send(connect_to(where));
    CHECK(one.read_exactly(established.size() + 1) == established + "x");
    if (i % 2 == 0)
      CHECK(one.ends_within(2'000));
    else
      one.reset();
  }
  CHECK(eventually([&] { return ended == 2; }));
  CHECK(all_ended());
}

TEST_CASE_METHOD(proxy_fixture, "a tunnel that is refused says why") {
  rules.deny = *browser::host_list::parse({"*.denied.example"});
  names["inside.example"] = {"10.0.0.1"};
  names["mixed.example"] = {"93.184.216.34", "127.0.0.1"};
  start();
  for (const auto& [where, status] :
       std::vector<std::pair<std::string, std::string>>{
           {"127.0.0.1:443", "403"},
           {"localhost:443", "403"},
           {"inside.example:443", "403"},
           {"mixed.example:443", "403"},
           {"a.denied.example:443", "403"},
           {"8.8.8.8:22", "403"},
           {"nobody.example:443", "502"},
           {"127.1:443", "400"}}) {
    INFO(where);
    auto got = ask(connect_to(where));
    CHECK(got.find("HTTP/1.1 " + status + " ") == 0);
    CHECK(got.find("\r\nX-Shannon-Egress: refused; ") != std::string::npos);
    CHECK(got.find("10.0.0.1") == std::string::npos);
  }
  auto sums = proxy->counters();
  CHECK(sums.refused == 8);
  REQUIRE(sums.refusals.size() == 8);
  CHECK(sums.refusals[2].host == "inside.example");
  CHECK(sums.refusals[2].port == 443);
  CHECK(sums.refusals[2].why.find("not public") != std::string::npos);
}

TEST_CASE_METHOD(proxy_fixture,
                 "each address of a name is tried, and no other") {
  raw_server server{[](raw_socket& one, int) { one.send("here"); }};
  auto where = allow("site.example", server);
  names["site.example"] = {"127.0.0.9", "127.0.0.1"};
  start();
  auto one = browser();
  one.send(connect_to(where));
  CHECK(one.read_exactly(established.size() + 4) == established + "here");
  names["site.example"] = {"127.0.0.9"};
  rules.limits.names_kept = 0ms;
  start();
  CHECK(ask(connect_to(where)).find("HTTP/1.1 502 ") == 0);
  // An answer that changes between check and connect has no second chance.
  CHECK(lookups() == 2);
}

TEST_CASE_METHOD(
    proxy_fixture,
    "an address that says nothing holds up the next for a moment") {
  raw_server server{[](raw_socket& one, int) { one.send("here"); }};
  auto where = allow("site.example", server);
  // Full backlogs take no more: who connects waits for ever.
  auto port_of_both = server.port();
  raw_socket silent{listen_at("127.0.0.2", port_of_both)};
  REQUIRE(::listen(silent.fd(), 0) == 0);
  auto crowd = raw_socket::to(port_of_both, 0, "127.0.0.2");
  names["site.example"] = {"127.0.0.2", "127.0.0.1"};
  start();
  auto begun = std::chrono::steady_clock::now();
  auto one = browser();
  one.send(connect_to(where));
  CHECK(one.read_exactly(established.size() + 4) == established + "here");
  auto took = std::chrono::steady_clock::now() - begun;
  CHECK(took >= 200ms);
  CHECK(took < 2s);
  CHECK(lookups() == 1);
}
