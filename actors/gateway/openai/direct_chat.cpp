// A CHAT with a model of a provider.

#include "actors/gateway/openai/chat_actor.hpp"
#include "actors/gateway/text/identifiers.hpp"

#include <utility>

namespace shannon::gateway::chat {

remote::LlmCall direct_call(chat_request& request, const tenant_id& tenant) {
  remote::LlmCall call;
  auto& context = *call.mutable_context();
  context.set_attempt_key("chat/" + random_hex(32));
  context.set_tenant(tenant.value);
  request.call.set_stream_tool_calls(request.call.stream());
  *call.mutable_request() = std::move(request.call);
  return call;
}

void chat_actor::ask_model(chat_request request) {
  auto call = direct_call(request, args_.request->who().tenant);
  attempt_key_ = call.context().attempt_key();
  if (call.request().stream())
    call.mutable_context()->set_reply_deltas_to(self_address().value + "@");
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
