#include "actors/browser/egress/body_end.hpp"

#include <algorithm>

namespace shannon::browser {

namespace {

/// Fifteen hex digits cannot overflow, and no body is a million terabytes.
constexpr std::uint32_t digits_max = 15;
constexpr std::uint32_t extension_bytes_max = 1024;
constexpr std::uint32_t trailer_bytes_max = 8 * 1024;

/// 16 if it is none.
std::uint8_t hex_value(char c) noexcept {
  if (c >= '0' && c <= '9')
    return static_cast<std::uint8_t>(c - '0');
  if (c >= 'a' && c <= 'f')
    return static_cast<std::uint8_t>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F')
    return static_cast<std::uint8_t>(c - 'A' + 10);
  return 16;
}

bool is_text(char c) noexcept {
  auto u = static_cast<unsigned char>(c);
  return (u >= 0x20 && u != 0x7f) || c == '\t';
}

} // namespace

body_end body_end::after(std::uint64_t bytes) noexcept {
  body_end out;
  out.left_ = bytes;
  out.part_ = bytes == 0 ? part::done : part::length;
  return out;
}

body_end body_end::chunked(bool from_server) noexcept {
  body_end out;
  out.part_ = part::size;
  out.chunked_ = true;
  out.from_server_ = from_server;
  return out;
}

body_end body_end::at_close() noexcept {
  body_end out;
  out.part_ = part::endless;
  return out;
}

std::size_t body_end::take(std::string_view bytes) noexcept {
  if (part_ == part::endless)
    return bytes.size();
  std::size_t at = 0;
  while (at < bytes.size() && !done() && !broken()) {
    if (part_ != part::length && part_ != part::data) {
      part_ = step(bytes[at++]);
      continue;
    }
    auto size = std::min<std::uint64_t>(left_, bytes.size() - at);
    at += static_cast<std::size_t>(size);
    left_ -= size;
    if (left_ == 0)
      part_ = part_ == part::length ? part::done : part::data_cr;
  }
  return at;
}

body_end::part body_end::on_digit(std::uint8_t digit) noexcept {
  if (++line_ > digits_max)
    return part::broken;
  left_ = left_ * 16 + digit;
  return part::size;
}

/// One byte that is framing and not content.
body_end::part body_end::step(char c) noexcept {
  switch (part_) {
  case part::size:
    if (auto digit = hex_value(c); digit < 16)
      return on_digit(digit);
    if (line_ == 0)
      return part::broken;
    line_ = 0;
    [[fallthrough]];
  case part::blanks:
    if (from_server_ && (c == ' ' || c == '\t'))
      return ++line_ > extension_bytes_max ? part::broken : part::blanks;
    if (c == ';')
      return part::extension;
    return c == '\r' ? part::size_lf : part::broken;
  case part::extension:
    if (c == '\r')
      return part::size_lf;
    return is_text(c) && ++line_ <= extension_bytes_max ? part::extension
                                                        : part::broken;
  case part::size_lf:
    line_ = 0;
    if (c != '\n')
      return part::broken;
    return left_ > 0 ? part::data : part::trailer_begin;
  case part::data_cr:
    return c == '\r' ? part::data_lf : part::broken;
  case part::data_lf:
    return c == '\n' ? part::size : part::broken;
  case part::trailer_begin:
    if (c == '\r')
      return part::last_lf;
    if (!from_server_)
      return part::broken;
    [[fallthrough]];
  case part::trailer:
    if (c == '\r')
      return part::trailer_lf;
    return is_text(c) && ++line_ <= trailer_bytes_max ? part::trailer
                                                      : part::broken;
  case part::trailer_lf:
    line_ += 2;
    return c == '\n' ? part::trailer_begin : part::broken;
  case part::last_lf:
    return c == '\n' ? part::done : part::broken;
  default:
    return part::broken;
  }
}

} // namespace shannon::browser
