#include "config/settings.hpp"
#include "config/units.hpp"

#include <catch2/catch.hpp>

using namespace shannon::config;
using namespace std::chrono_literals;

TEST_CASE("a duration needs a unit") {
  CHECK(*parse_duration("500ms") == 500ms);
  CHECK(*parse_duration("30s") == 30s);
  CHECK(*parse_duration("5m") == 5min);
  CHECK(*parse_duration("2h") == 2h);
  CHECK(*parse_duration("0") == 0ms);
  for (auto bad : {"", "s", "30", "-1s", "1.5s", "30 s", "30sec", "1s ",
                   "99999999999999999999s", "9223372036854775807h"}) {
    INFO(bad);
    CHECK(!parse_duration(bad));
  }
}

TEST_CASE("a size is a number of bytes or has a binary unit") {
  CHECK(*parse_bytes("65536") == 65'536);
  CHECK(*parse_bytes("64KiB") == 65'536);
  CHECK(*parse_bytes("1MiB") == 1'048'576);
  CHECK(*parse_bytes("2GiB") == 2'147'483'648);
  for (auto bad :
       {"", "KiB", "64KB", "64k", "-1", "0x10", "1e6", "17179869184GiB"}) {
    INFO(bad);
    CHECK(!parse_bytes(bad));
  }
}

TEST_CASE("a value is written in its largest whole unit") {
  CHECK(format_duration(1'500ms) == "1500ms");
  CHECK(format_duration(90s) == "90s");
  CHECK(format_duration(120s) == "2m");
  CHECK(format_duration(0ms) == "0");
  CHECK(format_bytes(64 * 1024) == "64KiB");
  CHECK(format_bytes(65'537) == "65537");
}

TEST_CASE("a typing error finds the word that was meant") {
  CHECK(nearest("writters", {"readers", "writers"}) == "writers");
  CHECK(nearest("call_timeot", {"call_timeout", "connect_timeout"})
        == "call_timeout");
  CHECK(nearest("zebra", {"readers", "writers"}).empty());
  CHECK(nearest(std::string(10'000, 'x'), {"readers"}).empty());
}

TEST_CASE("an endpoint is a host and a port") {
  auto v4 = parse_endpoint("127.0.0.1:8080");
  REQUIRE(v4);
  CHECK(v4->host == "127.0.0.1");
  CHECK(v4->port == 8'080);
  auto v6 = parse_endpoint("[::1]:0");
  REQUIRE(v6);
  CHECK(v6->host == "::1");
  CHECK(v6->port == 0);
  CHECK(parse_endpoint("node-1.example.org:65535"));
  for (auto bad : {"", ":", "localhost", "localhost:", ":8080", "a:65536",
                   "a:-1", "a:8080x", "::1:8080", "[::1]", "[x]:1", "a b:1",
                   "http://a:1", "a:1\n"}) {
    INFO(bad);
    CHECK(!parse_endpoint(bad));
  }
}
