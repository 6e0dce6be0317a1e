// How many requests a caller may make.

#include "actors/gateway/limits/rate_limits.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <string>

using namespace shannon::gateway;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::steady_clock::time_point start{1'000s};

} // namespace

TEST_CASE("a full bucket is emptied one by one and filled evenly") {
  rate_limits limits;
  const auto free = limits_of("free");
  for (int i = 0; i < 60; ++i) {
    auto got = limits.take("k", free, start);
    CHECK(got.allowed);
    CHECK(got.left[0] == static_cast<std::uint32_t>(59 - i));
  }
  auto refused = limits.take("k", free, start);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.window == "minute");
  CHECK(refused.wait == 1s);
  // What was refused is not counted; a second is one of sixty.
  CHECK(limits.take("k", free, start + 1s).allowed);
  CHECK_FALSE(limits.take("k", free, start + 1s).allowed);
  CHECK(limits.take("k", free, start + 61s).left[0] == 59);
  CHECK(limits.take("other", free, start).allowed);
}

TEST_CASE("nobody gets more than a minute's worth in any minute, twice at "
          "most over its ends") {
  rate_limits limits;
  const auto free = limits_of("free");
  int allowed = 0;
  for (int ms = 0; ms < 60'000; ms += 100)
    allowed += limits.take("k", free, start + std::chrono::milliseconds{ms})
                   .allowed;
  CHECK(allowed <= 120);
  CHECK(allowed >= 118);
}

TEST_CASE("the hour's and the day's limits hold as well") {
  rate_limits limits;
  const auto free = limits_of("free");
  auto at = start;
  int allowed = 0;
  rate_verdict last;
  for (int i = 0; i < 3'600; ++i, at += 1s) {
    last = limits.take("k", free, at);
    allowed += last.allowed;
  }
  CHECK(allowed <= 2'000);
  CHECK_FALSE(last.allowed);
  CHECK(last.window == "hour");
  CHECK(last.wait <= 4s);
}

TEST_CASE("an unknown tier is the lowest") {
  CHECK(limits_of("gold").minute == 60);
  CHECK(limits_of("admin").minute == 1'000);
}

TEST_CASE("of too many keys the one unused for longest is forgotten") {
  rate_limits limits{3};
  const auto free = limits_of("free");
  for (const char* key : {"a", "b", "c"})
    limits.take(key, free, start);
  limits.take("a", free, start);
  limits.take("d", free, start); // b goes.
  CHECK(limits.size() == 3);
  CHECK(limits.take("a", free, start).left[0] == 57);
  CHECK(limits.take("b", free, start).left[0] == 59);
}

TEST_CASE("a refusal says when to come again") {
  rate_verdict verdict;
  verdict.allowed = false;
  verdict.window = "hour";
  verdict.most = {60, 1'000, 10'000};
  verdict.left = {12, 0, 900};
  verdict.wait = 4s;
  auto answer = too_many_answer(verdict, 100);
  CHECK(answer.status == 429);
  auto body = json_in::parse(answer.body);
  CHECK(body["error"] == "Rate limit exceeded");
  CHECK(body["window"] == "hour");
  auto field = [&](const std::string& name) {
    for (const auto& [key, value] : answer.fields)
      if (key == name)
        return value;
    return std::string{};
  };
  CHECK(field("Retry-After") == "4");
  CHECK(field("X-RateLimit-Limit-Minute") == "60");
  CHECK(field("X-RateLimit-Remaining-Hour") == "0");
  CHECK(field("X-RateLimit-Reset") == "104");
}
