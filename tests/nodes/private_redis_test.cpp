#include "actors/store/server_process.hpp"
#include "nodes/services/private_redis.hpp"
#include "nodes/services/redis_ping.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <thread>
#include <unistd.h>

using namespace shannon::services;
using namespace std::chrono_literals;
using shannon::errc;
namespace fs = std::filesystem;

namespace {

class temp_dir {
public:
  temp_dir() {
    char name[] = "/tmp/shannon-redis-test-XXXXXX";
    path_ = ::mkdtemp(name);
  }
  ~temp_dir() {
    std::error_code ec;
    fs::remove_all(path_, ec);
  }
  std::string path() const {
    return path_;
  }

private:
  std::string path_;
};

private_redis start(const std::string& dir) {
  auto got = private_redis::start({.dir = dir, .ends_with_parent = true});
  if (!got)
    FAIL(got.error().text);
  return std::move(*got);
}

bool answers(const std::string& url) {
  return ping_redis(*parse_redis_url(url), 1s).has_value();
}

} // namespace

TEST_CASE("a private Redis answers on its socket until it is stopped") {
  temp_dir dir;
  auto redis = start(dir.path());
  auto url = redis.url();
  auto pong = ping_redis(*parse_redis_url(url), 1s);
  if (!pong)
    FAIL(pong.error().text);
  CHECK(pong->version.size() >= 5);
  CHECK(pong->round_trip > 0us);
  auto pid = redis.pid();
  auto begin = std::chrono::steady_clock::now();
  redis.stop();
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  CHECK(!shannon::store::is_running(pid));
  CHECK(!answers(url));
}

TEST_CASE("a server that outlived its parent is taken over") {
  temp_dir dir;
  pid_t first = 0;
  {
    auto redis = start(dir.path());
    first = redis.pid();
    redis.abandon();
  }
  CHECK(shannon::store::is_running(first));
  auto redis = start(dir.path());
  CHECK(redis.pid() == first);
  CHECK(answers(redis.url()));
  redis.stop();
  CHECK(!shannon::store::is_running(first));
}

TEST_CASE("a server that is left but does not answer is replaced") {
  temp_dir dir;
  pid_t first = 0;
  {
    auto redis = start(dir.path());
    first = redis.pid();
    redis.abandon();
  }
  ::kill(first, SIGSTOP);
  auto redis = start(dir.path());
  CHECK(redis.pid() != first);
  CHECK(answers(redis.url()));
  shannon::store::wait_process(first, 1s);
  CHECK(!shannon::store::is_running(first));
}

TEST_CASE("a server that was killed leaves nothing in the way") {
  temp_dir dir;
  auto redis = start(dir.path());
  ::kill(redis.pid(), SIGKILL);
  shannon::store::wait_process(redis.pid(), 1s);
  redis.abandon();
  auto again = start(dir.path());
  CHECK(answers(again.url()));
}

TEST_CASE("two processes do not share one folder") {
  temp_dir dir;
  auto redis = start(dir.path());
  auto second = private_redis::start({.dir = dir.path()});
  REQUIRE(!second);
  CHECK(second.error().text.find("another process") != std::string::npos);
  CHECK(answers(redis.url()));
}

TEST_CASE("a deep folder does not make the socket's path too long") {
  temp_dir dir;
  auto deep = dir.path() + "/" + std::string(120, 'd');
  auto redis = start(deep);
  CHECK(answers(redis.url()));
}

TEST_CASE("without redis-server the caller learns so") {
  std::string path = ::getenv("PATH");
  ::setenv("PATH", "/nonexistent", 1);
  auto got = private_redis::start({.dir = "/nonexistent"});
  ::setenv("PATH", path.c_str(), 1);
  REQUIRE(!got);
  CHECK(got.error().code == errc::not_found);
}

TEST_CASE("a Redis URL names host, port, database and credentials") {
  auto full = parse_redis_url("redis://me:p%40ss@cache.example:7000/3");
  REQUIRE(full);
  CHECK(full->host == "cache.example");
  CHECK(full->port == 7'000);
  CHECK(full->database == 3);
  CHECK(full->user == "me");
  CHECK(full->password == "p@ss");
  CHECK(full->shown() == "Redis at cache.example:7000");
  CHECK(parse_redis_url("redis://h")->port == 6'379);
  CHECK(parse_redis_url("redis://[::1]:1/")->host == "::1");
  CHECK(parse_redis_url("redis://:secret@h")->password == "secret");
  auto local = parse_redis_url("unix:///run/r%20s.sock?db=2");
  REQUIRE(local);
  CHECK(local->socket == "/run/r s.sock");
  CHECK(local->database == 2);
}

TEST_CASE("what is no Redis URL is refused without repeating it") {
  for (auto bad : {"", "localhost:6379", "http://h", "rediss://:secret@h",
                   "redis://", "redis://:secret@", "redis://secret@h",
                   "redis://h:0", "redis://h:65536", "redis://h:secret",
                   "redis://:secret@h/x", "redis://:%zz@h", "redis://:%0@h",
                   "unix://secret", "unix:///a?b=1", "unix:///a?db=x"}) {
    INFO(bad);
    auto got = parse_redis_url(bad);
    REQUIRE(!got);
    CHECK(got.error().code == errc::invalid_argument);
    CHECK(got.error().text.find("secret") == std::string::npos);
  }
}

TEST_CASE("a Redis that is not there is unavailable at once") {
  redis_address where;
  where.socket = "/nonexistent/redis.sock";
  auto got = ping_redis(where, 5s);
  REQUIRE(!got);
  CHECK(got.error().code == errc::unavailable);
}

TEST_CASE("a Redis that hangs times out") {
  temp_dir dir;
  auto redis = start(dir.path());
  ::kill(redis.pid(), SIGSTOP);
  auto begin = std::chrono::steady_clock::now();
  auto got = ping_redis(*parse_redis_url(redis.url()), 200ms);
  CHECK(std::chrono::steady_clock::now() - begin < 2s);
  ::kill(redis.pid(), SIGCONT);
  REQUIRE(!got);
  CHECK(got.error().code == errc::timeout);
}
