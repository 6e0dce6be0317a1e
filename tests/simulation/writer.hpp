#pragma once

#include "tests/simulation/link.hpp"

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

namespace shannon::sim {

/// A node's EVENT STORE as far as appends go: gathers them into groups, one of
/// each log, one group under way; reads back what a lost connection left open,
/// and lets the product's `judge` say what became of it.
class writer {
public:
  using receipt = std::function<void(result<store::append_receipt>)>;
  using epoch_of
      = std::function<std::optional<shard_epoch>(std::uint32_t shard)>;

  writer(parts& with, link& db, std::string name, process_guard guard,
         epoch_of epochs)
      : with_(with), db_(db), name_(std::move(name)), guard_(std::move(guard)),
        epochs_(std::move(epochs)) {}

  void submit(store::append what, receipt done);

private:
  struct job {
    statement_entry entry;
    receipt done;
    std::int64_t since_us = 0;
    std::uint32_t attempts = 0;
    bool unclear = false;
  };
  using job_ptr = std::shared_ptr<job>;
  using group = std::vector<job_ptr>;

  void kick();
  void send();
  void settle(group some);
  void look_later(group some);
  void judge_one(const job_ptr& one, const store::log_look& found);
  void release();
  bool expired(const job_ptr& one);
  void answer(const job_ptr& one, result<store::append_receipt> what);

  parts& with_;
  link& db_;
  std::string name_;
  process_guard guard_;
  epoch_of epochs_;
  std::deque<job_ptr> queue_;
  std::size_t open_ = 0; ///< Appends under way.
  bool kicked_ = false;
};

} // namespace shannon::sim
