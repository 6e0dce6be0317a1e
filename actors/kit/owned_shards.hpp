#pragma once

#include "protocols/ids.hpp"
#include "protocols/shard_of.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

namespace shannon::kit {

/// What this node may do with the runs of a shard.
enum class standing : std::uint8_t {
  /// It works on them.
  owned,
  /// They are its own, but its lease has run out: it writes nothing until it
  /// is renewed, or somebody else has them.
  suspended,
  /// It has not yet been told who owns what.
  unknown,
  /// Another node has them, or will.
  elsewhere,
};

/// Which shards this node owns, under which epoch and until when, and who owns
/// the others as far as was seen. SHARD OWNER writes it, everybody else reads
/// it: who appends, who brings runs to life, who names a new run, who sends
/// mail to the runs of others. Outlives all of them. Thread-safe.
class owned_shards {
public:
  using clock = std::chrono::steady_clock;

  struct place {
    std::uint32_t shard = 0;
    shard_epoch epoch = 0;
    friend bool operator==(const place&, const place&) = default;
  };

private:
  struct table {
    std::vector<shard_epoch> epochs; ///< Of shard `i`; 0: not ours.
    std::vector<node_id> owners;     ///< As last seen; empty: nobody.
    std::vector<bool> finishing;     ///< Ours, and on its way to another.
    clock::time_point until{};       ///< End of the lease.
    bool told = false;
  };

public:
  /// All of it, as it was when it was looked at.
  class view {
  public:
    explicit view(std::shared_ptr<const table> what)
        : table_(std::move(what)), now_(clock::now()) {}

    standing of(std::uint32_t shard) const {
      if (table_->epochs[shard] != 0)
        return now_ < table_->until ? standing::owned : standing::suspended;
      return table_->told ? standing::elsewhere : standing::unknown;
    }
    standing of(const log_id& log) const {
      return of(shard(log));
    }

    /// Its runs finish what is under way here and begin nothing: another node
    /// will have them in a moment.
    bool finishes(const log_id& log) const {
      return table_->finishing[shard(log)];
    }

    /// The process that was last seen to own the shard of `log`; empty for
    /// nobody. It may have changed since.
    const node_id& owner_of(const log_id& log) const {
      return owner_of(shard(log));
    }
    const node_id& owner_of(std::uint32_t shard) const {
      return table_->owners[shard];
    }

    /// Does another process own some shard, as far as was seen?
    bool has_others() const {
      for (std::size_t i = 0; i < table_->owners.size(); ++i)
        if (table_->epochs[i] == 0 && !table_->owners[i].empty())
          return true;
      return false;
    }

    /// Where `log` belongs and under which epoch, if this node may write it.
    std::optional<place> find(const log_id& log) const {
      auto at = shard(log);
      if (of(at) != standing::owned)
        return std::nullopt;
      return place{at, table_->epochs[at]};
    }

    /// Where `log` belongs, and the epoch under which this node has claimed
    /// that; 0: it has not. Its lease may have run out.
    place claim_of(const log_id& log) const {
      auto at = shard(log);
      return {at, table_->epochs[at]};
    }

    std::uint32_t shard(const log_id& log) const {
      return store::shard_of(log, shards());
    }
    /// How many there are.
    std::uint32_t shards() const {
      return static_cast<std::uint32_t>(table_->epochs.size());
    }

  private:
    std::shared_ptr<const table> table_;
    clock::time_point now_;
  };

  explicit owned_shards(std::uint32_t shards = 256) {
    auto none = std::make_shared<table>();
    none->epochs.resize(shards, 0);
    none->owners.resize(shards);
    none->finishing.resize(shards, false);
    table_ = std::move(none);
  }

  // -- what SHARD OWNER says --------------------------------------------------

  void gain(const std::vector<place>& shards) {
    change([&](table& all) {
      for (const auto& [shard, epoch] : shards) {
        all.epochs.at(shard) = epoch;
        all.finishing.at(shard) = false;
      }
    });
  }
  void finish(const std::vector<std::uint32_t>& shards) {
    change([&](table& all) {
      for (auto shard : shards)
        all.finishing.at(shard) = true;
    });
  }
  void lose(const std::vector<std::uint32_t>& shards) {
    change([&](table& all) {
      for (auto shard : shards) {
        all.epochs.at(shard) = 0;
        all.finishing.at(shard) = false;
      }
    });
  }
  /// Who owns shard `i`, by what the database said.
  void see(std::vector<node_id> owners) {
    change([&](table& all) {
      owners.resize(all.owners.size());
      all.owners = std::move(owners);
    });
  }
  void hold_until(clock::time_point end) {
    change([&](table& all) { all.until = end; });
  }
  /// From here on what is not ours is somebody else's.
  void told() {
    change([](table& all) { all.told = true; });
  }

  // -- what the others ask ----------------------------------------------------

  /// For many look-ups in a row: one lock for all of them.
  view current() const {
    std::lock_guard guard{mutex_};
    return view{table_};
  }
  std::optional<place> find(const log_id& log) const {
    return current().find(log);
  }
  standing of(const log_id& log) const {
    return current().of(log);
  }
  bool holds_lease() const {
    std::lock_guard guard{mutex_};
    return clock::now() < table_->until;
  }
  /// Until the lease ends, by this node's clock; not above 0 if it has.
  clock::duration lease_left() const {
    std::lock_guard guard{mutex_};
    return table_->until - clock::now();
  }
  std::size_t count() const {
    std::lock_guard guard{mutex_};
    std::size_t owned = 0;
    for (auto epoch : table_->epochs)
      owned += epoch != 0 ? 1 : 0;
    return owned;
  }

private:
  /// Readers keep the table they have: it is replaced, not changed.
  template <class F>
  void change(F how) {
    std::lock_guard guard{mutex_};
    auto next = std::make_shared<table>(*table_);
    how(*next);
    table_ = std::move(next);
  }

  mutable std::mutex mutex_;
  std::shared_ptr<const table> table_;
};

} // namespace shannon::kit
