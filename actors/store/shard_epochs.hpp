#pragma once

#include "actors/store/shard_of.hpp"
#include "protocols/ids.hpp"

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace shannon::store {

/// Under which epoch this node owns each shard. Outlives the EVENT STORE, so
/// that a restarted one goes on with the same claim. Thread-safe.
class shard_epochs {
public:
  struct place {
    std::uint32_t shard = 0;
    shard_epoch epoch = 0;
  };

  /// One claim, as it was when it was looked at.
  class claim {
  public:
    explicit claim(std::shared_ptr<const std::vector<shard_epoch>> epochs)
        : epochs_(std::move(epochs)) {}

    /// Where `log` belongs and under which epoch; nothing before the claim.
    std::optional<place> find(const log_id& log) const {
      if (!epochs_)
        return std::nullopt;
      auto shard = shard_of(log, static_cast<std::uint32_t>(epochs_->size()));
      return place{shard, (*epochs_)[shard]};
    }

  private:
    std::shared_ptr<const std::vector<shard_epoch>> epochs_;
  };

  /// Takes in a claim: the epoch of shard `i` at place `i`.
  void claimed(std::vector<shard_epoch> epochs) {
    auto fresh
        = std::make_shared<const std::vector<shard_epoch>>(std::move(epochs));
    std::lock_guard guard{mutex_};
    epochs_ = std::move(fresh);
  }

  /// For many look-ups in a row: one lock for all of them.
  claim current() const {
    std::lock_guard guard{mutex_};
    return claim{epochs_};
  }

  std::optional<place> find(const log_id& log) const {
    return current().find(log);
  }

private:
  mutable std::mutex mutex_;
  std::shared_ptr<const std::vector<shard_epoch>> epochs_;
};

} // namespace shannon::store
