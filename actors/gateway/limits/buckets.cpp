#include "actors/gateway/limits/buckets.hpp"

#include <algorithm>
#include <cmath>

namespace shannon::gateway {

node_buckets::entry&
node_buckets::find(const bucket& what,
                   std::chrono::steady_clock::time_point now) {
  auto [at, is_new] = keys_.try_emplace(what.key);
  auto& known = at->second;
  if (is_new) {
    known.tokens = what.most;
    known.at = now;
    by_use_.push_front(what.key);
    known.used = by_use_.begin();
    return known;
  }
  by_use_.splice(by_use_.begin(), by_use_, known.used);
  auto gone = std::chrono::duration<double>(now - known.at).count();
  auto rate = static_cast<double>(what.most) / what.seconds;
  // What it holds at most may have shrunk since.
  known.tokens
      = std::min<double>(what.most, known.tokens + std::max(gone, 0.0) * rate);
  known.at = now;
  return known;
}

bucket_verdict node_buckets::take(const std::vector<bucket>& all,
                                  std::chrono::steady_clock::time_point now) {
  bucket_verdict verdict;
  std::vector<entry*> found;
  for (std::size_t i = 0; i < all.size(); ++i) {
    found.push_back(&find(all[i], now));
    auto tokens = found.back()->tokens;
    if (tokens >= 1)
      continue;
    verdict.allowed = false;
    auto ms = std::ceil((1 - tokens) * all[i].seconds * 1'000 / all[i].most);
    std::chrono::milliseconds wait{static_cast<std::int64_t>(ms)};
    if (wait > verdict.wait) {
      verdict.wait = wait;
      verdict.by = i;
    }
  }
  for (auto* one : found) {
    if (verdict.allowed)
      one->tokens -= 1;
    verdict.left.push_back(static_cast<std::uint32_t>(one->tokens));
  }
  while (keys_.size() > keys_max_) {
    keys_.erase(by_use_.back());
    by_use_.pop_back();
  }
  return verdict;
}

} // namespace shannon::gateway
