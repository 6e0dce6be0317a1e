#include "actors/gateway/limits/rate_limits.hpp"

#include "actors/gateway/text/answers.hpp"

#include <algorithm>
#include <cmath>

namespace shannon::gateway {

namespace {

constexpr std::array<double, 3> window_seconds{60, 3'600, 86'400};
constexpr std::array<std::string_view, 3> window_names{"minute", "hour", "day"};

} // namespace

rate_verdict rate_limits::take(const std::string& key, const tier_limits& tier,
                               std::chrono::steady_clock::time_point now) {
  const std::array<std::uint32_t, 3> most{tier.minute, tier.hour, tier.day};
  auto [at, is_new] = keys_.try_emplace(key);
  auto& known = at->second;
  if (is_new) {
    for (std::size_t i = 0; i < 3; ++i)
      known.tokens[i] = most[i];
    known.at = now;
    by_use_.push_front(key);
    known.used = by_use_.begin();
    if (keys_.size() > keys_max_) {
      keys_.erase(by_use_.back());
      by_use_.pop_back();
    }
  } else {
    by_use_.splice(by_use_.begin(), by_use_, known.used);
  }
  auto gone = std::chrono::duration<double>(now - known.at).count();
  known.at = now;
  rate_verdict verdict;
  verdict.most = most;
  double wait = 0;
  for (std::size_t i = 0; i < 3; ++i) {
    auto rate = most[i] / window_seconds[i];
    // A tier may have shrunk since.
    known.tokens[i] = std::min<double>(
        most[i], known.tokens[i] + std::max(gone, 0.0) * rate);
    if (known.tokens[i] >= 1)
      continue;
    verdict.allowed = false;
    if (auto until = (1 - known.tokens[i]) / rate; until > wait) {
      wait = until;
      verdict.window = window_names[i];
    }
  }
  for (std::size_t i = 0; i < 3; ++i) {
    if (verdict.allowed)
      known.tokens[i] -= 1;
    verdict.left[i] = static_cast<std::uint32_t>(known.tokens[i]);
  }
  if (verdict.allowed)
    wait = (most[0] - known.tokens[0]) / (most[0] / 60.0);
  verdict.wait
      = std::chrono::seconds{static_cast<std::int64_t>(std::ceil(wait))};
  return verdict;
}

http_fields rate_fields(const rate_verdict& verdict, std::int64_t unix_now) {
  return {
      {"X-RateLimit-Limit-Minute", std::to_string(verdict.most[0])},
      {"X-RateLimit-Remaining-Minute", std::to_string(verdict.left[0])},
      {"X-RateLimit-Limit-Hour", std::to_string(verdict.most[1])},
      {"X-RateLimit-Remaining-Hour", std::to_string(verdict.left[1])},
      {"X-RateLimit-Reset", std::to_string(unix_now + verdict.wait.count())}};
}

http_response too_many_answer(const rate_verdict& verdict,
                              std::int64_t unix_now) {
  auto window = std::string{verdict.window};
  json_out body;
  body["error"] = "Rate limit exceeded";
  body["message"] = "Too many requests. " + window
                    + " limit exceeded. Try again in "
                    + std::to_string(verdict.wait.count()) + " seconds.";
  body["window"] = window;
  auto answer = json_answer(429, body);
  answer.fields.emplace_back("Retry-After",
                             std::to_string(verdict.wait.count()));
  for (auto& field : rate_fields(verdict, unix_now))
    answer.fields.push_back(std::move(field));
  return answer;
}

} // namespace shannon::gateway
