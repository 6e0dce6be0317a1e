#pragma once

#include "actors/gateway/http/http_message.hpp"
#include "protocols/inspector.hpp"
#include "protocols/link.hpp"

#include <tl/expected.hpp>

/// What the admin port tells of a node's actors. docs/operations.md describes
/// the shapes. Pure.
namespace shannon::gateway {

/// GET /debug/tree.
http_response tree_answer(const inspector::tree_node& root);

/// GET /debug/actors: the page asked for, or the response that says which
/// parameter is wrong. What a cursor or a state may be the INSPECTOR knows.
tl::expected<inspector::get_actors, http_response>
read_actors(const http_request& request);
http_response actors_answer(const inspector::actor_page& page);

/// GET /debug/top: the same for the busiest.
tl::expected<inspector::get_top, http_response>
read_top(const http_request& request);
http_response top_answer(const inspector::top_page& page);

/// GET /debug/workflows: the same for runs.
tl::expected<inspector::get_runs, http_response>
read_runs(const http_request& request);
http_response runs_answer(const inspector::run_page& page);

/// GET /debug/links.
http_response links_answer(const link::link_states& states);

/// GET /debug/leases.
http_response leases_answer(const inspector::lease_report& report);

} // namespace shannon::gateway
