#pragma once

#include "actors/gateway/http/chunk_decoder.hpp"
#include "actors/gateway/http/strict_request.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// Collects the body of one request, counted or in chunks. The limit is set
/// before the first byte.
class body_reader {
public:
  body_reader(const request_head& head, std::uint64_t bytes_max);

  /// Gives Beast the whole head, for a second opinion: what it rejects is
  /// refused even if the strict layer found nothing. Refuses a length over the
  /// limit.
  std::optional<refusal> begin(std::string_view head_bytes) const;

  using progress = chunk_decoder::progress;

  /// Takes as much of `bytes` as belongs to the body. What it leaves must be
  /// given again, with more behind it.
  progress feed(std::string_view bytes);

  std::size_t size() const noexcept {
    return body_.size();
  }
  std::string take() {
    return std::move(body_);
  }

private:
  progress feed_counted(std::string_view bytes);

  std::uint64_t bytes_max_;
  std::uint64_t left_ = 0;
  bool chunked_;
  chunk_decoder chunks_;
  std::string body_;
};

} // namespace shannon::gateway
