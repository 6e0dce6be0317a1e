#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace shannon::bench {

struct stream_result {
  std::uint64_t streams = 0; ///< Ended as they should.
  std::uint64_t tokens = 0;
  std::uint64_t failed
      = 0; ///< Any status but 200, cut, or with tokens missing.
  double seconds = 0;
  /// From a request's last byte to its first token.
  std::vector<double> first_token_us;
  /// From the model's write of a token to the read of it here, where they are
  /// stamped.
  std::vector<double> token_ms;
};

struct stream_load {
  std::uint16_t port = 0;
  std::string request; ///< Its bytes.
  int connections = 1;
  int tokens = 0; ///< That each stream must hold.
  /// Each connection asks so often; 0: again and again until `time` is over.
  int rounds = 0;
  std::chrono::milliseconds time{0};
};

/// Streams of server-sent events over kept-alive connections, from one thread.
/// A token is a `~` in what comes, however many stand in one event.
stream_result run_streams(const stream_load& what);

} // namespace shannon::bench
