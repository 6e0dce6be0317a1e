#include "actors/gateway/identity/digest.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace shannon::gateway {

namespace {

constexpr std::string_view alphabet
    = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

constexpr std::array<std::int8_t, 256> values = [] {
  std::array<std::int8_t, 256> out{};
  out.fill(-1);
  for (std::size_t i = 0; i < alphabet.size(); ++i)
    out[static_cast<unsigned char>(alphabet[i])] = static_cast<std::int8_t>(i);
  return out;
}();

const unsigned char* raw(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

unsigned char* raw(std::string& text) {
  return reinterpret_cast<unsigned char*>(text.data());
}

} // namespace

std::string sha256(std::string_view text) {
  std::string out(digest_bytes, '\0');
  SHA256(raw(text), text.size(), raw(out));
  return out;
}

std::string hmac_sha256(std::string_view key, std::string_view text) {
  std::string out(digest_bytes, '\0');
  unsigned int size = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()), raw(text),
       text.size(), raw(out), &size);
  return out;
}

bool same_digest(std::string_view a, std::string_view b) noexcept {
  return a.size() == digest_bytes && b.size() == digest_bytes
         && CRYPTO_memcmp(a.data(), b.data(), digest_bytes) == 0;
}

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  if (RAND_bytes(raw(out), static_cast<int>(count)) != 1) {
    std::fputs("shannon: no random bytes from the system, leaving\n", stderr);
    std::abort();
  }
  return out;
}

std::string to_base64url(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() * 4 + 2) / 3);
  std::uint32_t held = 0;
  int bits = 0;
  for (unsigned char c : bytes) {
    held = held << 8 | c;
    for (bits += 8; bits >= 6; bits -= 6)
      out.push_back(alphabet[held >> (bits - 6) & 63]);
  }
  if (bits > 0)
    out.push_back(alphabet[held << (6 - bits) & 63]);
  return out;
}

bool from_base64url(std::string_view text, std::string& out) {
  out.clear();
  if (text.size() % 4 == 1)
    return false;
  out.reserve(text.size() * 3 / 4);
  std::uint32_t held = 0;
  int bits = 0;
  for (unsigned char c : text) {
    auto value = values[c];
    if (value < 0)
      return false;
    held = held << 6 | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<char>(held >> bits & 255));
    }
  }
  return (held & ((1u << bits) - 1)) == 0;
}

void wipe(std::string& secret) noexcept {
  OPENSSL_cleanse(secret.data(), secret.size());
  secret.clear();
}

} // namespace shannon::gateway
