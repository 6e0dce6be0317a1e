#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

/// What request and answer heads are made of. Pure.
namespace shannon::browser {

struct head_field {
  std::string_view name;
  std::string_view value;
};

using head_fields = std::vector<head_field>;

/// How many fields have this name.
std::size_t count(const head_fields& all, std::string_view name) noexcept;

/// The first of this name; empty if there is none.
std::string_view value(const head_fields& all, std::string_view name) noexcept;

/// Does one of these fields have this word in its list?
bool lists(const head_fields& all, std::string_view name,
           std::string_view word) noexcept;

/// A number as Content-Length has it; false if it is none, or above 10^18.
bool read_length(std::string_view text, unsigned long long& length) noexcept;

/// Appends the fields that are meant for the far end: neither those of one hop
/// (RFC 9110 7.6.1, what `Connection` names) nor those that say where a body
/// ends, which the caller writes anew.
void append_end_to_end(std::string& out, const head_fields& all);

} // namespace shannon::browser
