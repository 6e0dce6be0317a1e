#pragma once

#include "actors/store/shard_of.hpp"
#include "protocols/ids.hpp"

#include <cstdint>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace shannon::store {

/// Under which epoch this node owns each shard. Outlives the EVENT STORE, so
/// that a restarted one goes on with the same claim. Thread-safe.
class shard_epochs {
public:
  /// Takes in a claim: the epoch of shard `i` at place `i`.
  void claimed(std::vector<shard_epoch> epochs) {
    std::lock_guard guard{mutex_};
    epochs_ = std::move(epochs);
  }

  struct place {
    std::uint32_t shard = 0;
    shard_epoch epoch = 0;
  };

  /// Where `log` belongs and under which epoch; nothing before the claim.
  std::optional<place> find(const log_id& log) const {
    std::lock_guard guard{mutex_};
    if (epochs_.empty())
      return std::nullopt;
    auto shard = shard_of(log, static_cast<std::uint32_t>(epochs_.size()));
    return place{shard, epochs_[shard]};
  }

private:
  mutable std::mutex mutex_;
  std::vector<shard_epoch> epochs_;
};

} // namespace shannon::store
