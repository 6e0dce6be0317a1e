#pragma once

#include "tests/simulation/parts.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace shannon::sim {

/// Who wants one run: submits it until it is accepted, sends the signals it
/// may wait for, one after the other, each until it is acknowledged, and may
/// cancel it. Repeats everything under the same id when no answer comes, as
/// clients must.
class client {
public:
  client(parts& with, log_id run, std::uint64_t program_seed);

  void begin();
  /// The submission was acknowledged: the run must come to its end.
  bool accepted() const noexcept {
    return accepted_;
  }
  const log_id& run() const noexcept {
    return run_;
  }

private:
  void submit();
  void signal(const std::string& name, std::uint64_t number);
  void cancel();
  /// Sends until it is answered; then `then`, unless the run has ended.
  void insist(mail what, std::function<void()> then);

  parts& with_;
  log_id run_;
  std::uint64_t program_seed_;
  unsigned signals_max_ = 0;
  bool accepted_ = false;
};

} // namespace shannon::sim
