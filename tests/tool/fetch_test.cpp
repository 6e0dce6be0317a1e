#include "actors/kit/io_loop.hpp"
#include "actors/tool/builtin/builtins.hpp"
#include "actors/tool/builtin/page.hpp"
#include "tests/kit/http_peer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

using namespace shannon;
using namespace shannon::tool;
using namespace shannon::kit;
using namespace std::chrono_literals;
using shannon::test::http_peer;
using std::chrono::steady_clock;

namespace {

std::string answer(const std::string& body,
                   const std::string& type = "text/html") {
  return "HTTP/1.1 200 OK\r\nContent-Type: " + type + "\r\nContent-Length: "
         + std::to_string(body.size()) + "\r\n\r\n" + body;
}

std::string redirect(const std::string& where, int status = 302) {
  return "HTTP/1.1 " + std::to_string(status)
         + " Found\r\nContent-Length: 0\r\nLocation: " + where + "\r\n\r\n";
}

/// A public site (an exception by host and port), and a private one beside it
/// that must never see a connection.
struct fetch_fixture {
  std::mutex mutex;
  std::map<std::string, std::string> pages;
  std::vector<std::string> requests;
  http_peer site{[this](auto& session) { serve(session); }};
  http_peer secret{[](auto& session) {
    session.read_request();
    session.write(answer("secret"));
  }};
  kit::io_loop loop{"test"};
  std::string here = "127.0.0.1:" + std::to_string(site.port());
  std::string there = "127.0.0.1:" + std::to_string(secret.port());
  /// What names resolve to.
  std::map<std::string, std::vector<std::string>> names;
  kit::egress_options options = defaults();

  kit::egress_options defaults() {
    kit::egress_options out;
    out.allow = {here, "site.example:" + std::to_string(site.port())};
    out.timeout = 5s;
    out.lookup = [this](const std::string& host,
                        std::uint16_t port) -> result<endpoints> {
      endpoints found;
      for (const auto& text : names[host])
        found.emplace_back(boost::asio::ip::make_address(text), port);
      return found;
    };
    return out;
  }

