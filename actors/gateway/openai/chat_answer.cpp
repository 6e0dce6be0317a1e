#include "actors/gateway/openai/chat_answer.hpp"

#include <utility>

namespace shannon::gateway::chat {

chat_answer::chat_answer(call_ptr request, dialect speaks,
                         metrics::gateway_metrics& metrics,
                         std::function<void()> gone)
    : request_(std::move(request)), speaks_(speaks), metrics_(metrics),
      gone_(std::move(gone)) {}

chat_answer::~chat_answer() {
  close();
}

void chat_answer::begin(answer_head head, bool stream) {
  writer_ = writer_of(speaks_, std::move(head));
  streams_ = stream;
  request_->watch(gone_);
}

void chat_answer::set_field(std::string name, std::string value) {
  std::erase_if(fields_, [&](const auto& one) { return one.first == name; });
  fields_.emplace_back(std::move(name), std::move(value));
}

// -- streams ------------------------------------------------------------------

void chat_answer::open() {
  if (!streams_ || out_ || over_)
    return;
  http_response head{200,
                     {{"Content-Type", "text/event-stream"},
                      {"Cache-Control", "no-cache"},
                      {"Connection", "keep-alive"},
                      {"X-Accel-Buffering", "no"}},
                     {}};
  for (auto& field : request_->trace_fields())
    head.fields.push_back(std::move(field));
  for (auto& field : fields_)
    head.fields.push_back(std::move(field));
  metrics_.stream_opened();
  out_ = request_->release()->stream(std::move(head), {{}, gone_});
  request_.reset();
  say(writer_->begin());
}

void chat_answer::say(std::string bytes) {
  if (bytes.empty() || over_)
    return;
  quiet_ = false;
  auto outcome = out_->write(std::move(bytes));
  if (outcome == response_stream::outcome::taken)
    return;
  if (outcome == response_stream::outcome::too_slow)
    metrics_.stream_dropped();
  over_ = true;
}

void chat_answer::say(const told_answer::news& news) {
  if (news.empty())
    return;
  open();
  std::string bytes;
  if (!news.text.empty())
    bytes += writer_->text(news.text);
  for (const auto& call : news.calls)
    bytes += writer_->call(call);
  metrics_.events_sent(1);
  say(std::move(bytes));
}

void chat_answer::take(const remote::LlmDelta& piece) {
  if (streams_ && !over_)
    say(told_.take(piece));
}

void chat_answer::event(const run_event& what) {
  if (streams_ && !over_)
    say(writer_->event(what));
}

void chat_answer::keep_alive() {
  if (!streams_ || over_ || !std::exchange(quiet_, true))
    return;
  open();
  say(writer_->keepalive());
  quiet_ = true;
}

// -- ends ---------------------------------------------------------------------

void chat_answer::end(const remote::LlmResponse& whole) {
  if (over_)
    return;
  if (!streams_) {
    auto answer = writer_->whole(whole);
    for (auto& field : fields_)
      answer.fields.push_back(std::move(field));
    over_ = true;
    request_->answer(std::move(answer));
    return request_.reset();
  }
  open();
  say(told_.rest(whole.message()));
  say(writer_->end(whole));
  close();
}

void chat_answer::refuse(const error& why) {
  if (over_)
    return;
  if (out_) {
    say(writer_->broke(why));
    return close();
  }
  over_ = true;
  request_->answer(refusal(speaks_, why));
  request_.reset();
}

void chat_answer::close() {
  over_ = true;
  if (auto out = std::exchange(out_, nullptr)) {
    metrics_.stream_closed();
    out->close();
  }
}

} // namespace shannon::gateway::chat
