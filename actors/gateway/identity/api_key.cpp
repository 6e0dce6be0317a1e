#include "actors/gateway/identity/api_key.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/kit/bytes_text.hpp"

#include <algorithm>

namespace shannon::gateway {

namespace {

constexpr std::string_view prefix = "sk_";
constexpr std::string_view other_prefix = "sk-shannon-";

constexpr std::size_t lookup_digits = 16;
constexpr std::size_t secret_digits = 40;
constexpr std::size_t check_digits = 8;
constexpr std::size_t own_size
    = prefix.size() + lookup_digits + secret_digits + check_digits;

/// Of any key, ours or not.
constexpr std::size_t least_size = 8;
constexpr std::size_t most_size = 128;
/// What people see of a key.
constexpr std::size_t shown_size = 8;

std::string check_of(std::string_view all_before) {
  return kit::to_hex(sha256(all_before)).substr(0, check_digits);
}

bool is_own(std::string_view text) {
  auto body = text.size() - check_digits;
  return text.size() == own_size
         && text.substr(body) == check_of(text.substr(0, body));
}

} // namespace

std::optional<api_key> parse_api_key(std::string_view text) {
  auto is_part = [](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z')
           || (c >= 'A' && c <= 'Z') || c == '_' || c == '-';
  };
  if (text.size() < least_size || text.size() > most_size
      || !text.starts_with(prefix)
      || !std::all_of(text.begin(), text.end(), is_part))
    return std::nullopt;
  api_key out;
  out.hash = sha256(text);
  out.lookup = is_own(text)
                   ? std::string{text.substr(prefix.size(), lookup_digits)}
                   : "h" + kit::to_hex(out.hash).substr(0, lookup_digits);
  return out;
}

std::string normal_credential(std::string_view text) {
  if (!text.starts_with(other_prefix))
    return std::string{text};
  text.remove_prefix(other_prefix.size());
  return text.starts_with(prefix) ? std::string{text}
                                  : std::string{prefix}.append(text);
}

std::string digest_of(const api_key& key, std::string_view pepper) {
  return hmac_sha256(pepper, key.hash);
}

made_api_key make_api_key(std::string_view pepper) {
  made_api_key out;
  out.text = std::string{prefix}
             + kit::to_hex(random_bytes((lookup_digits + secret_digits) / 2));
  out.text += check_of(out.text);
  auto key = *parse_api_key(out.text);
  out.kept.id = random_uuid();
  out.kept.lookup = key.lookup;
  out.kept.digest = digest_of(key, pepper);
  out.kept.prefix = out.text.substr(0, shown_size);
  return out;
}

} // namespace shannon::gateway
