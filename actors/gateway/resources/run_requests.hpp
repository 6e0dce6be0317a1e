#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/text/json_text.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/store.hpp"

#include <tl/expected.hpp>

#include <cstdint>
#include <string>
#include <string_view>

/// What operators ask of a run on the admin port, and how it is answered: a
/// checked message, or the response that says what is wrong. Pure.
namespace shannon::gateway {

template <class T>
using read_request = tl::expected<T, http_response>;

/// POST …/{id}/signal: `name`, and either `payload`, a text, or
/// `payload_base64`; `signal_id` tells a repeat from a second signal.
read_request<remote::SignalTask> read_signal(const http_request& request,
                                             const std::string& run,
                                             std::uint32_t json_depth_max);

/// POST …/{id}/resume: `reason`, `by`, `forget`: places of steps whose record
/// is forgotten. No body is right too.
read_request<remote::ResumeRun> read_resume(const http_request& request,
                                            const std::string& run,
                                            std::uint32_t json_depth_max);

/// POST …/{id}/query: `name` and a payload as for a signal.
read_request<remote::QueryRun> read_query(const http_request& request,
                                          const std::string& run,
                                          std::uint32_t json_depth_max);

/// A step's place as it is shown: `scope/key#2`; without `#n` the first.
result<facts::StepId> read_place(std::string_view text);

/// A run as its head tells it, and as it tells itself if it lives.
json_out run_json(const store::log_head& head,
                  const remote::RunDescription* live);

/// `payload`, if it is UTF-8, else `payload_base64`.
json_out query_json(const remote::QueryAnswer& answer);

} // namespace shannon::gateway
