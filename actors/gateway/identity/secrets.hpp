#pragma once

#include "protocols/errc.hpp"

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::gateway {

/// What the digests of API keys and the signatures of tokens are made with. It
/// stands in a file that only its owner may read:
///
///     pepper 64 hex digits
///     token-key NAME 64 or more hex digits
///
/// The first token-key signs, all of them verify. Empty lines and those that
/// begin with `#` mean nothing.
struct identity_secrets {
  std::string pepper;
  std::vector<std::pair<std::string, std::string>> token_keys;
};

/// Errors name the line, never what stands there.
result<identity_secrets> parse_secrets(std::string_view text);

/// A file with fresh ones.
std::string fresh_secrets();

/// Refuses a file that others may read.
result<identity_secrets> read_secrets(const std::string& path);

/// Makes the file unless it is there. Two at a time make one.
result<void> make_secrets(const std::string& path);

} // namespace shannon::gateway
