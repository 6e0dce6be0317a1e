#pragma once

#include <string>
#include <string_view>

/// What the heads of HTTP messages are made of (RFC 9110, section 5.6). Pure.
namespace shannon::kit {

/// `token`: methods, names of fields.
bool is_token(std::string_view text) noexcept;

/// Controls other than a tab, which no value may have.
bool has_control(std::string_view text) noexcept;

/// Equal but for the case of ASCII letters.
bool same_letters(std::string_view a, std::string_view b) noexcept;

/// ASCII letters in lower case.
std::string lower_letters(std::string_view text);

/// Without blanks and tabs at its ends.
std::string_view trimmed(std::string_view text) noexcept;

} // namespace shannon::kit
