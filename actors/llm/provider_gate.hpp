#pragma once

#include "actors/llm/breaker.hpp"
#include "metrics/llm_metrics.hpp"
#include "protocols/errc.hpp"
#include "protocols/remote/llm.pb.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>

namespace shannon::llm {

/// What all calls to one provider share, whoever makes them: so many places,
/// the circuit breaker, and what is counted and logged of each. Any thread.
class provider_gate {
public:
  using time_point = breaker::time_point;

  /// `look` is called, by any thread, when a straight call gives back its place
  /// while others wait for one.
  provider_gate(std::string provider, std::size_t calls_max,
                metrics::llm_metrics& metrics, std::function<void()> look);

  enum class answer : std::uint8_t {
    begun,
    full, ///< The caller is counted as waiting, until it has entered or left.
    down, ///< The breaker is open: see `wait`.
  };
  /// A place for one more call, which is followed by `ended` or `given_up`.
  answer enter(time_point now);
  /// The same for one that waits already.
  answer enter_waiting(time_point now);
  /// So many of those that waited do so no more.
  void left(std::size_t count);

  /// A place for a call that waits for nobody: not while others do. False also
  /// if the breaker is open.
  bool enter_straight(time_point now);

  /// What is told of a call that was begun.
  struct about_call {
    const std::string& model;
    const std::string& attempt_key;
    std::chrono::microseconds took{0};
    bool is_straight = false;
  };
  /// It gives back its place: this is how it came out.
  void ended(const about_call& call, const result<remote::LlmResponse>& how,
             time_point now);
  /// Nobody wants it any more, or it is ended from outside; this says nothing
  /// about the provider.
  void given_up(const about_call& call, errc why);

  /// How long until the next call may be tried; zero if it may.
  std::chrono::milliseconds wait(time_point now) const;

  struct counts {
    std::size_t running = 0;
    std::size_t straight = 0; ///< Of these.
    std::size_t waiting = 0;
  };
  counts now() const;

private:
  answer enter(time_point now, bool waits);
  answer enter_locked(time_point now);
  void judge(const result<remote::LlmResponse>& how, time_point now);
  void leave(bool was_straight);

  const std::string provider_;
  const std::size_t calls_max_;
  metrics::llm_metrics& metrics_;
  const std::function<void()> look_;
  mutable std::mutex mutex_;
  breaker breaker_;
  counts counts_;
};

} // namespace shannon::llm
