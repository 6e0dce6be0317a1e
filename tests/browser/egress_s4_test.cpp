#include "embedded/egress_ways.hpp"
#include "tests/browser/driven_browser.hpp"
#include "tests/browser/egress_vectors.hpp"
#include "tests/browser/private_network.hpp"
#include "tests/browser/raw_socket.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdio>
#include <list>
#include <memory>
#include <set>
#include <string>
#include <unistd.h>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

constexpr const char* site_address = "203.0.113.10";
constexpr std::uint16_t site_port = 8088;
constexpr std::uint16_t secret_port = 9999;
const std::string site_host = "site.example:8088";
const std::string site_url = "http://" + site_host;

// -- the site -----------------------------------------------------------------

std::string decoded(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%' || i + 2 >= text.size()) {
      out += text[i];
      continue;
    }
    out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return out;
}

std::string parameter(const std::string& path, const std::string& name) {
  auto at = path.find(name + "=");
  if (at == std::string::npos)
    return {};
  at += name.size() + 1;
  return decoded(path.substr(at, path.find('&', at) - at));
}

std::string answer(const std::string& status, const std::string& fields,
                   const std::string& body,
                   const std::string& type = "text/html") {
  return "HTTP/1.1 " + status + "\r\nContent-Type: " + type
         + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n"
         + fields + "\r\n" + body;
}

std::string page_for(const std::string& path) {
  auto to = parameter(path, "to");
  // A header has no room for these, and the way there does not matter then.
  auto in_field = to;
  std::erase_if(in_field, [](char c) { return c == '\r' || c == '\n' || !c; });
  if (path.find("/redirect") == 0)
    return answer(parameter(path, "status") + " x",
                  "Location: " + in_field + "\r\n", "");
  if (path.find("/refresh") == 0)
    return answer("200 OK", "Refresh: 0; url=" + in_field + "\r\n", "x");
  if (path.find("/meta") == 0)
    return answer("200 OK", "",
                  "<meta http-equiv=refresh content=\"0; url=" + in_field
                      + "\">");
  if (path.find("/location") == 0)
    return answer("200 OK", "",
                  "<script>location = " + json(to).dump() + "</script>");
  if (path == "/service-worker.js")
    return answer("200 OK", "",
                  "onmessage = async e => {"
                  "  try { await fetch(e.data, {mode: 'no-cors'}) }"
                  "  catch (x) {}"
                  "  e.ports[0].postMessage(1) };"
                  "onactivate = e => e.waitUntil(clients.claim())",
                  "text/javascript");
  return answer("200 OK", "", "<!doctype html><title>site</title>");
}

void serve_site(raw_socket& one, int) {
  for (auto head = one.read_message(); !head.empty();
       head = one.read_message()) {
    auto begin = head.find(' ') + 1;
    one.send(page_for(head.substr(begin, head.find(' ', begin) - begin)));
  }
}

void serve_secret(raw_socket& one, int) {
  one.send("HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\n\r\nsecret");
}

// -- the world ----------------------------------------------------------------

std::string obstacle() {
  if (auto why = private_network::obstacle(); !why.empty())
    return why;
  for (const char* program : {"/usr/lib/chromium/chromium-headless-shell",
                              "/usr/lib/chromium/chromium"})
    if (::access(program, X_OK) == 0)
      return {};
  return "Chromium is missing; install chromium-headless-shell";
}

/// A site that may be reached, everything that may not, and who listens there.
struct world {
  private_network network{site_address, site_port};
  raw_server site{serve_site, all_addresses, site_port};
  std::list<raw_server> secrets;
  egress_vectors table = read_egress_vectors(secret_port);

  world() {
    for (std::uint16_t port :
         {std::uint16_t{secret_port}, std::uint16_t{80}, std::uint16_t{443},
          std::uint16_t{8080}, std::uint16_t{22}, std::uint16_t{25},
          std::uint16_t{53}, std::uint16_t{1900}, std::uint16_t{3306},
          std::uint16_t{5432}, std::uint16_t{6379}, std::uint16_t{11211}})
      secrets.emplace_back(serve_secret, all_addresses, port);
    table.names["site.example"] = {site_address};
    // Trusted by browsers as if it were encrypted, which some ways need.
    table.names["localhost"] = {site_address};
    // Public by their numbers, and this machine's.
    table.all.push_back({"address", "http://198.41.0.4:9999/"});
    table.all.push_back({"address", "http://[2001:500::4]:9999/"});
  }

  int connections() const {
    int sum = 0;
    for (const auto& one : secrets)
      sum += one.connections();
    return sum;
  }

