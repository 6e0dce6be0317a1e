#include "actors/store/body_codec.hpp"

#include <zstd.h>

#include <cstddef>
#include <memory>

namespace shannon::store {

namespace {

/// Below this a frame's header eats what is won.
constexpr std::size_t compress_from = 256;

/// Fast: text of models still gets three to five times smaller.
constexpr int level = 1;

/// No body is larger than a request may be; a damaged row must not make us
/// reserve more.
constexpr std::uint64_t size_max = 1ull << 30;

struct closer {
  void operator()(ZSTD_CCtx* raw) const noexcept {
    ZSTD_freeCCtx(raw);
  }
};

} // namespace

packed_body pack_body(std::string_view body) {
  packed_body out;
  if (body.size() < compress_from)
    return out;
  // Half a megabyte that is not made anew for each body.
  thread_local std::unique_ptr<ZSTD_CCtx, closer> context{ZSTD_createCCtx()};
  if (!context)
    return out;
  out.bytes.resize(ZSTD_compressBound(body.size()));
  auto size
      = ZSTD_compressCCtx(context.get(), out.bytes.data(), out.bytes.size(),
                          body.data(), body.size(), level);
  if (ZSTD_isError(size) != 0 || size > body.size() - body.size() / 8) {
    out.bytes.clear();
    return out;
  }
  out.bytes.resize(size);
  out.codec = body_codec::zstd;
  return out;
}

result<std::string> unpack_body(body_codec codec, std::string_view bytes,
                                std::uint64_t size) {
  std::string out;
  if (codec == body_codec::plain && bytes.size() == size) {
    out = bytes;
    return out;
  }
  if (codec == body_codec::zstd && size <= size_max) {
    out.resize(size);
    auto got
        = ZSTD_decompress(out.data(), out.size(), bytes.data(), bytes.size());
    if (ZSTD_isError(got) == 0 && got == size)
      return out;
  }
  return fail(errc::failed, "a body of " + std::to_string(size)
                                + " bytes is damaged where it is stored");
}

} // namespace shannon::store
