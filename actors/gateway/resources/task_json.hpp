#pragma once

#include "actors/gateway/text/json_text.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/store.hpp"

#include <cstddef>
#include <string_view>

/// Stored tasks as clients see them. Pure.
namespace shannon::gateway {

/// `TASK_STATUS_…`. A parked task is shown as running, since the contract has
/// no word for it and a person will make it run on.
std::string_view task_status(store::log_status status) noexcept;

/// GET /api/v1/tasks/{id}.
json_out task_detail(const store::log_head& head);

/// Bytes of a query that a list shows; what is about one task has all of it.
constexpr std::size_t listed_query_max = 2'000;

/// One entry of GET /api/v1/tasks.
json_out task_summary(const store::log_head& head);

} // namespace shannon::gateway
