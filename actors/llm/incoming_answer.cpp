#include "actors/llm/incoming_answer.hpp"

#include "actors/llm/provider_request.hpp"
#include "actors/llm/wire/upstream_error.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace shannon::llm {

using std::chrono::duration_cast;
using std::chrono::microseconds;

namespace {

/// An error body is read so far; its message stands at its beginning.
constexpr std::size_t error_body_max = 64 * 1024;

} // namespace

incoming_answer::incoming_answer(const asked& what, time_point now)
    : what_(what), reader_(wire_of(what.provider).read(what.call.request())),
      events_(what.settings.response_bytes_max), since_(now), last_token_(now) {
}

void incoming_answer::head(const kit::http_head& head) {
  status_ = head.status;
  retry_after_ = head.find("retry-after");
  is_events_ = head.find("content-type").find("event-stream")
               != std::string_view::npos;
}

result<void> incoming_answer::take(std::string_view bytes, time_point now) {
  if (!is_good() || !is_events_) {
    auto most = is_good() ? what_.settings.response_bytes_max : error_body_max;
    body_ += bytes.substr(0, most - std::min(body_.size(), most));
    return {};
  }
  std::vector<sse_event> events;
  auto ok = events_.feed(bytes, events);
  for (std::size_t i = 0; i < events.size() && ok; ++i)
    ok = reader_->event(events[i]);
  if (!ok)
    return ok;
  // A `ping` is an event, but no token.
  if (std::exchange(pieces_, reader_->pieces()) == reader_->pieces())
    return {};
  last_token_ = now;
  if (first_token_us_ == 0)
    first_token_us_ = duration_cast<microseconds>(now - since_).count();
  take_fresh();
  return {};
}

void incoming_answer::take_fresh() {
  fresh_ += reader_->take_text();
  auto calls = reader_->take_calls();
  if (what_.call.request().stream_tool_calls())
    std::move(calls.begin(), calls.end(), std::back_inserter(fresh_calls_));
}

std::optional<incoming_answer::milliseconds>
incoming_answer::delta_due_in(time_point now) const {
  if (!has_fresh())
    return std::nullopt;
  auto left = delta_interval - duration_cast<milliseconds>(now - last_delta_);
  return left < delta_interval / 4 ? milliseconds{0} : left;
}

std::optional<remote::LlmDelta> incoming_answer::delta(time_point now) {
  if (!has_fresh())
    return std::nullopt;
  last_delta_ = now;
  auto text = std::exchange(fresh_, {});
  auto calls = std::exchange(fresh_calls_, {});
  if (!is_stream())
    return std::nullopt;
  const auto& context = what_.call.context();
  remote::LlmDelta out;
  out.set_attempt_key(context.attempt_key());
  out.set_agent(context.agent());
  out.set_text(std::move(text));
  out.set_index(delta_index_++);
  for (auto& piece : calls)
    *out.add_tool_calls() = std::move(piece);
  return out;
}

result<incoming_answer::milliseconds>
incoming_answer::patience(time_point now) const {
  bool begun = reader_->pieces() > 0;
  auto most = begun ? what_.settings.between_tokens_timeout
                    : what_.settings.first_token_timeout;
  auto quiet = duration_cast<milliseconds>(now - last_token_);
  if (quiet >= most)
    return fail(errc::timeout,
                begun ? "the answer stalled" : "no token in time", true);
  return most - quiet;
}

error incoming_answer::upstream_error(error why) const {
  why.text = what_.provider.name + ": "
             + without_keys(std::move(why.text), what_.provider.api_key);
  return why;
}

result<remote::LlmResponse>
incoming_answer::end(result<void> how, time_point now,
                     std::chrono::system_clock::time_point date) {
  if (status_ != 0 && !is_good())
    return tl::unexpected<error>(
        to_error({what_.provider.name, status_, body_, retry_after_,
                  what_.provider.api_key},
                 date));
  // A stream may have said all before its connection failed.
  if (!how && !(is_events_ && how.error().code == errc::unavailable))
    return tl::unexpected<error>(upstream_error(std::move(how.error())));
  if (!is_events_)
    if (auto ok = reader_->body(body_); !ok)
      return tl::unexpected<error>(upstream_error(std::move(ok.error())));
  auto answer = reader_->finish();
  if (!answer)
    return tl::unexpected<error>(upstream_error(std::move(answer.error())));
  take_fresh();
  answer->set_model(what_.model.id);
  answer->set_provider(what_.provider.name);
  auto& usage = *answer->mutable_usage();
  usage.set_cost_nanousd(cost_nanousd(what_.model.costs, usage));
  auto took = duration_cast<microseconds>(now - since_).count();
  answer->set_duration_us(took);
  answer->set_first_token_us(first_token_us_ != 0 ? first_token_us_ : took);
  return answer;
}

} // namespace shannon::llm
