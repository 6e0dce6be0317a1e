#pragma once

#include "actors/gateway/http/strict_request.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::gateway {

/// Collects the body of one request. Beast decodes chunks; what it does not
/// bound (chunk extensions, lines without end) is bounded here.
///
/// The limit is set before the first byte: Beast 1.81 ignores one that is
/// lowered later.
class body_reader {
public:
  body_reader(const request_head& head, std::uint64_t bytes_max);
  ~body_reader();
  body_reader(const body_reader&) = delete;
  body_reader& operator=(const body_reader&) = delete;

  /// Gives Beast the whole head, for a second opinion: what it rejects is
  /// refused even if the strict layer found nothing.
  std::optional<refusal> begin(std::string_view head_bytes);

  struct progress {
    std::size_t consumed = 0;
    bool done = false;
    std::optional<refusal> refused;
  };

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
  class beast;

  progress feed_counted(std::string_view bytes);

  std::uint64_t bytes_max_;
  std::uint64_t left_ = 0;
  bool chunked_;
  std::unique_ptr<beast> beast_;
  std::string body_;
};

} // namespace shannon::gateway
