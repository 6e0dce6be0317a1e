#pragma once

#include "actors/kit/backoff.hpp"
#include "actors/kit/owned_shards.hpp"
#include "actors/store/append_group.hpp"
#include "actors/store/pg_connection.hpp"
#include "config/settings.hpp"
#include "metrics/store_metrics.hpp"
#include "protocols/envelope.hpp"

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace shannon::store {

/// What the threads of the store share. All of it outlives them.
struct store_context {
  config::store_settings settings;
  std::string dsn;
  std::shared_ptr<kit::owned_shards> owned;
  metrics::store_metrics& metrics;
  /// Called by a thread that found a schema this build cannot use.
  std::function<void(const error&)> schema_refused{};
  /// What a reader's connection is called in the metrics, and SQL it runs once
  /// the schema is known to fit.
  const char* reader_role = "reader";
  std::string reader_sql{};
};

/// An append and who waits for its answer.
struct append_job {
  /// Holds a `store::append`, shared with whoever sent it.
  message_body body;
  std::function<void(result<append_receipt>)> done;
  /// Nobody waits any longer after this; zero for never.
  std::chrono::steady_clock::time_point deadline{};
};

/// One thread with one connection that commits groups of appends. While a
/// group is in flight the next one gathers, so the size of groups follows the
/// load and an idle store adds no wait.
///
/// `done` is called exactly once, on the thread, and after the commit only. A
/// connection lost in between leaves the outcome open: it is read back over a
/// new connection before anything is answered or sent again.
class append_writer {
public:
  explicit append_writer(std::shared_ptr<const store_context> context);
  ~append_writer();

  append_writer(const append_writer&) = delete;
  append_writer& operator=(const append_writer&) = delete;

  /// Any thread. Refuses at once what is malformed or above a limit.
  void submit(append_job job);

  /// Lets the group in flight end, up to 2 s; the rest is refused.
  void stop();

private:
  using clock = std::chrono::steady_clock;

  struct waiting {
    append_job job;
    append_entry entry;
    clock::time_point since;
    std::uint64_t bytes = 0;
    std::uint32_t attempts = 0;
  };

  /// Null once it has been answered or has gone elsewhere.
  using waiting_ptr = std::unique_ptr<waiting>;
  using group = std::vector<waiting_ptr>;

  // -- the thread -------------------------------------------------------------

  void run();
  bool take();
  bool ready();
  void commit();
  void commit_some(group& some);
  void answer_winners(group& some, const std::vector<bool>& won,
                      std::size_t facts, clock::duration taken);
  void commit_failed(group& some, error why);
  append_receipt receipt(const append_entry& won, std::int64_t number) const;
  void settle(group& some, bool after_loss);
  void connection_lost(group& some);
  void wait_for_retry();

  /// Refuses who has waited too long.
  void expire();
  bool keep_waiting();

  /// Leaves `who` null.
  void answer(waiting_ptr& who, result<append_receipt> what);
  void refuse_all();
  error late(const waiting& who) const;

  std::shared_ptr<const store_context> context_;
  std::optional<pg_connection> db_;
  kit::backoff backoff_;
  std::uint32_t failures_ = 0;
  error trouble_;
  std::minstd_rand chance_{std::random_device{}()};
  /// Taken out of the queue, not yet answered.
  group current_;
  group_committer committer_;
  std::vector<append_entry> entries_; ///< Of the group being sent.

  // -- shared with `submit` ---------------------------------------------------

  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<waiting_ptr> queue_;
  std::uint64_t queue_bytes_ = 0;
  bool stopping_ = false;
  clock::time_point give_up_{};

  std::thread thread_;
};

} // namespace shannon::store
