#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "actors/gateway/resources/run_events.hpp"
#include "actors/gateway/streams/stream.hpp"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"

#include <tl/expected.hpp>

#include <string>

/// What requests without a body ask for: checked parameters, or the response
/// that says which one is wrong. Pure.
namespace shannon::gateway {

template <class T>
using checked = tl::expected<T, http_response>;

/// GET /api/v1/tasks.
checked<store::list_heads> read_list(const http_request& request,
                                     const tenant_id& tenant);

/// GET …/{id}/events: versions have no gaps, so an offset is a version.
checked<store::read_facts> read_events(const http_request& request,
                                       const std::string& task);

struct timeline_request {
  timeline_mode mode = timeline_mode::summary;
  bool with_payloads = false;
  bool persist = false;
};

/// GET …/{id}/timeline.
checked<timeline_request> read_timeline(const http_request& request,
                                        const std::string& task);

/// A task's id in the path.
checked<log_id> read_task_id(const std::string& task);

/// /api/v1/stream/sse. The Last-Event-ID header wins over the parameter.
checked<stream_request> read_stream(const http_request& request);

/// Where GET …/{id}/stream leads.
checked<std::string> read_stream_redirect(const http_request& request,
                                          const std::string& task);

} // namespace shannon::gateway
