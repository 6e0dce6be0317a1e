#pragma once

#include "tests/bench/load_client.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace shannon::bench {

/// A node that accepts tasks and does no more, over a Postgres of its own:
/// GATEWAY, RECORD STORE, EVENT STORE, and WORKFLOWs whose tasks wait for ever.
/// So an acceptance is measured with all that it needs and nothing that comes
/// after it. Throws std::runtime_error.
class accept_node {
public:
  accept_node();
  ~accept_node();
  accept_node(const accept_node&) = delete;
  accept_node& operator=(const accept_node&) = delete;

  std::uint16_t port() const noexcept;

  /// What its EVENT STORE does alone: one actor keeps so many first appends
  /// under way, each of a new log and of the size that a task's has.
  load_result births(int at_once, std::chrono::milliseconds time);

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace shannon::bench
