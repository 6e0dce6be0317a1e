#include "actors/browser/page/base64.hpp"

#include <openssl/evp.h>

namespace shannon::browser {

std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0)
    return {};
  std::string out(text.size() / 4 * 3, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  auto* from = reinterpret_cast<const unsigned char*>(text.data());
  auto size = EVP_DecodeBlock(to, from, static_cast<int>(text.size()));
  if (size < 0)
    return {};
  // It counts the padding as bytes.
  std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(size) - padding);
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out((bytes.size() + 2) / 3 * 4, '\0');
  auto* to = reinterpret_cast<unsigned char*>(out.data());
  auto* from = reinterpret_cast<const unsigned char*>(bytes.data());
  // It writes a NUL behind, where a std::string has its own.
  EVP_EncodeBlock(to, from, static_cast<int>(bytes.size()));
  return out;
}

} // namespace shannon::browser
