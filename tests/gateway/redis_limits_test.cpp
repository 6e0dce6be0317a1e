// Rates that all nodes count together, in a real Redis.

#include "actors/gateway/limits/redis_buckets.hpp"
#include "nodes/services/private_redis.hpp"
#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>

using namespace shannon;
using namespace shannon::test;
using namespace shannon::gateway;
using namespace std::chrono_literals;
using services::private_redis;

namespace {

class redis_server {
public:
  redis_server() {
    char name[] = "/tmp/shannon-rates-XXXXXX";
    REQUIRE(::mkdtemp(name));
    folder_ = name;
    start();
  }
  ~redis_server() {
    if (running_)
      running_->stop();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    auto got = private_redis::start({.dir = folder_, .ends_with_parent = true});
    REQUIRE(got);
    running_.emplace(std::move(*got));
    url_ = running_->url();
  }
  void end() {
    ::kill(running_->pid(), SIGKILL);
    running_->abandon();
    running_.reset();
  }
  void pause(bool still) {
    ::kill(running_->pid(), still ? SIGSTOP : SIGCONT);
  }
  const std::string& url() const {
    return url_;
  }
  config::redis_address address() const {
    return *config::parse_redis_url(url_);
  }

private:
  std::string folder_;
  std::string url_;
  std::optional<private_redis> running_;
};

/// What comes of one request, and whether Redis said it.
std::optional<bucket_verdict> take(redis_buckets& from,
                                   const std::vector<bucket>& all) {
  std::promise<std::optional<bucket_verdict>> told;
  from.take(all, [&](auto got) { told.set_value(std::move(got)); });
  return told.get_future().get();
}

config::http_settings with_credentials() {
  auto settings = quick_settings();
  settings.dev = false;
  return settings;
}

/// No provider, so 400, unless it is one too many.
const std::string attempt = post("/api/v1/auth/register", "{}");

std::string metric(gateway_fixture& fixture, const std::string& name) {
  auto text = fixture.registry.render();
  auto at = text.find("\n" + name + ' ');
  return at == std::string::npos
             ? "none"
             : text.substr(at + name.size() + 2,
                           text.find('\n', at + 1) - at - name.size() - 2);
}

bool are_shared(gateway_fixture& fixture) {
  return metric(fixture, "shannon_gateway_rates_shared") == "1";
}

} // namespace

TEST_CASE("buckets in Redis hold, wait and fill as those of a node do") {
  redis_server server;
  redis_buckets shared{server.address(), 5s, [](bool, const auto&) {}};
  REQUIRE(eventually([&] { return shared.is_up(); }));
  const std::vector<bucket> two{{"wide", 1'000, 3'600}, {"narrow", 5, 1}};
  node_buckets here;
  auto now = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) {
    auto got = take(shared, two);
    auto same = here.take(two, now);
    REQUIRE(got);
    CHECK(got->allowed == same.allowed);
    CHECK(got->left[0] == same.left[0]);
  }
  // A fifth of a second is one: what is refused says how long that is.
  std::optional<bucket_verdict> last;
  REQUIRE(eventually([&] {
    last = take(shared, two);
    return last && !last->allowed;
  }));
  CHECK(last->by == 1);
  CHECK(last->wait > 0ms);
  CHECK(last->wait <= 200ms);
  CHECK(eventually([&] { return take(shared, two)->allowed; }));
}

TEST_CASE("what is refused takes nothing, and other keys are their own") {
  redis_server server;
  redis_buckets shared{server.address(), 5s, [](bool, const auto&) {}};
  REQUIRE(eventually([&] { return shared.is_up(); }));
  const std::vector<bucket> two{{"wide", 100, 86'400}, {"narrow", 1, 86'400}};
  CHECK(take(shared, two)->allowed);
  for (int i = 0; i < 10; ++i) {
    auto got = take(shared, two);
    REQUIRE(got);
    CHECK_FALSE(got->allowed);
    CHECK(got->left[0] == 99);
  }
  CHECK(take(shared, {{"other", 1, 60}})->allowed);
}

TEST_CASE("a Redis that forgets its scripts is given them again") {
  redis_server server;
  redis_buckets shared{server.address(), 5s, [](bool, const auto&) {}};
  REQUIRE(eventually([&] { return shared.is_up(); }));
  CHECK(take(shared, {{"k", 9, 86'400}})->left[0] == 8);
  auto flushed = "redis-cli -s " + server.address().socket
                 + " SCRIPT FLUSH SYNC >/dev/null";
  REQUIRE(std::system(flushed.c_str()) == 0);
  CHECK(take(shared, {{"k", 9, 86'400}})->left[0] == 7);
}

TEST_CASE("a Redis that stands still is not waited for, and used again when "
          "it goes on") {
  redis_server server;
  redis_buckets shared{server.address(), 50ms, [](bool, const auto&) {}};
  REQUIRE(eventually([&] { return shared.is_up(); }));
  server.pause(true);
  CHECK_FALSE(take(shared, {{"k", 9, 60}}));
  CHECK_FALSE(shared.is_up());
  CHECK_FALSE(take(shared, {{"k", 9, 60}})); // At once.
  server.pause(false);
  CHECK(eventually([&] { return shared.is_up(); }));
  CHECK(take(shared, {{"k", 9, 60}}));
}

TEST_CASE("two gateways share the rates of an address") {
  redis_server server;
  gateway_fixture one{with_credentials(), true, server.url()};
  gateway_fixture two{with_credentials(), true, server.url()};
  REQUIRE(eventually([&] { return are_shared(one) && are_shared(two); }));
  for (int i = 0; i < 30; ++i)
    CHECK((i % 2 == 0 ? one : two).ask(attempt).status == 400);
  for (auto* each : {&one, &two}) {
    auto refused = each->ask(attempt);
    CHECK(refused.status == 429);
    CHECK(refused.fields.count("retry-after") == 1);
    CHECK(metric(*each, "shannon_gateway_rate_limited_total{by=\"route\"}")
          == "1");
  }
}

TEST_CASE("each gateway counts alone without Redis, and while it is away") {
  redis_server server;
  gateway_fixture one{with_credentials(), true, server.url()};
  gateway_fixture alone{with_credentials()};
  REQUIRE(eventually([&] { return are_shared(one); }));
  for (int i = 0; i < 30; ++i)
    CHECK(one.ask(attempt).status == 400);
  CHECK(one.ask(attempt).status == 429);
  server.end();
  // Nobody waits for it: this node's own buckets are full.
  for (auto* each : {&one, &alone}) {
    for (int i = 0; i < 30; ++i)
      CHECK(each->ask(attempt).status == 400);
    CHECK(each->ask(attempt).status == 429);
  }
  CHECK_FALSE(are_shared(one));
  server.start();
  CHECK(eventually([&] { return are_shared(one); }));
  // A Redis that has forgotten all begins anew.
  CHECK(one.ask(attempt).status == 400);
}
