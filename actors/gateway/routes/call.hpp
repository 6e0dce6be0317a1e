#pragma once

#include "actors/gateway/http/http_server.hpp"
#include "actors/gateway/identity/identity.hpp"
#include "actors/gateway/routes/routes.hpp"
#include "actors/gateway/text/answers.hpp"
#include "metrics/gateway_metrics.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace shannon::gateway {

/// One request on its way to its answer: the exchange with what routing found.
/// Adds tracing fields and counts. Any thread may answer, once.
class call {
public:
  call(exchange_ptr client, const route& to, std::vector<std::string> parts,
       metrics::gateway_metrics& metrics);

  const http_request& request() const noexcept {
    return client_->request();
  }
  boost::asio::io_context& loop() const noexcept {
    return client_->loop();
  }
  const route& to() const noexcept {
    return to_;
  }
  endpoint leads_to() const noexcept {
    return to_.leads_to;
  }
  /// Set by admission, before the handler runs.
  const identity& who() const noexcept {
    return who_;
  }
  void admit(identity who) {
    who_ = std::move(who);
  }
  /// Has the pattern braces?
  bool names_one() const noexcept {
    return !parts_.empty();
  }
  /// What the pattern's first brace matched.
  const std::string& id() const noexcept {
    return parts_.front();
  }
  /// What its last one matched.
  const std::string& rest() const noexcept {
    return parts_.back();
  }

  /// A refusal is put in the words of the surface that was asked.
  void answer(http_response response);
  void answer(const error& why) {
    answer(error_answer(why));
  }
  void answer(int status, const json_out& body) {
    answer(json_answer(status, body));
  }

  /// From now on `with` has the answer instead of the client, and sends it;
  /// or hears that the client gets a stream.
  void before_answer(std::function<void(http_response)> with,
                     std::function<void()> streams);
  /// Sends it to the client, whoever waits for it.
  void send(http_response response);

  /// By which it, and all that is done for it, is found in logs and traces.
  const std::string& trace_id() const noexcept {
    return trace_id_;
  }

  /// Served on every node, whatever its role.
  bool is_for_operators() const noexcept {
    return to_.by != doors::api;
  }

  /// See `exchange::watch`.
  void watch(std::function<void()> gone) {
    client_->watch(std::move(gone));
  }
  /// Stand in the answer's head, whatever it is.
  void add_fields(http_fields more);

  /// For a response that is streamed: counts it as answered.
  exchange_ptr release();
  http_fields trace_fields() const;

private:
  void count(int status);

  exchange_ptr client_;
  const route& to_;
  std::vector<std::string> parts_;
  metrics::gateway_metrics& metrics_;
  identity who_;
  std::string trace_id_;
  http_fields more_fields_;
  std::function<void(http_response)> before_answer_;
  std::function<void()> streams_;
  std::chrono::steady_clock::time_point begun_;
};

using call_ptr = std::shared_ptr<call>;

/// Answers what needs no handler: preflight, redirects, unknown paths, wrong
/// methods. Else returns the call for a handler.
call_ptr route_call(exchange_ptr client, metrics::gateway_metrics& metrics);

/// The trace id of a request: from traceparent, X-Trace-ID or X-Request-ID,
/// else a fresh one.
std::string trace_id_of(const http_request& request);

} // namespace shannon::gateway
