#include "actors/workflow/history/words.hpp"

#include "actors/kit/bytes_text.hpp"

#include <array>

namespace shannon::history {

namespace {

constexpr std::array<const char*, 8> status_names{
    "queued", "running",   "paused",    "completed",
    "failed", "cancelled", "timed_out", "needs_operator"};

} // namespace

std::string hex(std::uint64_t number) {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8)
    bytes += static_cast<char>(number >> shift);
  return kit::to_hex(bytes);
}

std::optional<std::uint64_t> number_of_hex(std::string_view text) {
  auto bytes = kit::from_hex(text);
  if (!bytes || bytes->size() != 8)
    return std::nullopt;
  std::uint64_t number = 0;
  for (unsigned char c : *bytes)
    number = number << 8 | c;
  return number;
}

std::string to_text(store::log_status status) {
  auto number = static_cast<std::size_t>(status);
  return number < status_names.size() ? status_names[number]
                                      : "status " + std::to_string(number);
}

std::optional<store::log_status> status_of(std::string_view text) {
  for (std::size_t i = 0; i < status_names.size(); ++i)
    if (text == status_names[i])
      return static_cast<store::log_status>(i);
  return std::nullopt;
}

} // namespace shannon::history
