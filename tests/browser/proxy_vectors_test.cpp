#include "actors/kit/egress/egress.hpp"
#include "tests/browser/egress_vectors.hpp"
#include "tests/browser/proxy_fixture.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <string>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

/// What none of them may reach, on every address of this machine, beside a
/// site that is an exception.
struct vectors_fixture : proxy_fixture {
  raw_server secret{[](raw_socket& one, int) { one.send("secret"); },
                    all_addresses};
  egress_vectors table = read_egress_vectors(secret.port());

  vectors_fixture() {
    names = table.names;
    rules.limits.refusals_kept = 1'000;
  }

  void check_refused(const std::string& bytes) {
    auto got = ask(bytes);
    CHECK(got.find("HTTP/1.1 ") == 0);
    CHECK(got.find("\r\nX-Shannon-Egress: refused; ") != std::string::npos);
    CHECK(got.find("secret") == std::string::npos);
  }

  /// What a browser would name in CONNECT.
  static std::string authority(const std::string& url) {
    auto begin = url.find("//");
    begin = begin == std::string::npos ? url.find(':') + 1 : begin + 2;
    return url.substr(begin, url.find_first_of("/?#", begin) - begin);
  }
};

} // namespace

TEST_CASE_METHOD(vectors_fixture, "the table has what it is said to have") {
  CHECK(table.all.size() >= 200);
  CHECK(table.names.size() >= 25);
  // The listener is there: a test that could not fail would prove nothing.
  auto direct = raw_socket::to(secret.port());
  CHECK(direct.read_to_end() == "secret");
  CHECK(secret.connections() == 1);
}

TEST_CASE_METHOD(vectors_fixture, "no URL of the table gets past the proxy") {
  start();
  for (const auto& one : table.all) {
    INFO(one.kind << ' ' << one.url);
    check_refused("GET " + one.url + " HTTP/1.1\r\nHost: x.example\r\n\r\n");
    check_refused("POST " + one.url
                  + " HTTP/1.1\r\nHost: x.example\r\nContent-Length: 4\r\n"
                    "\r\nbody");
  }
  CHECK(secret.connections() == 0);
  CHECK(proxy->counters().refused == 2 * table.all.size());
}

TEST_CASE_METHOD(vectors_fixture, "no tunnel to a host of the table is made") {
  start();
  for (const auto& one : table.all) {
    INFO(one.kind << ' ' << one.url);
    auto where = authority(one.url);
    for (const auto& target : {where, where + ":443", where + ":80"})
      check_refused("CONNECT " + target
                    + " HTTP/1.1\r\nHost: x.example\r\n\r\n");
  }
  CHECK(secret.connections() == 0);
}

TEST_CASE_METHOD(vectors_fixture, "the Host field leads nowhere else") {
  raw_server site{[](raw_socket& one, int) {
    one.send("HTTP/1.1 200 OK\r\n\r\n" + one.read_message());
  }};
  auto where = allow("site.example", site);
  start();
  for (const auto& one : table.all) {
    if (one.kind == "syntax" || one.kind == "scheme")
      continue;
    INFO(one.url);
    auto got = ask("GET http://" + where + "/ HTTP/1.1\r\nHost: "
                   + authority(one.url) + "\r\nConnection: close\r\n\r\n");
    CHECK(got.find("Host: " + where + "\r\n") != std::string::npos);
  }
  CHECK(secret.connections() == 0);
}

TEST_CASE_METHOD(vectors_fixture, "no tool fetches a URL of the table") {
  kit::egress_options options;
  options.lookup = table.lookup();
  options.timeout = 5s;
  kit::egress out{loop.context(), options};
  for (const auto& one : table.all) {
    INFO(one.kind << ' ' << one.url);
    auto promise = std::make_shared<std::promise<result<kit::fetched>>>();
    auto future = promise->get_future();
    auto call = out.get(one.url, [promise](result<kit::fetched> got) {
      promise->set_value(std::move(got));
    });
    REQUIRE(future.wait_for(10s) == std::future_status::ready);
    auto got = future.get();
    REQUIRE_FALSE(got);
    CHECK((got.error().code == errc::denied
           || got.error().code == errc::invalid_argument
           || (got.error().code == errc::unavailable
               && one.url.find("empty.example") != std::string::npos)));
  }
  CHECK(secret.connections() == 0);
}

TEST_CASE_METHOD(vectors_fixture, "no redirect leads a tool to the table") {
  std::string location;
  int status = 301;
  raw_server site{[&](raw_socket& one, int) {
    one.read_message();
    one.send("HTTP/1.1 " + std::to_string(status)
             + " x\r\nContent-Length: 0\r\nLocation: " + location + "\r\n\r\n");
  }};
  auto where = allow("site.example", site);
  kit::egress_options options;
  options.allow = exceptions;
  options.timeout = 5s;
  options.lookup = [this](const std::string& host,
                          std::uint16_t to) -> result<kit::endpoints> {
    kit::endpoints found;
    if (auto at = names.find(host); at != names.end())
      for (const auto& text : at->second)
        found.emplace_back(boost::asio::ip::make_address(text), to);
    return found;
  };
  kit::egress out{loop.context(), options};
  int number = 0;
  for (const auto& one : table.all) {
    // A header cannot hold these, and a relative path means the site itself.
    if (one.url.find_first_of(std::string{"\r\n\0", 3}) != std::string::npos
        || one.url.find("//") == std::string::npos
        || one.url.find("http:///") == 0)
      continue;
    location = one.url;
    status = std::vector{301, 302, 303, 307, 308}[number++ % 5];
    INFO(status << ' ' << one.url);
    auto promise = std::make_shared<std::promise<result<kit::fetched>>>();
    auto future = promise->get_future();
    auto call
        = out.get("http://" + where + "/", [promise](result<kit::fetched> got) {
            promise->set_value(std::move(got));
          });
    REQUIRE(future.wait_for(10s) == std::future_status::ready);
    CHECK_FALSE(future.get());
  }
  CHECK(number > 180);
  CHECK(secret.connections() == 0);
}
