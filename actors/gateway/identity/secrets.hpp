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
///     google-client-secret TEXT
///
/// The first token-key signs, all of them verify. The last line is there only
/// if clients sign in with codes of Google's. Empty lines and those that begin
/// with `#` mean nothing.
struct identity_secrets {
  std::string pepper;
  std::vector<std::pair<std::string, std::string>> token_keys;
  std::string google_client_secret; ///< Empty without one.
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
