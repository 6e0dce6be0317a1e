#include "actors/store/reader_pool.hpp"

#include "actors/kit/backoff.hpp"
#include "actors/store/migrations.hpp"

#include <algorithm>
#include <optional>
#include <random>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

} // namespace

/// One thread of the pool.
class reader_pool::reader {
public:
  explicit reader(reader_pool& pool) : pool_(pool) {}

  void run() {
    for (task next; pool_.take(next);)
      work(next);
  }

private:
  void work(task& next) {
    auto until = next.since + pool_.context_->settings.outage_wait;
    if (next.deadline != clock::time_point{})
      until = std::min(until, next.deadline);
    for (;;) {
      auto met = connect() ? next.run(*db_) : trouble_;
      if (met.code == errc::cancelled)
        met = {errc::unavailable, "the store is stopping", true, std::nullopt};
      if (met.code != errc::unavailable) {
        auto here = met.code == errc::failed && !db_;
        pool_.end(next, here ? &met : nullptr, met.code);
        return;
      }
      if (pool_.stopping() || clock::now() >= until) {
        pool_.end(next, &met, met.code);
        return;
      }
      pause();
    }
  }

  /// Leaves `trouble_` when it fails.
  bool connect() {
    if (db_ && db_->still_there())
      return true;
    db_.reset();
    const auto& context = *pool_.context_;
    pg_options options;
    options.dsn = context.dsn;
    options.connect_timeout = context.settings.connect_timeout;
    options.statement_timeout = context.settings.statement_timeout;
    options.lock_timeout = context.settings.lock_timeout;
    // A plan made while the tables were small must not scan them when big.
    options.settings
        = "set enable_seqscan = off; set enable_hashjoin = off;"
          "set enable_mergejoin = off; set enable_partitionwise_join = off";
    options.keep_waiting = [this] {
      pool_.expire();
      return !pool_.stopping();
    };
    auto made = pg_connection::open(std::move(options));
    auto good = made ? check_schema(*made)
                     : result<void>{tl::unexpected<error>{made.error()}};
    if (good && !context.reader_sql.empty())
      if (auto set = made->exec(context.reader_sql); !set)
        good = tl::unexpected<error>{std::move(set.error())};
    if (good) {
      db_.emplace(std::move(*made));
      context.metrics.connected(context.reader_role);
      failures_ = 0;
      return true;
    }
    trouble_ = std::move(good.error());
    if (trouble_.code == errc::failed && context.schema_refused)
      context.schema_refused(trouble_);
    return false;
  }

  void pause() {
    auto share = std::uniform_real_distribution<double>{0, 1}(chance_);
    auto until = clock::now() + backoff_.delay(++failures_, share);
    pool_.expire();
    std::unique_lock guard{pool_.mutex_};
    pool_.wake_.wait_until(guard, until, [this] { return pool_.stopping_; });
  }

  reader_pool& pool_;
  std::optional<pg_connection> db_;
  error trouble_;
  kit::backoff backoff_{20ms, 1'000ms};
  std::uint32_t failures_ = 0;
  std::minstd_rand chance_{std::random_device{}()};
};

reader_pool::reader_pool(std::shared_ptr<const store_context> context)
    : context_(std::move(context)) {
  auto count = std::max(context_->settings.readers, 1u);
  for (std::uint32_t i = 0; i < count; ++i)
    threads_.emplace_back([this] { reader{*this}.run(); });
}

reader_pool::~reader_pool() {
  stop();
}

void reader_pool::stop() {
  {
    std::lock_guard guard{mutex_};
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& one : threads_)
    if (one.joinable())
      one.join();
  std::deque<task> left;
  {
    std::lock_guard guard{mutex_};
    left.swap(queue_);
  }
  error why{errc::unavailable, "the store is stopping", true, std::nullopt};
  for (auto& one : left)
    end(one, &why, why.code);
}

void reader_pool::push(task next) {
  std::unique_lock guard{mutex_};
  auto full = queue_.size() >= context_->settings.read_queue_max;
  if (full || stopping_) {
    guard.unlock();
    error why{full ? errc::overloaded : errc::unavailable,
              full ? "the store has its limit of queries waiting"
                   : "the store is stopping",
              true, std::nullopt};
    end(next, &why, why.code);
    return;
  }
  queue_.push_back(std::move(next));
  guard.unlock();
  wake_.notify_one();
}

void reader_pool::end(task& what, const error* refusal, errc outcome) {
  context_->metrics.query_ended(what.what, outcome, clock::now() - what.since);
  what.done(refusal);
}

void reader_pool::expire() {
  auto oldest = clock::now() - context_->settings.outage_wait;
  std::deque<task> late;
  {
    std::lock_guard guard{mutex_};
    while (!queue_.empty() && queue_.front().since < oldest) {
      late.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  error why{errc::unavailable, "the store is behind, or its database is away",
            true, std::nullopt};
  for (auto& one : late)
    end(one, &why, why.code);
}

bool reader_pool::stopping() {
  std::lock_guard guard{mutex_};
  return stopping_;
}

/// Waits for the next query somebody still waits for. False when stopping.
bool reader_pool::take(task& out) {
  for (;;) {
    expire();
    std::unique_lock guard{mutex_};
    wake_.wait(guard, [this] { return stopping_ || !queue_.empty(); });
    if (stopping_)
      return false;
    out = std::move(queue_.front());
    queue_.pop_front();
    guard.unlock();
    auto gone
        = out.deadline != clock::time_point{} && out.deadline < clock::now();
    if (!gone)
      return true;
    error why{errc::unavailable, "waited past its deadline", true,
              std::nullopt};
    end(out, &why, why.code);
  }
}

} // namespace shannon::store
