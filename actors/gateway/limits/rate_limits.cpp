#include "actors/gateway/limits/rate_limits.hpp"

#include "actors/gateway/limits/tiers.hpp"
#include "actors/gateway/text/answers.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace shannon::gateway {

namespace {

constexpr std::array<std::uint32_t, 3> window_seconds{60, 3'600, 86'400};
constexpr std::array<std::string_view, 3> window_names{"minute", "hour", "day"};

std::string_view window_of(const bucket& what) noexcept {
  for (std::size_t i = 0; i < window_seconds.size(); ++i)
    if (window_seconds[i] == what.seconds)
      return window_names[i];
  return window_names[0];
}

/// As the headers call it: a caller's by its window, others by whose they are.
std::string_view policy_of(const bucket& what) noexcept {
  std::string_view kind = kind_of(what);
  return kind == "caller" ? window_of(what) : kind;
}

std::chrono::milliseconds until_full(const bucket& what, std::uint32_t left) {
  auto missing = std::int64_t{what.most} - std::min(left, what.most);
  return std::chrono::milliseconds{missing * what.seconds * 1'000 / what.most};
}

std::int64_t whole_seconds(std::chrono::milliseconds time) noexcept {
  return std::max<std::int64_t>(1, (time.count() + 999) / 1'000);
}

std::string caller_of(const identity& who) {
  // A tenant's or user's name may hold anything, a key's id no blank.
  return who.key.empty() ? "user " + std::to_string(who.tenant.value.size())
                               + ' ' + who.tenant.value + ' ' + who.user.value
                         : "key " + who.key;
}

std::uint32_t times(std::uint32_t count, std::uint32_t factor) noexcept {
  auto product = std::uint64_t{count} * factor;
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(
      product, std::numeric_limits<std::uint32_t>::max()));
}

} // namespace

std::vector<bucket> buckets_of(const route& line, const http_request& request,
                               const identity& who,
                               const config::http_settings& limits) {
  std::vector<bucket> all;
  auto is_known = line.counted == rate::caller;
  auto caller = is_known ? caller_of(who) : "address " + request.client;
  if (is_known) {
    auto tier = limits_of(who.tier);
    all.push_back({"caller minute " + caller, tier.minute, window_seconds[0]});
    all.push_back({"caller hour " + caller, tier.hour, window_seconds[1]});
    all.push_back({"caller day " + caller, tier.day, window_seconds[2]});
    all.push_back({"tenant " + who.tenant.value,
                   times(tier.minute, limits.rate_tenant_factor),
                   window_seconds[0]});
  }
  if (line.per_minute > 0)
    all.push_back({"route " + std::string{line.pattern} + ' ' + caller,
                   times(line.per_minute, limits.rate_route_factor),
                   window_seconds[0]});
  all.push_back({"address " + request.client, limits.rate_address_minute,
                 window_seconds[0]});
  return all;
}

http_fields rate_fields(const route& line, const std::vector<bucket>& all,
                        const bucket_verdict& verdict, std::int64_t unix_now) {
  http_fields fields;
  if (line.counted == rate::caller)
    fields
        = {{"X-RateLimit-Limit-Minute", std::to_string(all[0].most)},
           {"X-RateLimit-Remaining-Minute", std::to_string(verdict.left[0])},
           {"X-RateLimit-Limit-Hour", std::to_string(all[1].most)},
           {"X-RateLimit-Remaining-Hour", std::to_string(verdict.left[1])},
           {"X-RateLimit-Reset",
            std::to_string(unix_now
                           + whole_seconds(verdict.allowed ? until_full(
                                               all[0], verdict.left[0])
                                                           : verdict.wait))}};
  // Lists of strings with parameters, as RFC 9651 writes them.
  std::string policies;
  std::string states;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto name = (i == 0 ? "\"" : ", \"") + std::string{policy_of(all[i])} + '"';
    policies += name + ";q=" + std::to_string(all[i].most)
                + ";w=" + std::to_string(all[i].seconds);
    // Of the one that refuses it says the same as Retry-After.
    bool refuses = !verdict.allowed && i == verdict.by;
    auto wait = refuses ? verdict.wait : until_full(all[i], verdict.left[i]);
    states += name + ";r=" + std::to_string(verdict.left[i])
              + ";t=" + std::to_string(whole_seconds(wait));
  }
  fields.emplace_back("RateLimit-Policy", std::move(policies));
  fields.emplace_back("RateLimit", std::move(states));
  return fields;
}

http_response too_many_answer(const route& line, const std::vector<bucket>& all,
                              const bucket_verdict& verdict,
                              std::int64_t unix_now) {
  const auto& full = all[verdict.by];
  auto seconds = std::to_string(whole_seconds(verdict.wait));
  json_out body;
  if (line.counted == rate::address) {
    body["error"] = "rate_limit_exceeded";
    body["message"] = "Too many requests from this address. Try again in "
                      + seconds + " seconds.";
  } else {
    auto window = std::string{window_of(full)};
    std::string whose = kind_of(full);
    body["error"] = "Rate limit exceeded";
    body["message"] = "Too many requests. " + window + " limit exceeded"
                      + (whose == "caller" ? "" : " by this " + whose)
                      + ". Try again in " + seconds + " seconds.";
    body["window"] = window;
  }
  auto answer = json_answer(429, body);
  answer.fields.emplace_back("Retry-After", seconds);
  for (auto& field : rate_fields(line, all, verdict, unix_now))
    answer.fields.push_back(std::move(field));
  return answer;
}

const char* kind_of(const bucket& what) noexcept {
  for (const char* kind : {"tenant", "address", "route"})
    if (what.key.starts_with(kind))
      return kind;
  return "caller";
}

} // namespace shannon::gateway
