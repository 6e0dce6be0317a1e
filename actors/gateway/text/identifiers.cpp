#include "actors/gateway/text/identifiers.hpp"

#include "actors/kit/bytes_text.hpp"

#include <openssl/rand.h>
#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <cctype>

namespace shannon::gateway {

namespace {

using uuid_bytes = std::array<unsigned char, 16>;

std::string_view view_of(const auto& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string uuid_text(uuid_bytes bytes, unsigned char version) {
  bytes[6] = static_cast<unsigned char>((bytes[6] & 0x0f) | (version << 4));
  bytes[8] = static_cast<unsigned char>((bytes[8] & 0x3f) | 0x80);
  auto text = kit::to_hex(view_of(bytes));
  for (auto at : {20, 16, 12, 8})
    text.insert(static_cast<std::size_t>(at), 1, '-');
  return text;
}

/// Drawn in advance, since asking costs more than what is asked for; each byte
/// is given once and then forgotten.
uuid_bytes random_bytes() {
  thread_local std::array<unsigned char, 4096> drawn{};
  thread_local std::size_t used = drawn.size();
  if (used == drawn.size()) {
    RAND_bytes(drawn.data(), static_cast<int>(drawn.size()));
    used = 0;
  }
  uuid_bytes bytes{};
  auto* from = drawn.data() + used;
  std::copy_n(from, bytes.size(), bytes.begin());
  std::fill_n(from, bytes.size(), static_cast<unsigned char>(0));
  used += bytes.size();
  return bytes;
}

std::array<unsigned char, SHA256_DIGEST_LENGTH> sha256(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         digest.data());
  return digest;
}

/// Lengths keep (`ab`, `c`) and (`a`, `bc`) apart.
std::string key_name(const http_request& request, const identity& who) {
  std::string name;
  for (std::string_view part :
       {std::string_view{who.tenant.value}, std::string_view{who.user.value},
        std::string_view{request.path}, request.find("idempotency-key")})
    name += std::to_string(part.size()) + ':' + std::string{part};
  return name;
}

} // namespace

bool is_identifier(std::string_view text) noexcept {
  return !text.empty() && text.size() <= 128
         && std::all_of(text.begin(), text.end(), [](char c) {
              return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
                     || (c >= 'A' && c <= 'Z') || c == ':' || c == '_'
                     || c == '-' || c == '.';
            });
}

bool is_uuid(std::string_view text) noexcept {
  constexpr std::string_view form = "00000000-0000-0000-0000-000000000000";
  return std::equal(text.begin(), text.end(), form.begin(), form.end(),
                    [](unsigned char c, char want) {
                      return want == '-' ? c == '-' : std::isxdigit(c) != 0;
                    });
}

std::string random_uuid() {
  return uuid_text(random_bytes(), 4);
}

std::string named_uuid(std::string_view name) {
  auto digest = sha256(name);
  uuid_bytes bytes{};
  std::copy_n(digest.begin(), bytes.size(), bytes.begin());
  return uuid_text(bytes, 5);
}

std::string random_hex(std::size_t count) {
  auto bytes = random_bytes();
  return kit::to_hex(view_of(bytes)).substr(0, count);
}

new_task_ids named_ids(const http_request& request, const identity& who) {
  auto name = key_name(request, who);
  return {"task-" + named_uuid("task" + name), named_uuid("session" + name)};
}

std::string content_hash(std::string_view text) {
  auto digest = sha256(text);
  return kit::to_hex(view_of(digest));
}

std::string request_digest(const http_request& request) {
  auto digest = sha256(request.body);
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string idempotency_name(const http_request& request, const identity& who) {
  return content_hash(key_name(request, who));
}

} // namespace shannon::gateway
