#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "protocols/errc.hpp"
#include "protocols/inspector.hpp"

#include <chrono>

namespace shannon::gateway {

using wall_time = std::chrono::system_clock::time_point;

/// GET /health: this process answers HTTP.
http_response health_answer(wall_time now);
/// GET /health/live: this process runs. Asks nobody.
http_response live_answer(wall_time now);
/// GET /health/detailed, for operators: each part of the node, and how long it
/// took to find out; 200 also when it is not well.
http_response detailed_answer(const result<inspector::health_report>& report,
                              wall_time now, std::chrono::nanoseconds took);
/// GET /health/ready: 503 names each part that is not ready.
http_response ready_answer(const result<inspector::health_report>& report,
                           wall_time now);

} // namespace shannon::gateway
