#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace shannon::bench {

struct load_result {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0; ///< Any status but the expected one.
  double seconds = 0;
  double p50_us = 0;
  double p99_us = 0;

  double per_second() const {
    return seconds > 0 ? static_cast<double>(requests) / seconds : 0;
  }
};

/// Keeps `connections` busy with one request each, from one thread, over
/// kept-alive connections to the loopback.
load_result run_load(std::uint16_t port, const std::string& request,
                     int expected_status, int connections,
                     std::chrono::milliseconds time);

} // namespace shannon::bench
