#pragma once

#include "tests/cluster/real_cluster.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace shannon::test {

/// Clients behind a balancer that asks each node every 50 ms whether it is
/// ready and sends tasks to those that are. No client asks twice: what fails
/// has failed.
class balanced_load {
public:
  balanced_load(const real_cluster& cluster, unsigned nodes, unsigned clients);
  ~balanced_load();

  /// No more new tasks; those that were sent are answered.
  void finish();

  /// After `finish`: every task was accepted or told to come again, has ended
  /// well by now, and no attempt failed or was made twice. Catch2 assertions;
  /// `what` begins the line that reports it.
  void check(real_cluster& cluster, const std::string& what);

private:
  void look(unsigned node);
  void submit(unsigned client);
  unsigned pick();

  const real_cluster& cluster_;
  std::atomic<bool> done_{false};
  std::atomic<bool> over_{false};
  std::vector<std::atomic<std::int64_t>> ready_until_;
  std::atomic<unsigned> next_{0};
  std::vector<std::thread> lookers_;
  std::vector<std::thread> clients_;

  std::mutex mutex_;
  std::vector<std::string> tasks_;
  std::vector<std::string> failures_;
  int told_to_wait_ = 0;
};

} // namespace shannon::test
