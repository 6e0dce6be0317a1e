#include "actors/gateway/http/chunk_decoder.hpp"

#include "actors/kit/http_text.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace shannon::gateway {

namespace {

/// Sixteen digits are all that 64 bits can need.
constexpr std::size_t digits_max = 16;
constexpr std::size_t trailer_bytes_max = 4 * 1024;

refusal bad(std::string_view reason, std::string_view text) {
  return {400, reason, std::string{text}};
}
refusal malformed() {
  return bad("chunk", "malformed chunked body");
}
refusal extension_too_long() {
  return bad("chunk-extension", "chunk extensions are too long");
}
refusal trailer_too_long() {
  return bad("chunk", "trailer of a chunked body is too long");
}

bool has_control(std::string_view text) noexcept {
  return std::any_of(text.begin(), text.end(), [](char c) {
    auto u = static_cast<unsigned char>(c);
    return (u < 0x20 && c != '\t') || u == 0x7f;
  });
}

std::size_t hex_digits(std::string_view text) noexcept {
  auto end = std::find_if_not(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f')
           || (c >= 'A' && c <= 'F');
  });
  return static_cast<std::size_t>(end - text.begin());
}

} // namespace

chunk_decoder::progress chunk_decoder::feed(std::string_view bytes,
                                            std::string& body) {
  progress made;
  auto rest = [&] { return bytes.substr(made.consumed); };
  while (part_ != part::done) {
    if (part_ == part::data) {
      auto piece
          = rest().substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(
                                 left_, bytes.size() - made.consumed)));
      body += piece;
      made.consumed += piece.size();
      left_ -= piece.size();
      if (left_ > 0)
        return made;
      part_ = part::data_end;
    }
    auto end = rest().find("\r\n");
    auto line = rest().substr(0, end);
    if (end == std::string_view::npos) {
      made.refused = check_unended(line);
      return made;
    }
    if (part_ == part::data_end && !line.empty())
      made.refused = malformed();
    else if (part_ == part::data_end)
      part_ = part::size;
    else
      made.refused = part_ == part::size ? read_size(line) : read_trailer(line);
    if (made.refused)
      return made;
    made.consumed += end + 2;
  }
  made.done = true;
  return made;
}

std::optional<refusal> chunk_decoder::read_size(std::string_view line) {
  auto digits = hex_digits(line);
  auto extension = line.substr(digits);
  if (digits == 0 || digits > digits_max || has_control(extension)
      || (!extension.empty() && extension.front() != ';'))
    return malformed();
  if (!extensions_.take(extension.size()))
    return extension_too_long();
  std::uint64_t size = 0;
  std::from_chars(line.data(), line.data() + digits, size, 16);
  if (size > bytes_max_ - taken_)
    return refusal{413, "body-bytes", "request body is too large"};
  taken_ += size;
  left_ = size;
  part_ = size == 0 ? part::trailer : part::data;
  return std::nullopt;
}

std::optional<refusal> chunk_decoder::read_trailer(std::string_view line) {
  if (line.empty()) {
    part_ = part::done;
    return std::nullopt;
  }
  trailer_bytes_ += line.size() + 2;
  if (trailer_bytes_ > trailer_bytes_max)
    return trailer_too_long();
  auto colon = line.find(':');
  if (colon == std::string_view::npos || !kit::is_token(line.substr(0, colon))
      || has_control(line.substr(colon)))
    return malformed();
  // What another reader may frame or route by.
  for (std::string_view name : {"content-length", "transfer-encoding", "host"})
    if (kit::same_letters(line.substr(0, colon), name))
      return bad("trailer", "trailer field that frames or routes a request");
  return std::nullopt;
}

std::optional<refusal>
chunk_decoder::check_unended(std::string_view line) const {
  // The first half of a line's end may be here.
  if (!line.empty() && line.back() == '\r')
    line.remove_suffix(1);
  if (has_control(line))
    return malformed();
  switch (part_) {
  case part::data_end:
    return line.empty() ? std::nullopt : std::optional{malformed()};
  case part::trailer:
    return trailer_bytes_ + line.size() > trailer_bytes_max
               ? std::optional{trailer_too_long()}
               : std::nullopt;
  default:
    auto digits = hex_digits(line);
    if (digits > digits_max || (digits < line.size() && line[digits] != ';')
        || (digits == 0 && !line.empty()))
      return malformed();
    return line.size() - digits > chunk_budget::per_chunk_max
               ? std::optional{extension_too_long()}
               : std::nullopt;
  }
}

} // namespace shannon::gateway
