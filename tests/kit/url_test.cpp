#include "actors/kit/egress/url.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace shannon::kit;

TEST_CASE("URLs that every parser reads alike are taken") {
  const std::vector<std::pair<std::string, std::string>> lines{
      {"http://example.com", "http://example.com/"},
      {"https://example.com/", "https://example.com/"},
      {"HTTP://EXAMPLE.com/A", "http://example.com/A"},
      {"http://example.com:80/", "http://example.com/"},
      {"https://example.com:443/", "https://example.com/"},
      {"http://example.com:8080/x", "http://example.com:8080/x"},
      {"http://example.com:65535/", "http://example.com:65535/"},
      {"http://example.com./", "http://example.com/"},
      {"http://example.com?q=1", "http://example.com/?q=1"},
      {"http://example.com/a?b=c&d=e#f", "http://example.com/a?b=c&d=e"},
      {"http://example.com#x", "http://example.com/"},
      {"http://example.com/#@127.0.0.1/", "http://example.com/"},
      {"http://example.com/@x", "http://example.com/@x"},
      {"http://example.com/?@127.0.0.1", "http://example.com/?@127.0.0.1"},
      {"http://a-b.example.com/", "http://a-b.example.com/"},
      {"http://a_b.example.com/", "http://a_b.example.com/"},
      {"http://xn--mnchen-3ya.example/", "http://xn--mnchen-3ya.example/"},
      {"http://1.2.3.4.example/", "http://1.2.3.4.example/"},
      {"http://8.8.8.8/", "http://8.8.8.8/"},
      {"http://[2606:4700::1111]/", "http://[2606:4700::1111]/"},
      {"http://[2606:4700:0::1111]:81/x", "http://[2606:4700::1111]:81/x"},
      {"http://[::1]/", "http://[::1]/"},
      {"http://example.com/a%20b", "http://example.com/a%20b"},
      {"http://example.com/\xc3\xa9", "http://example.com/%C3%A9"},
      {"http://example.com/a|b", "http://example.com/a%7Cb"},
      {"http://example.com//x//y", "http://example.com//x//y"},
  };
  for (const auto& [text, canonical] : lines) {
    INFO(text);
    auto got = parse_url(text);
    REQUIRE(got);
    CHECK(got->text() == canonical);
  }
}

TEST_CASE("URLs that could be read in two ways are refused") {
  for (const std::string& text : std::vector<std::string>{
           "",
           "example.com",
           "//example.com",
           "/x",
           "http:",
           "http:/x",
           "http:example.com",
           "http://",
           "http:///x",
           "http://:80/",
           "http://?x",
           "http://#x",
           // Schemes.
           "ftp://example.com/",
           "file:///etc/passwd",
           "gopher://x.example/",
           "dict://x.example:11211/",
           "data:text/html,x",
           "javascript:alert(1)",
           "view-source:http://x.example/",
           "chrome://settings",
           "ws://x.example",
           "blob:http://x.example/1",
           "jar:http://x.example!/",
           "htt p://x.y/",
           "http+unix://%2Fvar%2Frun/",
           // User information.
           "http://user@example.com/",
           "http://user:pw@example.com/",
           "http://127.0.0.1@example.com/",
           "http://example.com@127.0.0.1/",
           "http://@example.com/",
           "http://a@b@c.example/",
           // White space, controls, backslashes.
           " http://example.com/",
           "http://example.com/ ",
           "http://exa mple.com/",
           "http://example.com/a b",
           "http://example.com\t/",
           "http://example.com/\r\nX: y",
           "http://example.com/\n",
           "http://example.com\\@127.0.0.1/",
           "http:\\\\example.com\\",
           "http://example.com/\\x",
           std::string{"http://example.com/\0x", 21},
           "http://example.com/\x7f",
           "http://example.com/%00",
           "http://example.com/%0d%0aX:%20y",
           "http://example.com/%7F",
           "http://example.com/%",
           "http://example.com/%2",
           "http://example.com/%zz",
           // IPv4 in other notations.
           "http://127.1/",
           "http://127.0.1/",
           "http://2130706433/",
           "http://0x7f000001/",
           "http://0x7f.1/",
           "http://0x7f.0.0.1/",
           "http://0177.0.0.1/",
           "http://017700000001/",
           "http://0/",
           "http://127.0.0.01/",
           "http://127.0.0.1.1/",
           "http://256.1.1.1/",
           "http://1.2.3/",
           "http://1.2.3.4.5/",
           "http://2852039166/",
           "http://0xa9fea9fe/",
           "http://1.2.3.0x4/",
           "http://x.0x/",
           "http://x.1/",
           // IPv6.
           "http://[::1/",
           "http://::1/",
           "http://[fe80::1%25lo]/",
           "http://[fe80::1%lo]/",
           "http://[]/",
           "http://[::g]/",
           "http://[::1]x/",
           "http://[::1]]/",
           "http://[127.0.0.1]/",
           "http://[v1.x]/",
           "http://2606:4700::1111/",
           // Hosts.
           "http://ex\xc3\xa4mple.com/",
           "http://\xe2\x91\xa0.example/",
           "http://\xe2\x91\xa0\xe2\x91\xa1\xe2\x91\xa6.0.0.1/",
           "http://example%2ecom/",
           "http://%31%32%37.0.0.1/",
           "http://a..b/",
           "http://.a.example/",
           "http://a.example../",
           "http://-a.example/",
           "http://a-.example/",
           "http://a,b.example/",
           "http://a'b.example/",
           "http://a*b.example/",
           "http://" + std::string(64, 'a') + ".example/",
           "http://" + std::string(250, 'a') + ".example/",
           // Ports.
           "http://example.com:/",
           "http://example.com:0/",
           "http://example.com:00080/",
           "http://example.com:080/",
           "http://example.com:65536/",
           "http://example.com:+80/",
           "http://example.com:-80/",
           "http://example.com:8 0/",
           "http://example.com:80:80/",
           "http://example.com:http/",
           "http://example.com:999999999999/",
           "http://example.com:8a/",
           "http://example.com/" + std::string(9000, 'a'),
       }) {
    INFO(text);
    auto got = parse_url(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == shannon::errc::invalid_argument);
    CHECK(got.error().text.rfind("url: ", 0) == 0);
  }
}

