#pragma once

#include "actors/gateway/openai/chat_request.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace shannon::fuzz {

/// Reads a body of the chat surface. What holds: it is refused with a text, or
/// it is a call within its bounds that can be sent to another node and is read
/// there.
template <class Read>
void check_chat_body(std::string_view body, Read read) {
  auto parsed = gateway::parse_json(body, 64);
  if (!parsed || !parsed->is_object())
    return;
  auto got = read(*parsed);
  if (!got) {
    expect(got.error().code == errc::invalid_argument,
           "what is wrong is the client's");
    expect(!got.error().text.empty(), "a refusal says why");
    return;
  }
  const auto& call = got->call;
  expect(static_cast<std::size_t>(call.messages_size())
             <= gateway::chat::messages_max,
         "messages have their bound");
  expect(static_cast<std::size_t>(call.tools_size())
             <= gateway::chat::tools_max,
         "tools have their bound");
  std::string sent;
  expect(call.SerializeToString(&sent), "a call can be sent");
  remote::LlmRequest there;
  // Fails for a text that is not UTF-8.
  expect(there.ParseFromString(sent), "a call can be read");
}

} // namespace shannon::fuzz
