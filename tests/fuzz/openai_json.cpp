// Bodies of POST /v1/chat/completions and /v1/completions.

#include "tests/fuzz/chat_body.hpp"

using namespace shannon;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto body = fuzz::text_of(data, size);
  fuzz::check_chat_body(body, gateway::chat::read_chat);
  fuzz::check_chat_body(body, gateway::chat::read_completions);
  return 0;
}