TEST_CASE("a redirect is resolved against its page") {
  auto base = parse_url("https://example.com:8443/a/b/c?q=1");
  REQUIRE(base);
  const std::string top = "https://example.com:8443";
  const std::vector<std::pair<std::string, std::string>> lines{
      {"/x", top + "/x"},
      {"x", top + "/a/b/x"},
      {"./x", top + "/a/b/x"},
      {"../x", top + "/a/x"},
      {"../../../../x", top + "/x"},
      {"x/../y", top + "/a/b/y"},
      {".", top + "/a/b/"},
      {"..", top + "/a/"},
      {"?z=2", top + "/a/b/c?z=2"},
      {"#f", top + "/a/b/c?q=1"},
      {"x?y=../z", top + "/a/b/x?y=../z"},
      {"//other.example/p", "https://other.example/p"},
      {"http://other.example/p", "http://other.example/p"},
      {"//127.0.0.1/", "https://127.0.0.1/"},
      {"/a:b", top + "/a:b"},
  };
  for (const auto& [reference, meaning] : lines) {
    INFO(reference);
    auto got = resolve_url(*base, reference);
    REQUIRE(got);
    CHECK(got->text() == meaning);
  }
  for (const char* reference :
       {"file:///etc/passwd", "javascript:x", "//user@other.example/",
        "http://127.1/", "/a b", "\\\\other.example\\", "mailto:x@y.example"}) {
    INFO(reference);
    CHECK_FALSE(resolve_url(*base, reference));
  }
}

TEST_CASE("names of the local network and ports of other services are known") {
  for (const char* name :
       {"localhost", "metadata", "printer", "a.localhost", "x.local",
        "metadata.google.internal", "router.home.arpa", "x.onion", "x.test",
        "x.invalid", "localhost.localdomain", "nas.lan"}) {
    INFO(name);
    CHECK_FALSE(refused_name(name).empty());
  }
  for (const char* name : {"example.com", "localhost.example.com",
                           "local.example", "internal.example.org"}) {
    INFO(name);
    CHECK(refused_name(name).empty());
  }
  for (int port : {1, 22, 25, 5432, 6379, 11211})
    CHECK(refused_port(static_cast<std::uint16_t>(port)));
  for (int port : {80, 443, 8080, 8443, 3000})
    CHECK_FALSE(refused_port(static_cast<std::uint16_t>(port)));
}
