#include "actors/browser/egress/proxy_rules.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::browser;

namespace {

host_list list_of(const std::vector<std::string>& patterns) {
  auto read = host_list::parse(patterns);
  REQUIRE(read);
  return std::move(*read);
}

} // namespace

TEST_CASE("a host pattern matches whole labels") {
  auto list
      = list_of({"example.com", "*.Example.ORG", "8.8.8.8", "2606:4700::"});
  for (const char* host : {"example.com", "example.org", "a.example.org",
                           "a.b.example.org", "8.8.8.8", "2606:4700::"})
    CHECK(list.has(host));
  for (const char* host :
       {"a.example.com", "xexample.com", "example.com.evil.net", "xexample.org",
        "org", "example.orgs", "", "8.8.8.88"})
    CHECK_FALSE(list.has(host));
  CHECK(list_of({"*"}).has("any.host"));
  CHECK_FALSE(list_of({}).has("any.host"));
}

TEST_CASE("a pattern that could never match is refused") {
  for (const std::string text :
       {"", "*.", "http://example.com", "example.com/", "example.com:80",
        "a.*.com", "*example.com", "user@example.com", "exa mple.com", "*.*",
        "127.1", "[::1]",
        "b\xc3\xbc"
        "cher.de",
        "example.com#x"}) {
    INFO(text);
    auto read = host_list::parse({"good.example", text});
    REQUIRE_FALSE(read);
    CHECK(read.error().code == errc::invalid_argument);
  }
}

TEST_CASE("denied hosts are denied even if they are allowed") {
  proxy_rules rules;
  CHECK(rules.check("any.example"));
  rules.deny = list_of({"bad.example.com"});
  CHECK(rules.check("any.example"));
  CHECK(rules.check("bad.example.com").error().code == errc::denied);
  rules.allow = list_of({"*.example.com"});
  CHECK(rules.check("a.example.com"));
  CHECK(rules.check("any.example").error().code == errc::denied);
  CHECK(rules.check("bad.example.com").error().code == errc::denied);
}
