#include "actors/gateway/recorded_answers.hpp"

#include "actors/gateway/text/identifiers.hpp"
#include "actors/kit/log.hpp"
#include "protocols/answers.hpp"

#include <memory>
#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

constexpr std::size_t key_bytes_max = 255;
/// Who waits for another's answer looks this often.
constexpr auto look_again = 100ms;

} // namespace

std::string header_safe(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string all;
  for (char c : text) {
    auto u = static_cast<unsigned char>(c);
    if (u >= 0x20 && u < 0x7f) {
      all += c;
    } else {
      all += '%';
      all += digits[u >> 4];
      all += digits[u & 15];
    }
  }
  return all;
}

std::optional<http_response>
check_idempotency_key(const http_request& request) {
  if (request.find("idempotency-key").size() <= key_bytes_max)
    return std::nullopt;
  return error_answer(400, "Invalid Idempotency-Key: longer than "
                               + std::to_string(key_bytes_max) + " bytes");
}

http_response other_body_answer(const http_request& request) {
  return error_answer(
      422, "Idempotency-Key \"" + header_safe(request.find("idempotency-key"))
               + "\" was used with another body before: send that body again, "
                 "or another key");
}

void mark_repeated(http_response& answer, const http_request& request) {
  answer.fields.emplace_back("X-Idempotency-Cached", "true");
  answer.fields.emplace_back("X-Idempotency-Key",
                             header_safe(request.find("idempotency-key")));
}

struct recorded_answers::claim_job {
  call_ptr request;
  std::function<void(const call_ptr&)> work;
  answers::claim claim;
  std::chrono::steady_clock::time_point until;
};

void recorded_answers::run(const call_ptr& request,
                           std::function<void(const call_ptr&)> work) {
  const auto& what = request->request();
  if (what.method != "POST" || !what.has("idempotency-key"))
    return work(request);
  if (auto wrong = check_idempotency_key(what))
    return request->answer(std::move(*wrong));
  auto job = std::make_shared<claim_job>();
  job->request = request;
  job->work = std::move(work);
  job->claim.tenant = request->who().tenant;
  job->claim.name = idempotency_name(what, request->who());
  job->claim.digest = request_digest(what);
  job->claim.claimer = random_uuid();
  job->until = gateway_.clock_now() + gateway_.settings().ask_timeout;
  claim(job);
}

void recorded_answers::claim(const std::shared_ptr<claim_job>& job) {
  gateway_.ask<answers::claimed>(
      {"records"}, job->claim, gateway_.settings().ask_timeout,
      [this, job](const result<answers::claimed>& got) {
        using outcome = answers::claimed::outcome;
        auto& request = *job->request;
        if (!got)
          return request.answer(got.error());
        switch (got->how) {
        case outcome::other_body:
          return request.answer(other_body_answer(request.request()));
        case outcome::settled: {
          http_response answer{got->what.status, got->what.fields,
                               got->what.body};
          mark_repeated(answer, request.request());
          return request.answer(std::move(answer));
        }
        case outcome::under_way:
          if (gateway_.clock_now() >= job->until)
            return request.answer(
                error{errc::unavailable,
                      "a request under the same Idempotency-Key is under way",
                      true, 1s});
          return gateway_.after(look_again, [this, job] { claim(job); });
        case outcome::mine:
          request.before_answer(
              [this, job, post = gateway_.poster()](http_response answer) {
                post([this, job, answer = std::move(answer)]() mutable {
                  settle(job, std::move(answer));
                });
              },
              [this, job, post = gateway_.poster()] {
                post([this, job] { give_up(*job); });
              });
          return job->work(job->request);
        }
      });
}

/// The answer is sent once it is recorded: who repeats the request then meets
/// it. If it cannot be recorded the work is done all the same, and the client
/// is told so.
void recorded_answers::settle(const std::shared_ptr<claim_job>& job,
                              http_response answer) {
  if (answer.status < 200 || answer.status >= 300) {
    give_up(*job);
    return job->request->send(std::move(answer));
  }
  answers::settle msg{job->claim.tenant,
                      job->claim.name,
                      job->claim.claimer,
                      {answer.status, answer.fields, answer.body}};
  gateway_.ask<answers::settled_ack>(
      {"records"}, std::move(msg), gateway_.settings().ask_timeout,
      [job, answer = std::move(answer)](
          const result<answers::settled_ack>& got) mutable {
        if (!got)
          kit::log::warning("answer-not-recorded",
                            "GATEWAY cannot record an answer: a repeat may "
                            "carry the request out again",
                            {{"reason", got.error().text}});
        job->request->send(std::move(answer));
      });
}

void recorded_answers::give_up(const claim_job& job) {
  gateway_.ask<answers::settled_ack>(
      {"records"},
      answers::give_up{job.claim.tenant, job.claim.name, job.claim.claimer},
      gateway_.settings().ask_timeout,
      [](const result<answers::settled_ack>&) {});
}

} // namespace shannon::gateway
