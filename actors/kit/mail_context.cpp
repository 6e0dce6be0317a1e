#include "actors/kit/mail_context.hpp"

#include <algorithm>
#include <utility>

namespace shannon::kit {

namespace {

thread_local mail_context working_for;

// version-traceid-parentid-flags, in lower-case hex (W3C Trace Context, 3.2.2).
constexpr std::size_t trace_at = 3;
constexpr std::size_t trace_digits = 32;
constexpr std::size_t parent_at = 36;
constexpr std::size_t parent_digits = 16;
constexpr std::size_t header_bytes = 55;

bool is_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  });
}

/// All zeros name nothing.
bool is_id(std::string_view text) noexcept {
  return is_hex(text) && text.find_first_not_of('0') != std::string_view::npos;
}

bool is_traceparent(std::string_view text) noexcept {
  return text.size() == header_bytes && text.substr(0, trace_at) == "00-"
         && is_id(text.substr(trace_at, trace_digits))
         && text[parent_at - 1] == '-'
         && is_id(text.substr(parent_at, parent_digits))
         && text[parent_at + parent_digits] == '-'
         && is_hex(text.substr(parent_at + parent_digits + 1));
}

} // namespace

std::string_view mail_context::trace_id() const noexcept {
  return traceparent.size() == header_bytes
             ? std::string_view{traceparent}.substr(trace_at, trace_digits)
             : std::string_view{};
}

const mail_context& current_context() noexcept {
  return working_for;
}

in_context::in_context(mail_context now)
    : before_(std::exchange(working_for, std::move(now))) {}

in_context::~in_context() {
  working_for = std::move(before_);
}

std::string traceparent_of(std::string_view header, std::string_view trace_id) {
  if (is_traceparent(header))
    return std::string{header};
  if (trace_id.size() != trace_digits || !is_id(trace_id))
    return {};
  // Not sampled: nobody above this records it. Its first half is its parent.
  auto out = "00-" + std::string{trace_id} + "-";
  auto half = trace_id.substr(0, parent_digits);
  out += is_id(half) ? half : trace_id.substr(parent_digits);
  return out + "-00";
}

} // namespace shannon::kit
