// Bodies of POST /v1/messages.

#include "tests/fuzz/chat_body.hpp"

using namespace shannon;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::check_chat_body(fuzz::text_of(data, size),
                        gateway::chat::read_messages);
  return 0;
}
