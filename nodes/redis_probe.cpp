#include "nodes/redis_probe.hpp"

#include "nodes/services/redis_ping.hpp"

#include <chrono>

namespace shannon::nodes {

namespace {

using namespace std::chrono_literals;

constexpr auto interval = 2s;
constexpr auto patience = 500ms;

} // namespace

redis_probe::redis_probe(const std::string& url) {
  if (url.empty())
    return;
  state_ = "not asked yet";
  thread_ = std::thread{[this, url] { watch(url); }};
}

redis_probe::~redis_probe() {
  {
    std::lock_guard guard{mutex_};
    stop_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

inspector::probe redis_probe::probe() {
  return {"redis", [this](const auto& then) {
            std::string state;
            {
              std::lock_guard guard{mutex_};
              state = state_;
            }
            then({"redis", true, std::move(state)});
          }};
}

void redis_probe::watch(const std::string& url) {
  auto where = services::parse_redis_url(url);
  for (;;) {
    std::string state;
    if (!where)
      state = "away: " + where.error().text;
    else if (auto pong = services::ping_redis(*where, patience); pong)
      state = "ok";
    else
      state = "away: " + pong.error().text;
    std::unique_lock guard{mutex_};
    state_ = std::move(state);
    if (wake_.wait_for(guard, interval, [this] { return stop_; }))
      return;
  }
}

} // namespace shannon::nodes
