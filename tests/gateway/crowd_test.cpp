// Thousands of clients at once (F1, F3 of the fault plan), with the limits as
// they are by default.

#include "tests/gateway/crowd.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

constexpr std::size_t many = 10'000;
/// What one that does nothing may cost, buffers of the kernel not counted.
constexpr std::size_t bytes_each = 16 * 1024;

config::http_settings default_settings() {
  auto settings = quick_settings();
  const config::http_settings shipped;
  settings.connections_max = shipped.connections_max;
  settings.connections_per_ip_max = shipped.connections_per_ip_max;
  settings.first_byte_timeout = 5min;
  return settings;
}

} // namespace

TEST_CASE("ten thousand idle connections cost little and disturb nobody") {
  many_files files{many + 200};
  gateway_fixture fixture{default_settings()};
  auto before = resident_bytes();
  crowd idle{fixture.server->port()};
  REQUIRE(idle.connect(many) == many);
  for (int i = 0; i < 100; ++i)
    REQUIRE(fixture.ask(get("/health")).status == 200);
  // Who came later is served already, so all of them are accepted.
  CHECK(resident_bytes() - before <= many * bytes_each);
  CHECK(idle.send(get("/health/live")) == many);
  CHECK(idle.await("HTTP/1.1 200 OK") == many);
}

TEST_CASE("ten thousand slow headers end at their deadline, each told so, and "
          "disturb nobody") {
  many_files files{many + 200};
  auto settings = default_settings();
  settings.header_timeout = 3s;
  gateway_fixture fixture{settings};
  auto before = resident_bytes();
  crowd slow{fixture.server->port()};
  REQUIRE(slow.connect(many) == many);
  REQUIRE(slow.send("GET /health HTTP/1.1\r\nX: ") == many);
  REQUIRE(fixture.ask(get("/health")).status == 200);
  CHECK(resident_bytes() - before <= many * bytes_each);
  // Another byte now and then buys no time.
  while (slow.send("x") > 0)
    CHECK(fixture.ask(get("/health")).status == 200);
  CHECK(slow.await_end("HTTP/1.1 408 Request Timeout") == many);
  CHECK(resident_bytes() - before <= many * bytes_each);
}

TEST_CASE("two thousand readers of events who take nothing are dropped or cut "
          "off, share what may be kept for them, and disturb nobody") {
  constexpr std::size_t readers = 2'000;
  many_files files{readers + 200};
  auto settings = default_settings();
  settings.write_timeout = 5s;
  gateway_fixture fixture{settings};
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  crowd slow{fixture.server->port()};
  REQUIRE(slow.connect(readers) == readers);
  REQUIRE(slow.send("GET /api/v1/stream/sse?workflow_id=t HTTP/1.1\r\n"
                    "Host: a\r\n\r\n")
          == readers);
  auto shows = [&](const std::string& line) {
    return fixture.registry.render().find(line) != std::string::npos;
  };
  REQUIRE(eventually([&] { return shows("shannon_gateway_streams 2000\n"); }));
  auto before = resident_bytes();
  std::size_t most = 0;
  const std::string long_text(8'000, 'x');
  auto over = [&] { return shows("shannon_gateway_streams 0\n"); };
  for (int events = 0; events < 400 && !over(); ++events) {
    fixture.fakes.publish("t", fact_of("PROGRESS", long_text));
    CHECK(fixture.ask(get("/health")).status == 200);
    most = std::max(most, resident_bytes());
  }
  CHECK(eventually(over));
  // F1 of the fault plan; 1.6 GB would be what each was sent.
  CHECK(most - before <= 400u * 1024 * 1024);
}

TEST_CASE("out of descriptors each of a crowd is told, and serving goes on "
          "when there are some again") {
  gateway_fixture fixture;
  crowd all{fixture.server->port()};
  rlimit before{};
  getrlimit(RLIMIT_NOFILE, &before);
  auto lowest = ::open("/dev/null", O_RDONLY);
  ::close(lowest);
  rlimit tight = before;
  tight.rlim_cur = static_cast<rlim_t>(lowest);
  setrlimit(RLIMIT_NOFILE, &tight);
  auto connected = all.connect(300);
  auto told = all.await_end("HTTP/1.1 503 Service Unavailable");
  setrlimit(RLIMIT_NOFILE, &before);
  CHECK(connected == 300);
  CHECK(told == 300);
  CHECK(fixture.registry.render().find(
            "shannon_gateway_connections_refused_total{reason=\"descriptors\"} "
            "300")
        != std::string::npos);
  CHECK(eventually([&] { return fixture.ask(get("/health")).status == 200; }));
}
