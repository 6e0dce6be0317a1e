#pragma once

#include "actors/gateway/desk.hpp"

#include <chrono>
#include <functional>
#include <string>

namespace shannon::gateway {

/// Requests under an Idempotency-Key whose answer is recorded: the first does
/// the work, who comes with the same key meanwhile waits for its answer, and
/// who comes later is given it again. Only answers of success are recorded;
/// after any other the work may be tried again.
class recorded_answers {
public:
  explicit recorded_answers(desk& gateway) : gateway_(gateway) {}

  /// Calls `work` if the request is to be carried out, else answers it.
  void run(const call_ptr& request, std::function<void(const call_ptr&)> work);

private:
  struct claim_job;
  void claim(const std::shared_ptr<claim_job>& job);
  void settle(const std::shared_ptr<claim_job>& job, http_response answer);
  void give_up(const claim_job& job);

  desk& gateway_;
};

/// What is wrong with the request's Idempotency-Key, if anything.
std::optional<http_response> check_idempotency_key(const http_request& request);

/// 422: the key stands for another request.
http_response other_body_answer(const http_request& request);

/// Marks an answer as one that was given before.
void mark_repeated(http_response& answer, const http_request& request);

/// In a header a text of the client's must be ASCII.
std::string header_safe(std::string_view text);

} // namespace shannon::gateway
