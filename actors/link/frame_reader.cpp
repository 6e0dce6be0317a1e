#include "actors/link/frame_reader.hpp"

namespace shannon::link {

namespace {

/// Room for more than this is given back when it is not needed.
constexpr std::size_t room_kept = 256 * 1024;

std::uint32_t length_at(std::string_view bytes) {
  std::uint32_t size = 0;
  for (std::size_t i = 0; i < length_bytes; ++i)
    size = (size << 8) | static_cast<unsigned char>(bytes[i]);
  return size;
}

} // namespace

void append_length(std::string& to, std::uint32_t size) {
  for (int shift = 24; shift >= 0; shift -= 8)
    to.push_back(static_cast<char>((size >> shift) & 0xff));
}

void frame_reader::take(std::string_view bytes) {
  if (at_ == bytes_.size() && bytes_.capacity() > room_kept)
    std::string{}.swap(bytes_);
  else
    bytes_.erase(0, at_);
  at_ = 0;
  bytes_.append(bytes);
}

result<std::optional<std::string_view>> frame_reader::next() {
  std::string_view rest{bytes_};
  rest.remove_prefix(at_);
  if (rest.size() < length_bytes)
    return std::optional<std::string_view>{};
  auto size = length_at(rest);
  if (size > frame_bytes_max_)
    return fail(errc::invalid_argument,
                "a frame of " + std::to_string(size)
                    + " bytes is announced, the limit is "
                    + std::to_string(frame_bytes_max_));
  rest.remove_prefix(length_bytes);
  if (rest.size() < size)
    return std::optional<std::string_view>{};
  at_ += length_bytes + size;
  return std::optional{rest.substr(0, size)};
}

} // namespace shannon::link
