// How many requests a caller may make.

#include "actors/gateway/limits/rate_limits.hpp"
#include "actors/gateway/limits/tiers.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <string>

using namespace shannon;
using namespace shannon::gateway;
using namespace std::chrono_literals;

namespace {

constexpr std::chrono::steady_clock::time_point start{1'000s};

/// A minute's, an hour's and a day's, as a caller of `free` has them.
const std::vector<bucket> free_caller{
    {"m", 60, 60}, {"h", 1'000, 3'600}, {"d", 10'000, 86'400}};

std::string field(const http_fields& all, const std::string& name) {
  auto at = std::find_if(all.begin(), all.end(),
                         [&](const auto& one) { return one.first == name; });
  return at == all.end() ? std::string{} : at->second;
}

const route& route_to(endpoint which) {
  auto all = routes();
  return *std::find_if(all.begin(), all.end(), [&](const route& line) {
    return line.leads_to == which;
  });
}

identity someone(const std::string& key, const std::string& tenant = "t") {
  identity who;
  who.tenant.value = tenant;
  who.user.value = "u";
  who.key = key;
  who.tier = "pro";
  return who;
}

} // namespace

TEST_CASE("a full bucket is emptied one by one and filled evenly") {
  node_buckets all;
  for (std::uint32_t i = 0; i < 60; ++i) {
    auto got = all.take(free_caller, start);
    CHECK(got.allowed);
    CHECK(got.left[0] == 59 - i);
  }
  auto refused = all.take(free_caller, start);
  CHECK_FALSE(refused.allowed);
  CHECK(refused.by == 0);
  CHECK(refused.wait == 1s);
  // What was refused is not counted; a second is one of sixty.
  CHECK(all.take(free_caller, start + 1s).allowed);
  CHECK_FALSE(all.take(free_caller, start + 1s).allowed);
  CHECK(all.take(free_caller, start + 61s).left[0] == 59);
  CHECK(all.take({{"other", 60, 60}}, start).allowed);
}

TEST_CASE("nobody gets more than a minute's worth in any minute, twice at "
          "most over its ends") {
  node_buckets all;
  int allowed = 0;
  for (int ms = 0; ms < 60'000; ms += 100)
    allowed
        += all.take(free_caller, start + std::chrono::milliseconds{ms}).allowed;
  CHECK(allowed <= 120);
  CHECK(allowed >= 118);
}

TEST_CASE("the hour's and the day's limits hold as well") {
  node_buckets all;
  auto at = start;
  int allowed = 0;
  bucket_verdict last;
  for (int i = 0; i < 3'600; ++i, at += 1s) {
    last = all.take(free_caller, at);
    allowed += last.allowed;
  }
  CHECK(allowed <= 2'000);
  CHECK_FALSE(last.allowed);
  CHECK(last.by == 1);
  CHECK(last.wait <= 4s);
}

TEST_CASE("a request that one bucket refuses takes nothing from the others") {
  node_buckets all;
  const std::vector<bucket> two{{"wide", 100, 60}, {"narrow", 1, 60}};
  CHECK(all.take(two, start).allowed);
  for (int i = 0; i < 50; ++i)
    CHECK(all.take(two, start).by == 1);
  CHECK(all.take({two[0]}, start).left[0] == 98);
}

TEST_CASE("an unknown tier is the lowest") {
  CHECK(limits_of("gold").minute == 60);
  CHECK(limits_of("admin").minute == 1'000);
}

TEST_CASE("of too many keys the one unused for longest is forgotten") {
  node_buckets all{3};
  auto take = [&](const char* key) {
    return all.take({{key, 60, 60}}, start).left[0];
  };
  take("a");
  take("b");
  take("c");
  take("a");
  take("d"); // b goes.
  CHECK(all.size() == 3);
  CHECK(take("a") == 57);
  CHECK(take("b") == 59);
}

TEST_CASE("a caller's request counts for its key, its tenant and its address") {
  config::http_settings limits;
  limits.rate_tenant_factor = 3;
  limits.rate_address_minute = 77;
  http_request request;
  request.client = "192.0.2.7";
  const auto& line = route_to(endpoint::submit_task);
  auto all = buckets_of(line, request, someone("k1"), limits);
  REQUIRE(all.size() == 5);
  CHECK(all[0].most == 200);
  CHECK(all[1].seconds == 3'600);
  CHECK(all[2].seconds == 86'400);
  CHECK(all[3].most == 600);
  CHECK(all[4].most == 77);
  CHECK(std::string{kind_of(all[0])} == "caller");
  CHECK(std::string{kind_of(all[3])} == "tenant");
  CHECK(std::string{kind_of(all[4])} == "address");
  auto other = buckets_of(line, request, someone("k2"), limits);
  CHECK(other[0].key != all[0].key);
  CHECK(other[3].key == all[3].key);
  CHECK(buckets_of(line, request, someone("k1", "t2"), limits)[3].key
        != all[3].key);
}

TEST_CASE("users whose names run together have buckets of their own") {
  config::http_settings limits;
  const auto& line = route_to(endpoint::submit_task);
  auto key_of = [&](const char* tenant, const char* user) {
    auto who = someone("", tenant);
    who.user.value = user;
    return buckets_of(line, {}, who, limits)[0].key;
  };
  CHECK(key_of("a b", "c") != key_of("a", "b c"));
}

TEST_CASE("where nobody is known yet the address has thirty to register, and "
          "sixty to refresh") {
  config::http_settings limits;
  http_request request;
  request.client = "192.0.2.7";
  auto all = buckets_of(route_to(endpoint::register_with_provider), request, {},
                        limits);
  REQUIRE(all.size() == 2);
  CHECK(all[0].most == 30);
  CHECK(all[0].seconds == 60);
  CHECK(std::string{kind_of(all[0])} == "route");
  CHECK(
      buckets_of(route_to(endpoint::refresh_token), request, {}, limits)[0].most
      == 60);
  limits.rate_route_factor = 10;
  CHECK(
      buckets_of(route_to(endpoint::refresh_token), request, {}, limits)[0].most
      == 600);
}

TEST_CASE("a refusal says when to come again") {
  const auto& line = route_to(endpoint::submit_task);
  auto all = buckets_of(line, {}, someone("k"), {});
  bucket_verdict verdict;
  verdict.allowed = false;
  verdict.by = 1;
  verdict.left = {12, 0, 900, 5, 5};
  verdict.wait = 3'001ms;
  auto answer = too_many_answer(line, all, verdict, 100);
  CHECK(answer.status == 429);
  auto body = json_in::parse(answer.body);
  CHECK(body["error"] == "Rate limit exceeded");
  CHECK(body["window"] == "hour");
  CHECK(field(answer.fields, "Retry-After") == "4");
  CHECK(field(answer.fields, "X-RateLimit-Limit-Minute") == "200");
  CHECK(field(answer.fields, "X-RateLimit-Remaining-Hour") == "0");
  CHECK(field(answer.fields, "X-RateLimit-Reset") == "104");
  CHECK(field(answer.fields, "RateLimit-Policy")
        == R"("minute";q=200;w=60, "hour";q=5000;w=3600, )"
           R"("day";q=50000;w=86400, "tenant";q=2000;w=60, )"
           R"("address";q=6000;w=60)");
  CHECK(field(answer.fields, "RateLimit")
        == R"("minute";r=12;t=57, "hour";r=0;t=4, "day";r=900;t=84845, )"
           R"("tenant";r=5;t=60, "address";r=5;t=60)");
  verdict.by = 3;
  body = json_in::parse(too_many_answer(line, all, verdict, 100).body);
  CHECK(body["message"]
        == "Too many requests. minute limit exceeded by this tenant. Try again "
           "in 4 seconds.");
}

TEST_CASE("an unknown caller's refusal is the contract's, and tells the rates "
          "as the standard does") {
  const auto& line = route_to(endpoint::register_with_provider);
  auto all = buckets_of(line, {}, {}, {});
  bucket_verdict verdict{false, {0, 10}, 0, 2s};
  auto answer = too_many_answer(line, all, verdict, 100);
  CHECK(answer.status == 429);
  CHECK(json_in::parse(answer.body)["error"] == "rate_limit_exceeded");
  CHECK(field(answer.fields, "Retry-After") == "2");
  CHECK(field(answer.fields, "X-RateLimit-Limit-Minute").empty());
  CHECK(field(answer.fields, "RateLimit-Policy")
        == R"("route";q=30;w=60, "address";q=6000;w=60)");
  CHECK(field(answer.fields, "RateLimit")
        == R"("route";r=0;t=2, "address";r=10;t=60)");
}

TEST_CASE("an allowed request is told what is left, and when all is back") {
  const auto& line = route_to(endpoint::submit_task);
  auto all = buckets_of(line, {}, someone("k"), {});
  bucket_verdict verdict{true, {190, 4'999, 9, 9, 9}, 0, 0s};
  auto fields = rate_fields(line, all, verdict, 100);
  CHECK(field(fields, "X-RateLimit-Remaining-Minute") == "190");
  CHECK(field(fields, "X-RateLimit-Limit-Hour") == "5000");
  CHECK(field(fields, "X-RateLimit-Reset") == "103"); // 10 of 200 a minute.
}
