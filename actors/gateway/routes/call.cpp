#include "actors/gateway/routes/call.hpp"

#include "actors/gateway/openai/answer_writer.hpp"
#include "actors/gateway/openai/models_json.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <utility>

namespace shannon::gateway {

namespace {

constexpr std::string_view unrouted = "unknown";

http_response in_words_asked_for(const http_request& request,
                                 http_response response) {
  if (response.status < 400)
    return response;
  auto speaks = chat::dialect_of(request);
  return speaks ? chat::in_words_of(*speaks, std::move(response))
                : std::move(response);
}

/// Counts and sends an answer that no handler gave.
void settle(const exchange_ptr& client, http_response response,
            metrics::gateway_metrics& metrics) {
  metrics.request_ended(unrouted, response.status, {});
  client->respond(in_words_asked_for(client->request(), std::move(response)));
}

} // namespace

std::string trace_id_of(const http_request& request) {
  auto parent = request.find("traceparent");
  if (auto first = parent.find('-'); first != std::string_view::npos) {
    auto rest = parent.substr(first + 1);
    auto id = rest.substr(0, rest.find('-'));
    if (is_identifier(id))
      return std::string{id};
  }
  for (auto name : {"x-trace-id", "x-request-id"})
    if (auto id = request.find(name); is_identifier(id))
      return std::string{id};
  return random_hex(32);
}

call::call(exchange_ptr client, const route& to, std::vector<std::string> parts,
           metrics::gateway_metrics& metrics)
    : client_(std::move(client)), to_(to), parts_(std::move(parts)),
      metrics_(metrics), begun_(std::chrono::steady_clock::now()) {
  if (to_.traced)
    trace_id_ = trace_id_of(request());
}

void call::before_answer(std::function<void(http_response)> with,
                         std::function<void()> streams) {
  before_answer_ = std::move(with);
  streams_ = std::move(streams);
}

void call::answer(http_response response) {
  streams_ = nullptr;
  if (auto with = std::exchange(before_answer_, nullptr))
    return with(std::move(response));
  send(std::move(response));
}

void call::send(http_response response) {
  for (auto& field : trace_fields())
    response.fields.push_back(std::move(field));
  count(response.status);
  client_->respond(in_words_asked_for(request(), std::move(response)));
}

exchange_ptr call::release() {
  before_answer_ = nullptr;
  if (auto streams = std::exchange(streams_, nullptr))
    streams();
  count(200);
  return client_;
}

void call::add_fields(http_fields more) {
  for (auto& field : more)
    more_fields_.push_back(std::move(field));
}

http_fields call::trace_fields() const {
  auto all = more_fields_;
  if (to_.traced) {
    all.emplace_back("X-Trace-ID", trace_id_);
    all.emplace_back("X-Span-ID", random_hex(14));
  }
  return all;
}

void call::count(int status) {
  auto took = std::chrono::steady_clock::now() - begun_;
  metrics_.request_ended(
      to_.pattern, status,
      std::chrono::duration_cast<std::chrono::microseconds>(took));
}

call_ptr route_call(exchange_ptr client, metrics::gateway_metrics& metrics) {
  const auto& request = client->request();
  if (request.method == "OPTIONS") {
    settle(client, {200, {}, {}}, metrics);
    return nullptr;
  }
  auto found = match(request);
  switch (found.what) {
  case route_match::outcome::found:
    return std::make_shared<call>(std::move(client), *found.to,
                                  std::move(found.parts), metrics);
  case route_match::outcome::moved:
    settle(client, redirect_answer(301, found.text), metrics);
    break;
  case route_match::outcome::wrong_method: {
    auto answer = text_answer(405, "Method Not Allowed");
    answer.fields.emplace_back("Allow", found.text);
    settle(client, std::move(answer), metrics);
    break;
  }
  case route_match::outcome::bad_path:
    settle(client, error_answer(400, "Invalid escape in path"), metrics);
    break;
  case route_match::outcome::unknown_path:
    settle(client, text_answer(404, "404 page not found"), metrics);
    break;
  }
  return nullptr;
}

} // namespace shannon::gateway
