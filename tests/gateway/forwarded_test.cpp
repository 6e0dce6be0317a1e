// Clients behind a proxy, over real sockets.

#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::test;

namespace {

/// The clients of these tests come from 127.0.0.1.
config::http_settings behind(const std::string& proxy) {
  auto settings = quick_settings();
  settings.dev = false;
  settings.trusted_proxies = {proxy};
  return settings;
}

/// No provider, so 400, unless it is one too many: thirty a minute may come.
int attempt(gateway_fixture& fixture, const std::string& forwarded) {
  return fixture
      .ask(post("/api/v1/auth/register", "{}",
                "X-Forwarded-For: " + forwarded + "\r\n"))
      .status;
}

/// How many of forty come through.
int attempts(gateway_fixture& fixture, const std::string& forwarded) {
  int good = 0;
  for (int i = 0; i < 40; ++i)
    good += attempt(fixture, forwarded) == 400 ? 1 : 0;
  return good;
}

int decide(gateway_fixture& fixture, const std::string& more) {
  auto client = fixture.admin_client();
  REQUIRE(client.send(post("/approvals/decision", "{}", more)));
  auto answer = client.response();
  REQUIRE(answer);
  return answer->status;
}

} // namespace

TEST_CASE("each client behind a trusted proxy has buckets of its own") {
  gateway_fixture fixture{behind("127.0.0.0/8")};
  // One comes back each two seconds.
  auto first = attempts(fixture, "203.0.113.1");
  CHECK(first >= 30);
  CHECK(first < 40);
  CHECK(attempt(fixture, "203.0.113.2") == 400);
  // What a client claims does not change who it is.
  CHECK(attempt(fixture, "203.0.113.3, 203.0.113.1") == 429);
}

TEST_CASE("nobody but a trusted proxy has another address by its header") {
  gateway_fixture fixture{behind("127.0.0.2")};
  CHECK(attempts(fixture, "203.0.113.1") < 40);
  CHECK(attempt(fixture, "203.0.113.2") == 429);
}

TEST_CASE("a trusted proxy may have more connections than one address") {
  auto settings = behind("127.0.0.1");
  settings.connections_per_ip_max = 1;
  gateway_fixture fixture{settings};
  auto first = fixture.client();
  first.send(get("/health"));
  REQUIRE(first.response());
  CHECK(fixture.ask(get("/health")).status == 200);
}

TEST_CASE("what a proxy on this machine brings is not of this machine") {
  gateway_fixture fixture{behind("127.0.0.1")};
  CHECK(decide(fixture, "X-Forwarded-For: 203.0.113.1\r\n") == 403);
  CHECK(decide(fixture, {}) == 400);
}
