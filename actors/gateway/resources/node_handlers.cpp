#include "actors/gateway/resources/node_handlers.hpp"

#include "actors/gateway/resources/health_json.hpp"
#include "actors/gateway/resources/inspect_json.hpp"
#include "actors/gateway/routes/openapi.hpp"
#include "protocols/inspector.hpp"
#include "protocols/link.hpp"

#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

constexpr auto patience = 3s;

/// Asks, and answers with what `shape` makes of it.
template <class Answer, class F>
void look(desk& gateway, const call_ptr& request, const char* whom,
          message_body question, F shape) {
  gateway.ask<Answer>({whom}, std::move(question), patience,
                      [request, shape](const result<Answer>& got) {
                        got ? request->answer(shape(*got))
                            : request->answer(got.error());
                      });
}

/// The same for a page that the query describes.
template <class Answer, class Read, class F>
handler_table::handler pages(desk& gateway, Read read, F shape) {
  return [&gateway, read, shape](const call_ptr& request) {
    auto wanted = read(request->request());
    if (!wanted)
      return request->answer(std::move(wanted.error()));
    look<Answer>(gateway, request, "inspector", std::move(*wanted), shape);
  };
}

void tell_ready(desk& gateway, const call_ptr& request) {
  gateway.ask<inspector::health_report>(
      {"inspector"}, inspector::get_health{}, patience,
      [&gateway, request](const result<inspector::health_report>& got) {
        request->answer(ready_answer(got, gateway.env().now()));
      });
}

void tell_details(desk& gateway, const call_ptr& request) {
  gateway.ask<inspector::health_report>(
      {"inspector"}, inspector::get_health{}, patience,
      [&gateway, request, begun = gateway.clock_now()](
          const result<inspector::health_report>& got) {
        request->answer(detailed_answer(got, gateway.env().now(),
                                        gateway.clock_now() - begun));
      });
}

void tell_links(desk& gateway, const call_ptr& request) {
  // A node without links has nobody there, and no links.
  if (!gateway.env().addresses.find({"links"}))
    return request->answer(links_answer({}));
  look<link::link_states>(gateway, request, "links", link::get_links{},
                          links_answer);
}

http_response metrics_answer(metrics::registry& registry) {
  return {200,
          {{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}},
          registry.render()};
}

http_response draining_answer() {
  json_out body;
  body["status"] = "draining";
  return json_answer(202, body);
}

} // namespace

void add_node_handlers(handler_table& table, desk& gateway,
                       metrics::registry& registry,
                       std::function<void()> drain_node) {
  using enum endpoint;
  table.set(ready, [&gateway](auto& call) { tell_ready(gateway, call); });
  table.set(health_detailed,
            [&gateway](auto& call) { tell_details(gateway, call); });
  table.set(metrics, [&registry](auto& call) {
    call->answer(metrics_answer(registry));
  });
  table.set(openapi, [](auto& call) { call->answer(openapi_answer()); });
  table.set(tree, [&gateway](auto& call) {
    look<inspector::tree_node>(gateway, call, "inspector",
                               inspector::get_tree{}, tree_answer);
  });
  table.set(actors,
            pages<inspector::actor_page>(gateway, read_actors, actors_answer));
  table.set(top, pages<inspector::top_page>(gateway, read_top, top_answer));
  table.set(workflows,
            pages<inspector::run_page>(gateway, read_runs, runs_answer));
  table.set(links, [&gateway](auto& call) { tell_links(gateway, call); });
  table.set(leases, [&gateway](auto& call) {
    look<inspector::lease_report>(gateway, call, "inspector",
                                  inspector::get_leases{}, leases_answer);
  });
  table.set(drain, [drain_node = std::move(drain_node)](auto& call) {
    drain_node();
    call->answer(draining_answer());
  });
}

} // namespace shannon::gateway
