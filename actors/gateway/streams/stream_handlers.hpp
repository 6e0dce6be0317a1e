#pragma once

#include "actors/gateway/desk.hpp"
#include "actors/gateway/streams/sse_frames.hpp"
#include "metrics/gateway_metrics.hpp"

#include <caf/actor.hpp>

#include <cstdint>
#include <map>
#include <string>

namespace shannon::gateway {

/// Opens STREAMs and ends them with the GATEWAY.
class stream_handlers {
public:
  stream_handlers(desk& gateway, metrics::gateway_metrics& metrics)
      : gateway_(gateway), metrics_(metrics) {}

  void add_to(handler_table& table);

  /// Each client is sent to another node.
  void drain();
  void stop();

private:
  struct opened {
    caf::actor who;
    std::uint64_t ticket = 0;
  };

  void open(const call_ptr& request, const stream_words& words);
  void end(std::uint64_t number);

  desk& gateway_;
  metrics::gateway_metrics& metrics_;
  std::map<std::uint64_t, opened> open_;
};

} // namespace shannon::gateway
