#include "actors/gateway/limits/rate_counter.hpp"

#include "actors/kit/log.hpp"

#include <optional>
#include <utility>

namespace shannon::gateway {

namespace {

/// Says once that Redis is there or not, however often it is dialled.
auto teller(const std::string& where, metrics::gateway_metrics& metrics) {
  return [where, &metrics, was = std::optional<bool>{}](
             bool is_up, const std::string& why) mutable {
    metrics.rates_shared(is_up);
    if (std::exchange(was, is_up) == is_up)
      return;
    if (is_up)
      kit::log::info("rates-shared", "GATEWAY counts requests in Redis",
                     {{"redis", where}});
    else
      kit::log::warning("rates-alone",
                        "GATEWAY counts requests alone: Redis is away, so each "
                        "node allows what all should",
                        {{"redis", where}, {"why", why}});
  };
}

} // namespace

rate_counter::rate_counter(const std::string& redis_url,
                           std::chrono::milliseconds timeout, poster post,
                           clock now, metrics::gateway_metrics& metrics)
    : post_(std::move(post)), now_(std::move(now)), metrics_(metrics) {
  if (redis_url.empty())
    return;
  auto where = config::parse_redis_url(redis_url);
  if (!where) {
    teller("redis.url", metrics)(false, where.error().text);
    return;
  }
  redis_ = std::make_unique<redis_buckets>(*where, timeout,
                                           teller(where->shown(), metrics));
}

bucket_verdict rate_counter::take_here(const std::vector<bucket>& all) {
  metrics_.rate_counted("node");
  return here_.take(all, now_());
}

void rate_counter::take(std::vector<bucket> all,
                        std::function<void(const bucket_verdict&)> then) {
  if (!redis_ || !redis_->is_up())
    return then(take_here(all));
  auto copy = all;
  redis_->take(std::move(copy), [this, post = post_, all = std::move(all),
                                 then = std::move(then)](
                                    std::optional<bucket_verdict> got) mutable {
    post([this, all = std::move(all), then = std::move(then),
          got = std::move(got)] {
      if (!got)
        return then(take_here(all));
      metrics_.rate_counted("redis");
      then(*got);
    });
  });
}

} // namespace shannon::gateway
