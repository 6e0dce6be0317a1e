#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/remote/schedule.pb.h"
#include "protocols/store.hpp"

#include <tl/expected.hpp>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

/// Schedules as clients see them, and what they say about them. Pure.
namespace shannon::gateway {

/// Runs of one schedule are at least so far apart.
inline constexpr std::chrono::minutes schedule_gap_min{60};
/// Schedules of one user.
inline constexpr std::uint32_t schedules_max = 50;

template <class T>
using checked_body = tl::expected<T, http_response>;

/// The body of POST /api/v1/schedules; without id, owner and times.
checked_body<remote::Schedule> read_schedule(const http_request& request,
                                             std::uint32_t json_depth_max);

/// The body of PUT: what it does not name stays as it is in `what`.
checked_body<remote::Schedule>
read_schedule_update(const http_request& request, std::uint32_t json_depth_max,
                     remote::Schedule what);

/// When it is due next after `now`, microseconds since 1970; 0 for never.
std::int64_t next_run_us(const remote::Schedule& what,
                         std::chrono::system_clock::time_point now);
/// The same as RFC 3339 to the second; empty for never.
std::string next_run_text(const remote::Schedule& what,
                          std::chrono::system_clock::time_point now);

/// The schedule that a head's attributes tell; nothing if they tell none.
std::optional<remote::Schedule> schedule_of(const store::log_head& head);

/// ScheduleInfo. Zeros are there, too: clients read them as the same.
json_out schedule_json(const remote::Schedule& what);

/// One entry of GET …/runs.
json_out schedule_run_json(const store::log_head& task);

} // namespace shannon::gateway
