#pragma once

#include <algorithm>
#include <cstdint>

namespace shannon::link {

/// Does a peer live? One that is silent is probed; one that stays silent is
/// dead. Time in which this process did not run itself is nobody's silence:
/// what came meanwhile has not been read.
class liveness {
public:
  enum class next : std::uint8_t { nothing, probe, dead };

  liveness(std::int64_t probe_after_us, std::int64_t dead_after_us,
           std::int64_t now_us)
      : probe_after_(probe_after_us), dead_after_(dead_after_us),
        heard_(now_us), probed_(now_us - probe_after_us), looked_(now_us) {}

  /// Bytes came, whatever they are.
  void heard(std::int64_t now_us) noexcept {
    heard_ = std::max(heard_, now_us);
  }

  /// To be called several times in `probe_after`.
  next look(std::int64_t now_us) noexcept {
    auto paused = now_us - looked_;
    looked_ = now_us;
    if (paused > probe_after_)
      heard_ = std::min(now_us, heard_ + paused);
    if (now_us - heard_ >= dead_after_)
      return next::dead;
    if (now_us - heard_ < probe_after_ || now_us - probed_ < probe_after_)
      return next::nothing;
    probed_ = now_us;
    return next::probe;
  }

private:
  std::int64_t probe_after_;
  std::int64_t dead_after_;
  std::int64_t heard_;
  std::int64_t probed_;
  std::int64_t looked_;
};

} // namespace shannon::link
