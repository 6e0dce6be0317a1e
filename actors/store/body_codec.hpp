#pragma once

#include "protocols/errc.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace shannon::store {

/// How a body's bytes are kept. Stored for ever: never renumbered.
enum class body_codec : std::int16_t {
  plain = 0,
  zstd = 1,
};

struct packed_body {
  body_codec codec = body_codec::plain;
  std::string bytes; ///< Empty for `plain`: the body itself.
};

/// Compresses a body if that saves at least an eighth of it.
packed_body pack_body(std::string_view body);

/// The body again; `failed` if the bytes are not what `pack_body` made of
/// `size` bytes.
result<std::string> unpack_body(body_codec codec, std::string_view bytes,
                                std::uint64_t size);

} // namespace shannon::store
