#include "actors/workflow/history/base64.hpp"

#include <openssl/evp.h>

namespace shannon::history {

std::string to_base64(std::string_view bytes) {
  // The library ends what it writes with a zero byte.
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');
  auto size
      = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                        reinterpret_cast<const unsigned char*>(bytes.data()),
                        static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(size));
  return text;
}

std::optional<std::string> of_base64(std::string_view text) {
  std::string bytes(text.size() / 4 * 3 + 3, '\0');
  auto size
      = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                        reinterpret_cast<const unsigned char*>(text.data()),
                        static_cast<int>(text.size()));
  if (size < 0)
    return std::nullopt;
  bytes.resize(static_cast<std::size_t>(size));
  // It takes padding for zero bytes, and is lax about blanks around.
  if (text.ends_with("=="))
    bytes.resize(bytes.size() - 2);
  else if (text.ends_with("="))
    bytes.resize(bytes.size() - 1);
  if (to_base64(bytes) != text)
    return std::nullopt;
  return bytes;
}

} // namespace shannon::history
