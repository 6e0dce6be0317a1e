// For whom a request counts when proxies stand in front of the node.

#include "actors/gateway/http/client_address.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::gateway;

namespace {

const trusted_proxies proxies{
    {"10.0.0.0/8", "192.0.2.7", "fd00::/8", "2001:db8::5", "127.0.0.1"}};

/// As from a proxy, with one field a text.
std::string client(const std::vector<std::string>& forwarded,
                   const std::string& peer = "10.1.2.3") {
  http_fields fields{{"host", "localhost"}};
  for (const auto& text : forwarded)
    fields.emplace_back("x-forwarded-for", text);
  fields.emplace_back("forwarded", "for=203.0.113.99");
  return proxies.client_of(peer, fields);
}

} // namespace

TEST_CASE("networks and single addresses are proxies, of both families") {
  for (const char* peer : {"10.0.0.0", "10.255.255.255", "192.0.2.7", "fd12::1",
                           "2001:db8::5", "::ffff:10.1.2.3", "fd00::1%eth0"}) {
    INFO(peer);
    CHECK(proxies.has(peer));
  }
  for (const char* peer :
       {"11.0.0.0", "9.255.255.255", "192.0.2.6", "192.0.2.8", "fe00::1",
        "2001:db8::4", "::1", "::ffff:11.0.0.1", "::a00:1", "", "proxy"}) {
    INFO(peer);
    CHECK_FALSE(proxies.has(peer));
  }
  CHECK_FALSE(trusted_proxies{std::vector<std::string>{}}.has("10.0.0.1"));
}

TEST_CASE("a prefix may end within a byte, and hold all of its family") {
  trusted_proxies some{{"172.16.0.0/12", "2001:db8:8000::/33"}};
  CHECK(some.has("172.16.0.1"));
  CHECK(some.has("172.31.255.255"));
  CHECK_FALSE(some.has("172.32.0.0"));
  CHECK_FALSE(some.has("172.15.255.255"));
  CHECK(some.has("2001:db8:ffff::1"));
  CHECK_FALSE(some.has("2001:db8:7fff::1"));
  trusted_proxies all{{"0.0.0.0/0"}};
  CHECK(all.has("203.0.113.9"));
  CHECK(all.has("::ffff:203.0.113.9"));
  CHECK_FALSE(all.has("2001:db8::1"));
  CHECK_FALSE(trusted_proxies{{"::/0"}}.has("203.0.113.9"));
  CHECK(trusted_proxies{{"::ffff:10.0.0.0/104"}}.has("10.1.2.3"));
  // Bits behind the prefix do not count.
  CHECK(trusted_proxies{{"10.1.2.3/8"}}.has("10.9.9.9"));
}

TEST_CASE("nobody but a proxy says for whom it asks") {
  CHECK(client({"203.0.113.9"}, "198.51.100.1") == "198.51.100.1");
  CHECK(client({"203.0.113.9"}, "2001:db8::4") == "2001:db8::4");
  CHECK(client({}, "198.51.100.1") == "198.51.100.1");
}

TEST_CASE("the rightmost entry that is no proxy is who asks") {
  struct row {
    std::vector<std::string> fields;
    std::string client;
  };
  for (const auto& [fields, expected] : std::vector<row>{
           {{"203.0.113.9"}, "203.0.113.9"},
           {{"203.0.113.9, 10.0.0.2"}, "203.0.113.9"},
           {{"203.0.113.9,192.0.2.7 ,\t10.0.0.2"}, "203.0.113.9"},
           // What its client claimed stands left of it.
           {{"198.51.100.1, 203.0.113.9"}, "203.0.113.9"},
           {{"127.0.0.1, 203.0.113.9"}, "203.0.113.9"},
           {{"garbage, 203.0.113.9"}, "203.0.113.9"},
           {{"198.51.100.1", "203.0.113.9"}, "203.0.113.9"},
           {{"203.0.113.9", "10.0.0.2, 10.0.0.3"}, "203.0.113.9"},
           {{"203.0.113.9", ""}, "203.0.113.9"},
           {{"203.0.113.9, ,"}, "203.0.113.9"},
           // All are proxies: the first asks for itself.
           {{"10.0.0.9, 10.0.0.2"}, "10.0.0.9"},
       }) {
    INFO(expected << " of " << fields.front());
    CHECK(client(fields) == expected);
  }
}

TEST_CASE("an address has one text, however a proxy writes it") {
  CHECK(client({"2001:DB8:0:0::9"}) == "2001:db8::9");
  CHECK(client({"[2001:db8::9]"}) == "2001:db8::9");
  CHECK(client({"[2001:db8::9]:4711"}) == "2001:db8::9");
  CHECK(client({"203.0.113.9:4711"}) == "203.0.113.9");
  CHECK(client({"::ffff:203.0.113.9"}) == "203.0.113.9");
  CHECK(client({"203.0.113.9, ::ffff:10.0.0.2"}) == "203.0.113.9");
  CHECK(client({"203.0.113.9"}, "::ffff:10.1.2.3") == "203.0.113.9");
}

TEST_CASE("without an address the proxy is who asks") {
  CHECK(client({}) == "10.1.2.3");
  for (const char* text :
       {"", " , ,", "unknown", "_hidden", "203.0.113", "203.0.113.256",
        "203.0.113.9 10.0.0.1", "203.0.113.9:", "203.0.113.9:http",
        "[203.0.113.9]", "[2001:db8::9", "[2001:db8::9]x",
        "2001:db8::9:::", "fe80::1%eth0", "203.0.113.9/32", "\"203.0.113.9\"",
        "0x7f.1", "203.0.113.9, garbage", "203.0.113.9, garbage, 10.0.0.2"}) {
    INFO(text);
    CHECK(client({text}) == "10.1.2.3");
  }
}
