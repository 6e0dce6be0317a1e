#pragma once

#include "protocols/accounts.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// An API key as a client sends it, taken apart. Ours are
///
///     sk_ 16 hex: what it is found by | 40 hex: the secret | 8 hex: a check
///
/// which is the form of the reference platform, `sk_` and 64 hex. Keys that
/// came from there, whose digits mean nothing, are found by their hash.
struct api_key {
  /// What the row is found by. No secret: it may be stored and shown.
  std::string lookup;
  /// SHA-256 of the whole key. What is stored is this under the pepper, so
  /// rows that hold the plain hash can be carried over without their keys.
  std::string hash;
};

/// Nothing if `text` cannot be an API key. Keys are ASCII: what only looks
/// like one is none.
std::optional<api_key> parse_api_key(std::string_view text);

/// What clients may write for a credential: `sk-shannon-…` is `sk_…`.
std::string normal_credential(std::string_view text);

/// What is stored of a key.
std::string digest_of(const api_key& key, std::string_view pepper);

/// A fresh key: its text, shown once, and what is kept of it.
struct made_api_key {
  std::string text;
  accounts::new_key kept;
};

/// With an id, lookup, digest and prefix; the rest is left to whoever asks.
made_api_key make_api_key(std::string_view pepper);

} // namespace shannon::gateway
