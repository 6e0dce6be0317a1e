#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>
#include <vector>

namespace shannon::bench {

/// How long the words of a model took to who reads them: each stands behind the
/// time it was sent, `~@NANOSECONDS;` by the steady clock of this machine, in
/// one stream of bytes that is cut anywhere. What a stream repeats (a whole
/// answer behind its pieces) counts once.
class stamp_reader {
public:
  void take(std::string_view bytes, std::chrono::steady_clock::time_point now) {
    auto at = now.time_since_epoch().count();
    for (char c : bytes) {
      if (c == '~') {
        place_ = place::mark;
      } else if (place_ == place::mark && c == '@') {
        place_ = place::digits;
        sent_ = 0;
      } else if (place_ == place::digits && c >= '0' && c <= '9') {
        sent_ = sent_ * 10 + (c - '0');
      } else {
        if (place_ == place::digits && c == ';' && sent_ > last_) {
          last_ = sent_;
          took_ms_.push_back(static_cast<double>(at - sent_) / 1e6);
        }
        place_ = place::between;
      }
    }
  }

  const std::vector<double>& took_ms() const noexcept {
    return took_ms_;
  }

private:
  enum class place : std::uint8_t { between, mark, digits };

  place place_ = place::between;
  std::int64_t sent_ = 0;
  std::int64_t last_ = 0;
  std::vector<double> took_ms_;
};

} // namespace shannon::bench