  /// Every `step`th URL from `first` on, those of other schemes aside.
  json urls(std::size_t first = 0, std::size_t step = 1) const {
    json out = json::array();
    std::size_t number = 0;
    for (const auto& one : table.all)
      if (one.kind != "scheme" && number++ % step == first % step)
        out.push_back(one.url);
    return out;
  }
};

} // namespace

TEST_CASE("packets to private addresses are seen if there are any") {
  if (auto why = obstacle(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  world all;
  CHECK(all.network.packets() == 0);
  CHECK(raw_socket::to(secret_port).read_to_end().find("secret")
        != std::string::npos);
  CHECK(all.network.packets() > 0);
  CHECK(all.connections() == 1);
  all.network.reset();
  CHECK(all.network.packets() == 0);
  // A page gets there if the policy lets it: then all else here would show.
  driven_browser browser{{site_host, "inside-ten.example:9999"},
                         all.table.lookup()};
  CHECK(browser.navigate(site_url + "/").empty());
  CHECK(browser.evaluate(
            "fetch('http://inside-ten.example:9999/').then(r => r.text())", 10s)
        == "secret");
  CHECK(all.network.packets() > 0);
  CHECK(all.connections() == 2);
}

TEST_CASE("no page sends a packet to a private address, whatever it tries") {
  if (auto why = obstacle(); !why.empty()) {
    WARN("skipped: " << why);
    return;
  }
  world all;
  driven_browser browser{{site_host, "localhost:8088"},
                         all.table.lookup(),
                         // One process for the frames of all hosts, which has
                         // nothing to do with where their bytes go.
                         {"--disable-site-isolation-trials"}};
  // Ways in which browsers speak UDP only, or say nothing when they go
  // through a proxy, or nothing that they would send to these.
  const std::set<std::string> may_be_silent{
      "dns_prefetch", "preconnect", "speculation", "web_rtc", "web_transport"};
  REQUIRE(browser.navigate(site_url + "/").empty());
  auto script = std::string{embedded::egress_ways().front().second};
  auto ways = browser.evaluate(script, 5s);
  REQUIRE(ways.is_array());
  CHECK(ways.size() >= 50);
  bool each_a_page = false;
  std::size_t slice = 0;
  for (const std::string way : ways) {
    INFO(way);
    // A page a vector would take minutes: each such way has a part of the
    // table, and all of them together have all of it.
    each_a_page = each_a_page || way == "iframe";
    bool part = each_a_page || way == "web_rtc" || way == "web_transport";
    auto urls = part ? all.urls(slice++, 12) : all.urls();
    bool trusted = way == "service_worker" || way == "speculation";
    auto from = trusted ? "http://localhost:8088" : site_url;
    REQUIRE(browser.navigate(from + "/").empty());
    REQUIRE(browser.evaluate(script, 5s).is_array());
    auto before = browser.refused();
    auto begun = std::chrono::steady_clock::now();
    auto tried = browser.evaluate("take('" + way + "', " + urls.dump() + ", "
                                      + (part ? "20" : "256") + ")",
                                  60s);
    browser.settle();
    auto refused = browser.refused() - before;
    std::printf(
        "%-16s %4zu vectors, %5llu refused, %5.2f s\n", way.c_str(),
        urls.size(), static_cast<unsigned long long>(refused),
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begun)
            .count());
    CHECK(tried == urls.size());
    // A way that was not taken proves nothing. (Some URLs mean no host to a
    // browser, and some ports it does not speak to by itself.)
    if (!may_be_silent.contains(way))
      CHECK(refused * 3 > urls.size());
    CHECK(all.network.packets() == 0);
  }
  // As the address of a page, of all schemes.
  auto begun = std::chrono::steady_clock::now();
  auto before = browser.refused();
  std::size_t number = 0;
  for (const auto& one : all.table.all) {
    if (one.kind != "scheme" && number++ % 5 != 0)
      continue;
    INFO(one.url);
    browser.navigate(one.url);
    auto text = browser.evaluate(
        "document.documentElement ? document.documentElement.innerText : ''",
        5s);
    CHECK(text.dump().find("secret") == std::string::npos);
    CHECK(text.dump().find("root:") == std::string::npos);
  }
  std::printf(
      "%-16s %4zu vectors, %5llu refused, %5.2f s\n", "address", number / 5,
      static_cast<unsigned long long>(browser.refused() - before),
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begun)
          .count());
  CHECK(browser.refused() > before + 20);
  CHECK(all.network.packets() == 0);
  CHECK(all.connections() == 0);
  // It was alive and on the network to the end.
  CHECK(browser.navigate(site_url + "/").empty());
  CHECK(browser.evaluate("document.title", 5s) == "site");
  CHECK(all.site.connections() > 0);
}