  void serve(http_peer::session& session) {
    auto request = session.read_request();
    if (request.empty())
      return; // The call was cancelled before it was sent.
    auto path = request.substr(4, request.find(' ', 4) - 4);
    std::string reply;
    {
      std::lock_guard lock{mutex};
      requests.push_back(request);
      auto at = pages.find(path);
      reply = at == pages.end() ? "HTTP/1.1 404 Not Found\r\nContent-Type: "
                                  "text/html\r\nContent-Length: 4\r\n\r\ngone"
                                : at->second;
    }
    if (reply == "stall")
      session.wait_for_close(10);
    else if (reply == "endless") {
      session.write("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n");
      std::string block(16 * 1024, 'x');
      for (int i = 0; i < 10'000; ++i)
        session.write(block);
    } else {
      session.write(reply);
    }
  }

  result<kit::fetched> get(const std::string& url) {
    egress out{loop.context(), options};
    auto promise = std::make_shared<std::promise<result<kit::fetched>>>();
    auto future = promise->get_future();
    auto call = out.get(url, [promise](result<kit::fetched> got) {
      promise->set_value(std::move(got));
    });
    REQUIRE(future.wait_for(30s) == std::future_status::ready);
    return future.get();
  }

  void check_refused(const std::string& url, errc code) {
    INFO(url);
    auto got = get(url);
    REQUIRE_FALSE(got);
    INFO(got.error().text);
    CHECK(got.error().code == code);
  }

  remote::ToolResult fetch(const std::string& url, int max_chars = 0) {
    config::tool_settings settings;
    settings.egress_allow = {here};
    settings.fetch_timeout = 5s;
    auto parts = std::make_shared<tool_parts>(loop.context(), settings);
    auto tool = web_fetch_tool(parts);
    nlohmann::json arguments{{"url", url}};
    if (max_chars > 0)
      arguments["max_chars"] = max_chars;
    auto promise = std::make_shared<std::promise<remote::ToolResult>>();
    auto future = promise->get_future();
    remote::EffectContext context;
    auto cancel
        = tool.run({arguments, context}, [promise](remote::ToolResult got) {
            promise->set_value(std::move(got));
          });
    REQUIRE(future.wait_for(30s) == std::future_status::ready);
    return future.get();
  }

  std::string base() const {
    return "http://" + here;
  }
};

} // namespace

TEST_CASE_METHOD(fetch_fixture,
                 "a page is fetched without traces of its reader") {
  pages["/a?b=c"] = answer("<title>T</title><p>Hello");
  auto got = get(base() + "/a?b=c#d");
  REQUIRE(got);
  CHECK(got->status == 200);
  CHECK(got->body == "<title>T</title><p>Hello");
  REQUIRE(requests.size() == 1);
  CHECK(requests[0].find("GET /a?b=c HTTP/1.1\r\nHost: " + here + "\r\n") == 0);
  CHECK(requests[0].find("Accept-Encoding: identity") != std::string::npos);
  for (const char* header : {"Cookie", "Authorization", "Referer", "Origin"})
    CHECK(requests[0].find(header) == std::string::npos);
}

TEST_CASE_METHOD(fetch_fixture, "private addresses get no connection") {
  auto port = std::to_string(secret.port());
  for (const std::string host :
       {"127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]", "[64:ff9b::127.0.0.1]", "[2002:7f00:1::1]",
        "0.0.0.0", "10.0.0.1", "169.254.169.254", "100.64.0.1", "a.localhost",
        "metadata.google.internal", "127.0.0.1."})
    check_refused("http://" + host + ":" + port + "/", errc::denied);
  for (const std::string host :
       {"127.1", "2130706433", "0x7f000001", "0177.0.0.1", "user@127.0.0.1",
        "[fe80::1%lo]"})
    check_refused("http://" + host + ":" + port + "/", errc::invalid_argument);
  CHECK(secret.connections() == 0);
}

TEST_CASE_METHOD(fetch_fixture, "names that lead inside get no connection") {
  auto port = ":" + std::to_string(secret.port()) + "/";
  names["inside.example"] = {"127.0.0.1"};
  names["mixed.example"] = {"93.184.216.34", "127.0.0.1"};
  names["six.example"] = {"::1"};
  names["mapped.example"] = {"::ffff:127.0.0.1"};
  names["nat.example"] = {"64:ff9b::7f00:1"};
  for (const char* host : {"inside.example", "mixed.example", "six.example",
                           "mapped.example", "nat.example"})
    check_refused("http://" + std::string{host} + port, errc::denied);
  check_refused("http://nobody.example" + port, errc::unavailable);
  CHECK(secret.connections() == 0);
}

TEST_CASE_METHOD(fetch_fixture, "a name is looked up once per hop") {
  // An answer that changes between check and connect has no second chance.
  auto lookups = std::make_shared<std::atomic<int>>(0);
  options.lookup
      = [lookups](const std::string&, std::uint16_t port) -> result<endpoints> {
    ++*lookups;
    return endpoints{{boost::asio::ip::make_address("127.0.0.1"), port}};
  };
  pages["/"] = answer("x");
  REQUIRE(get("http://site.example:" + std::to_string(site.port()) + "/"));
  CHECK(*lookups == 1);
}

TEST_CASE_METHOD(fetch_fixture, "a redirect to a private address is refused") {
  names["inside.example"] = {"127.0.0.1"};
  int number = 0;
  for (int status : {301, 302, 303, 307, 308})
    for (const std::string& where : std::vector<std::string>{
             "http://" + there + "/", "//" + there + "/",
             "http://localhost:" + std::to_string(secret.port()) + "/",
             "http://inside.example:" + std::to_string(secret.port()) + "/",
             "http://[::1]:" + std::to_string(secret.port()) + "/",
             "http://127.1:" + std::to_string(secret.port()) + "/",
             "http://x@" + there + "/", "file:///etc/passwd", "gopher://x/",
             "http://169.254.169.254/latest/meta-data/"}) {
      auto path = "/" + std::to_string(++number);
      pages[path] = redirect(where, status);
      check_refused(base() + path, errc::denied);
    }
  CHECK(secret.connections() == 0);
}

TEST_CASE_METHOD(fetch_fixture, "five redirects are followed and no sixth") {
  for (int i = 0; i < 10; ++i)
    pages["/" + std::to_string(i)] = redirect(std::to_string(i + 1));
  pages["/5"] = answer("end");
  auto got = get(base() + "/0");
  REQUIRE(got);
  CHECK(got->redirects == 5);
  CHECK(got->url == base() + "/5");
  pages["/5"] = redirect("6");
  check_refused(base() + "/0", errc::denied);
  pages["/loop"] = redirect("/loop");
  check_refused(base() + "/loop", errc::denied);
}

TEST_CASE_METHOD(fetch_fixture, "a body is cut at the limit") {
  options.bytes_max = 100'000;
  pages["/endless"] = "endless";
  auto got = get(base() + "/endless");
  REQUIRE(got);
  CHECK(got->truncated);
  CHECK(got->body.size() == 100'000);
  pages["/exact"] = answer(std::string(100'000, 'x'));
  CHECK_FALSE(get(base() + "/exact")->truncated);
  pages["/more"] = answer(std::string(100'001, 'x'));
  CHECK(get(base() + "/more")->truncated);
}

TEST_CASE_METHOD(fetch_fixture, "a page that does not come ends in time") {
  options.timeout = 300ms;
  pages["/stall"] = "stall";
  auto begun = steady_clock::now();
  check_refused(base() + "/stall", errc::timeout);
  CHECK(steady_clock::now() - begun < 3s);
  options.lookup_timeout = 100ms;
  options.timeout = 5s;
  options.lookup = [](const std::string&, std::uint16_t) -> result<endpoints> {
    std::this_thread::sleep_for(1s);
    return endpoints{};
  };
  begun = steady_clock::now();
  check_refused("http://slow.example/", errc::timeout);
  CHECK(steady_clock::now() - begun < 900ms);
}

TEST_CASE_METHOD(fetch_fixture, "a cancelled fetch closes its socket") {
  pages["/stall"] = "stall";
  egress out{loop.context(), options};
  auto promise = std::make_shared<std::promise<result<kit::fetched>>>();
  auto future = promise->get_future();
  auto call = out.get(base() + "/stall", [promise](result<kit::fetched> got) {
    promise->set_value(std::move(got));
  });
  auto due = steady_clock::now() + 5s;
  while (site.connections() == 0 && steady_clock::now() < due)
    std::this_thread::sleep_for(1ms);
  call->cancel();
  REQUIRE(future.wait_for(1s) == std::future_status::ready);
  CHECK(future.get().error().code == errc::cancelled);
  call->cancel();
}

TEST_CASE_METHOD(fetch_fixture,
                 "the tool returns readable text and says whence") {
  pages["/a"] = redirect("/b");
  pages["/b"] = answer("<title>T</title><h1>H</h1><p>Hello <a href=x>x</a>");
  auto got = fetch(base() + "/a");
  CHECK(got.success());
  CHECK(got.output() == "Title: T\nURL: " + base() + "/b\n\n# H\n\nHello x");
  auto about = nlohmann::json::parse(got.metadata_json());
  CHECK(about["title"] == "T");
  CHECK(about["links"] == 1);
  CHECK(about["redirects"] == 1);
  CHECK(about["status"] == 200);
  pages["/json"] = answer("{\"a\": 1}", "application/json");
  CHECK(fetch(base() + "/json").output().find("{\"a\": 1}")
        != std::string::npos);
  pages["/bad"] = answer("a\xff"
                         "b",
                         "text/plain");
  CHECK(fetch(base() + "/bad")
            .output()
            .find("a\xef\xbf\xbd"
                  "b")
        != std::string::npos);
  pages["/long"] = answer(std::string(5000, 'x'), "text/plain");
  auto cut = fetch(base() + "/long", 100);
  CHECK(cut.truncated());
  CHECK(cut.output().size() < 300);
}

TEST_CASE_METHOD(fetch_fixture, "the tool says politely what it cannot do") {
  pages["/png"] = answer("\x89PNG", "image/png");
  CHECK(fetch(base() + "/png").error()
        == "the content type 'image/png' cannot be read as text");
  pages["/gzip"] = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n"
                   "Content-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx";
  CHECK(fetch(base() + "/gzip").error().find("compressed")
        != std::string::npos);
  auto gone = fetch(base() + "/none");
  CHECK_FALSE(gone.success());
  CHECK(gone.error() == "the server answered with status 404");
  CHECK(gone.output().find("gone") != std::string::npos);
  CHECK(fetch("http://" + there + "/").error().find("refused by policy") == 0);
  CHECK(fetch("not a url").error().find("url: ") == 0);
  pages["/garbage"] = "garbage\r\n\r\n";
  CHECK(fetch(base() + "/garbage").error().find("could not be fetched")
        != std::string::npos);
  CHECK(secret.connections() == 0);
}
