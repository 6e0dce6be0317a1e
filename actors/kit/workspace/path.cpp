#include "actors/kit/workspace/path.hpp"

#include "actors/kit/text.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace shannon::kit {

namespace {

constexpr std::size_t path_bytes_max = 1024;
constexpr std::size_t part_bytes_max = 255;
constexpr std::size_t parts_max = 32;
constexpr std::size_t name_bytes_max = 150;
constexpr std::string_view hex_digits = "0123456789abcdef";

auto bad(std::string why) {
  return fail(errc::invalid_argument, "path: " + std::move(why));
}

void append_hex(std::string& out, unsigned char c) {
  out += hex_digits[c >> 4];
  out += hex_digits[c & 15];
}

std::string digest(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> sum{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(),
         sum.data());
  std::string out;
  for (auto c : sum)
    append_hex(out, c);
  return out;
}

} // namespace

result<path_parts> parse_path(std::string_view text) {
  if (text.empty())
    return bad("is empty");
  if (text.size() > path_bytes_max)
    return bad("longer than " + std::to_string(path_bytes_max) + " bytes");
  for (char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f || c == '\\')
      return bad("control characters and backslashes are not allowed");
  if (!is_valid_utf8(text))
    return bad("is no valid UTF-8");
  static constexpr std::string_view top = "/workspace";
  if (text.front() == '/') {
    bool inside = text.substr(0, top.size()) == top
                  && (text.size() == top.size() || text[top.size()] == '/');
    if (!inside)
      return bad("must be relative to the workspace");
    text.remove_prefix(top.size());
  }
  path_parts out;
  for (std::size_t begin = 0; begin < text.size();) {
    auto end = std::min(text.find('/', begin), text.size());
    auto part = text.substr(begin, end - begin);
    begin = end + 1;
    if (part.empty() || part == ".")
      continue;
    if (part == "..")
      return bad("'..' is not allowed");
    if (part.size() > part_bytes_max)
      return bad("a part is longer than " + std::to_string(part_bytes_max)
                 + " bytes");
    if (out.size() == parts_max)
      return bad("more than " + std::to_string(parts_max) + " parts");
    out.emplace_back(part);
  }
  return out;
}

std::string to_text(const path_parts& parts) {
  std::string out;
  for (const auto& part : parts)
    out += (out.empty() ? "" : "/") + part;
  return out.empty() ? "." : out;
}

std::string folder_name(std::string_view id) {
  std::string out = "s-";
  for (char c : id) {
    bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')
                 || (c >= '0' && c <= '9') || c == '-' || c == '_';
    if (plain) {
      out += c;
    } else {
      out += '%';
      append_hex(out, static_cast<unsigned char>(c));
    }
  }
  // The prefix keeps both forms apart.
  return out.size() <= name_bytes_max ? out : "h-" + digest(id);
}

} // namespace shannon::kit
