#include "actors/gateway/identity/token_parts.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/identity/strict_json.hpp"

#include <utility>

namespace shannon::gateway {

namespace {

/// Nested deeper, it is no token that anybody here takes.
constexpr int depth_max = 3;
/// 2^53: the largest whole number that every reader of JSON reads alike.
constexpr std::int64_t number_max = 9'007'199'254'740'992;

} // namespace

result<token_parts> split_token(std::string_view text) {
  if (text.size() > token_bytes_max)
    return fail(errc::denied, "too long");
  auto first = text.find('.');
  auto second = text.find('.', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos
      || text.find('.', second + 1) != std::string_view::npos)
    return fail(errc::denied, "not three parts");
  token_parts out;
  std::string header;
  std::string body;
  if (!from_base64url(text.substr(0, first), header)
      || !from_base64url(text.substr(first + 1, second - first - 1), body)
      || !from_base64url(text.substr(second + 1), out.signature))
    return fail(errc::denied, "not base64url");
  out.header = strict_object(header, depth_max);
  out.body = strict_object(body, depth_max);
  out.signed_ = text.substr(0, second);
  return out;
}

bool read_claim(const nlohmann::json& from, const char* name, std::string& out,
                std::size_t bytes_max) {
  auto at = from.find(name);
  if (at == from.end() || !at->is_string())
    return false;
  out = at->get<std::string>();
  return !out.empty() && out.size() <= bytes_max;
}

bool read_claim(const nlohmann::json& from, const char* name,
                std::int64_t& out) {
  auto at = from.find(name);
  if (at == from.end() || !at->is_number_unsigned())
    return false;
  auto value = at->get<std::uint64_t>();
  if (value > static_cast<std::uint64_t>(number_max))
    return false;
  out = static_cast<std::int64_t>(value);
  return true;
}

} // namespace shannon::gateway
