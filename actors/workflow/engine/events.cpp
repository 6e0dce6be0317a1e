#include "actors/workflow/engine/events.hpp"

#include <openssl/evp.h>

#include <array>

namespace shannon::workflow {

std::string sha256(std::string_view bytes) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned size = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest.data(), &size, EVP_sha256(),
             nullptr);
  return {reinterpret_cast<const char*>(digest.data()), size};
}

facts::Event event_of(std::string type, std::string message) {
  facts::Event event;
  event.set_type(std::move(type));
  event.set_message(std::move(message));
  return event;
}

} // namespace shannon::workflow
