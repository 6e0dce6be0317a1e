#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

namespace shannon::dispatch {

/// Jobs of many tenants, one of each in turn: who has queued a thousand waits
/// no less for its second than who has queued one waits for its first.
class fair_lane {
public:
  void push(const std::string& tenant, std::uint64_t job) {
    auto& queue = tenants_[tenant];
    if (queue.empty())
      turn_.push_back(tenant);
    queue.push_back(job);
    ++size_;
  }

  /// One that was taken and is not carried out after all: in its old place
  /// among those of its tenant, which are in the order of their numbers.
  void put_back(const std::string& tenant, std::uint64_t job) {
    auto& queue = tenants_[tenant];
    if (queue.empty())
      turn_.push_back(tenant);
    queue.insert(std::upper_bound(queue.begin(), queue.end(), job), job);
    ++size_;
  }

  /// The next of the first tenant whose turn it is and who may go; those before
  /// it keep their turn.
  template <class MayGo>
  std::optional<std::uint64_t> pop(MayGo may_go) {
    auto turn = std::find_if(turn_.begin(), turn_.end(), may_go);
    if (turn == turn_.end())
      return std::nullopt;
    auto tenant = std::move(*turn);
    turn_.erase(turn);
    auto at = tenants_.find(tenant);
    auto job = at->second.front();
    at->second.pop_front();
    --size_;
    if (at->second.empty())
      tenants_.erase(at);
    else
      turn_.push_back(std::move(tenant));
    return job;
  }

  std::size_t size() const noexcept {
    return size_;
  }

private:
  std::unordered_map<std::string, std::deque<std::uint64_t>> tenants_;
  std::deque<std::string> turn_;
  std::size_t size_ = 0;
};

} // namespace shannon::dispatch
