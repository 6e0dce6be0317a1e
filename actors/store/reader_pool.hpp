#pragma once

#include "actors/store/append_writer.hpp"
#include "actors/store/pg_connection.hpp"
#include "protocols/errc.hpp"

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace shannon::store {

/// Threads with a connection each that answer queries, in the order they
/// came. A query that meets a lost connection is run again over a new one,
/// until `outage_wait` has passed: so it must be safe to repeat.
class reader_pool {
public:
  explicit reader_pool(std::shared_ptr<const store_context> context);
  ~reader_pool();

  reader_pool(const reader_pool&) = delete;
  reader_pool& operator=(const reader_pool&) = delete;

  /// Runs `query` on one of the threads, then `done` with its result; exactly
  /// once, also when it is refused for the queue's limit or a stop. `what`
  /// names it in the metrics; nobody waits after `deadline` (zero: never).
  template <class T>
  void submit(const char* what, std::chrono::steady_clock::time_point deadline,
              std::function<result<T>(pg_connection&)> query,
              std::function<void(result<T>)> done) {
    task next;
    next.what = what;
    next.deadline = deadline;
    next.since = clock::now();
    // What the query answers is held until the pool says it is the last try.
    auto answer = std::make_shared<result<T>>();
    next.run = [query = std::move(query), answer](pg_connection& db) {
      *answer = query(db);
      return *answer ? error{errc::ok, {}, false, std::nullopt}
                     : answer->error();
    };
    next.done = [answer, done = std::move(done)](const error* refusal) {
      if (refusal)
        done(tl::unexpected<error>{*refusal});
      else
        done(std::move(*answer));
    };
    push(std::move(next));
  }

  /// Gives up what is being waited for; the rest is refused.
  void stop();

private:
  using clock = std::chrono::steady_clock;

  struct task {
    std::string what;
    clock::time_point since;
    clock::time_point deadline;
    /// Answers the error met, or `ok`.
    std::function<error(pg_connection&)> run;
    /// Null: deliver what `run` found.
    std::function<void(const error*)> done;
  };

  class reader;

  void push(task next);
  void end(task& what, const error* refusal, errc outcome);
  /// Refuses what has waited too long.
  void expire();
  bool stopping();
  bool take(task& out);

  std::shared_ptr<const store_context> context_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<task> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

} // namespace shannon::store
