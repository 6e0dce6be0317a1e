#include "actors/gateway/openai/straight_chat.hpp"

#include <boost/asio/post.hpp>

#include <utility>

namespace shannon::gateway::chat {

straight_chat::straight_chat(straight_args args) : args_(std::move(args)) {}

void straight_chat::begin() {
  auto head = head_of(args_.asks, args_.speaks, nullptr, args_.env.now());
  auto call = std::make_shared<const remote::LlmCall>(
      direct_call(args_.asks, args_.request->who().tenant));
  offer(call);
  if (!has_begun_) {
    args_.asks.call = call->request();
    return args_.the_long_way(std::move(args_.request), std::move(args_.asks));
  }
  auto streams = call->request().stream();
  auto& loop = args_.request->loop();
  answer_.emplace(std::exchange(args_.request, nullptr), args_.speaks,
                  args_.metrics, [weak = weak_from_this(), &loop] {
                    boost::asio::post(loop, [weak] {
                      if (auto self = weak.lock())
                        self->client_left();
                    });
                  });
  answer_->begin(std::move(head), streams);
  if (!streams)
    return;
  heartbeat_.emplace(loop);
  keep_time();
}

void straight_chat::offer(std::shared_ptr<const remote::LlmCall> call) {
  auto mail = std::make_shared<envelope>();
  mail->to = {"llm"};
  mail->tenant = args_.context.tenant;
  mail->traceparent = args_.context.traceparent;
  mail->body = straight::offer{std::move(call), &args_.request->loop(),
                               shared_from_this(), args_.settings->chat_timeout,
                               nullptr};
  args_.env.addresses.deliver(mail);
}

void straight_chat::begun(std::shared_ptr<straight::call> what) {
  has_begun_ = true;
  call_ = std::move(what);
}

void straight_chat::piece(remote::LlmDelta what) {
  answer_->take(what);
  if (answer_->over())
    client_left();
}

void straight_chat::end(result<remote::LlmResponse> how) {
  release();
  if (!answer_) // Its last piece was one too many for a slow reader.
    return;
  how ? answer_->end(*how) : answer_->refuse(how.error());
}

void straight_chat::keep_time() {
  heartbeat_->expires_after(args_.settings->sse_heartbeat / 2);
  heartbeat_->async_wait([self = shared_from_this()](auto stopped) {
    if (stopped || !self->call_)
      return;
    self->answer_->keep_alive();
    self->answer_->over() ? self->client_left() : self->keep_time();
  });
}

/// Or reads too slowly, which is the same.
void straight_chat::client_left() {
  auto call = call_;
  release();
  if (call)
    call->cancel();
  answer_.reset();
}

void straight_chat::release() {
  call_.reset();
  if (heartbeat_)
    heartbeat_->cancel();
}

} // namespace shannon::gateway::chat
