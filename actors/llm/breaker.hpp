#pragma once

#include <chrono>
#include <cstdint>

namespace shannon::llm {

struct breaker_limits {
  /// Retryable failures in a row that open it.
  std::uint32_t failures_max = 5;
  std::chrono::milliseconds open_least{10'000};
  std::chrono::milliseconds open_most{60'000};
};

/// Circuit breaker ("Release It!", M. Nygard): after failures in a row nobody
/// waits for a provider that is down. When its time is over one call goes out
/// as a probe; its outcome closes the breaker or opens it for twice as long.
class breaker {
public:
  using time_point = std::chrono::steady_clock::time_point;

  explicit breaker(breaker_limits limits = {}) : limits_(limits) {}

  /// May a call go out now? If so it must be followed by one of the three
  /// below.
  bool admit(time_point now);

  void succeeded();
  void failed(time_point now);
  /// The call tells nothing about the provider (cancelled, rate limit).
  void undecided();

  bool is_open() const noexcept {
    return open_for_.count() != 0;
  }
  /// How long until the next probe; zero if one may go out.
  std::chrono::milliseconds wait(time_point now) const;

private:
  breaker_limits limits_;
  std::uint32_t failures_ = 0;
  std::chrono::milliseconds open_for_{0};
  time_point open_until_;
  bool probing_ = false;
};

} // namespace shannon::llm
