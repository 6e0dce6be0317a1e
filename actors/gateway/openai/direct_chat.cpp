// A CHAT with a model of a provider.

#include "actors/gateway/openai/chat_actor.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <utility>

namespace shannon::gateway::chat {

void chat_actor::ask_model(chat_request request) {
  remote::LlmCall call;
  auto& context = *call.mutable_context();
  attempt_key_ = "chat/" + random_hex(32);
  context.set_attempt_key(attempt_key_);
  context.set_tenant(args_.request->who().tenant.value);
  if (request.call.stream())
    context.set_reply_deltas_to(self_address().value + "@");
  request.call.set_stream_tool_calls(request.call.stream());
  *call.mutable_request() = std::move(request.call);
  args_.request.reset(); // Its body has been read.
  ask<remote::LlmResponse>(
      {"llm"}, std::move(call), args_.settings->chat_timeout,
      [this](result<remote::LlmResponse> got) {
        attempt_key_.clear();
        got ? answer_.end(*got) : answer_.refuse(got.error());
        quit_if_over();
      });
}

void chat_actor::on(const remote::LlmDelta& msg) {
  if (msg.attempt_key() != attempt_key_)
    return;
  answer_.take(msg);
  quit_if_over();
}

} // namespace shannon::gateway::chat
