#include "actors/store/append_writer.hpp"

#include "actors/kit/failpoint.hpp"
#include "actors/kit/log.hpp"
#include "actors/store/append_check.hpp"
#include "actors/store/migrations.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_set>
#include <utility>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

/// Sending an append again more often than this means it meets somebody each
/// time: that is a conflict.
constexpr std::uint32_t attempts_max = 4;

std::uint64_t bytes_of(const append& what) {
  std::uint64_t sum = 256 + what.log.value.size();
  for (const auto& fact : what.facts)
    sum += fact.size() + 64;
  for (const auto& body : what.blobs)
    sum += body.bytes.size();
  if (what.summary)
    sum += what.summary->size();
  return sum;
}

error refusal(append_outcome outcome, const append& what) {
  const auto& log = what.log.value;
  switch (outcome) {
  case append_outcome::fenced:
    return {errc::fenced, log + ": a newer owner holds its shard", false,
            std::nullopt};
  case append_outcome::not_found:
    return {errc::not_found, log + ": no such log", false, std::nullopt};
  case append_outcome::conflict:
  case append_outcome::committed:
  case append_outcome::again:
    break;
  }
  if (what.birth)
    return {errc::conflict, log + ": this log exists already", false,
            std::nullopt};
  return {errc::conflict,
          log + ": the log does not end at version "
              + std::to_string(what.expected.version) + " any more",
          false, std::nullopt};
}

} // namespace

append_writer::append_writer(std::shared_ptr<const store_context> context)
    : context_(std::move(context)), backoff_{20ms, 1'000ms},
      thread_([this] { run(); }) {}

append_writer::~append_writer() {
  stop();
}

void append_writer::stop() {
  {
    std::lock_guard guard{mutex_};
    if (!stopping_) {
      stopping_ = true;
      give_up_ = clock::now() + 2s;
    }
  }
  wake_.notify_all();
  if (thread_.joinable())
    thread_.join();
}

void append_writer::submit(append_job job) {
  const auto* what = job.body.get_if<append>();
  if (!what) {
    job.done(fail(errc::invalid_argument, "not an append"));
    return;
  }
  if (auto good = check(*what); !good) {
    job.done(tl::unexpected<error>{std::move(good.error())});
    return;
  }
  auto entry = std::make_unique<waiting>();
  entry->job = std::move(job);
  entry->entry.what = what;
  entry->entry.wanted = tail_after(*what);
  entry->entry.at = what->expected.place;
  entry->since = clock::now();
  entry->bytes = bytes_of(*what);
  const auto& limits = context_->settings;
  std::unique_lock guard{mutex_};
  const char* why = nullptr;
  auto code = errc::overloaded;
  if (stopping_) {
    code = errc::unavailable;
    why = "the event store is stopping";
  } else if (queue_.size() >= limits.queue_max) {
    why = "the event store has its limit of appends waiting";
  } else if (!queue_.empty()
             && queue_bytes_ + entry->bytes > limits.queue_bytes_max) {
    why = "the event store has its limit of bytes waiting";
  }
  if (why) {
    guard.unlock();
    answer(entry, fail(code, why, true));
    return;
  }
  queue_bytes_ += entry->bytes;
  queue_.push_back(std::move(entry));
  context_->metrics.appends_waiting(1);
  guard.unlock();
  wake_.notify_one();
}

// -- the thread ---------------------------------------------------------------

void append_writer::run() {
  // The first connection is made before anything is asked, so that a wrong
  // schema shows at the start.
  ready();
  while (take()) {
    if (ready())
      commit();
    else
      wait_for_retry();
  }
  refuse_all();
}

/// Waits for work, unless some is left over. False when stopping.
bool append_writer::take() {
  expire();
  std::unique_lock guard{mutex_};
  wake_.wait(guard, [this] {
    return stopping_ || !current_.empty() || !queue_.empty();
  });
  if (stopping_)
    return false;
  if (!current_.empty())
    return true;
  // One append of each log: the second would meet the head as it was before
  // the first. What is passed over keeps its order.
  const auto& limits = context_->settings;
  std::unordered_set<std::string_view> logs;
  std::deque<waiting_ptr> passed;
  std::uint64_t bytes = 0;
  std::ptrdiff_t taken = 0;
  auto now = clock::now();
  while (!queue_.empty() && current_.size() < limits.group_max) {
    auto& next = queue_.front();
    if (!current_.empty() && bytes + next->bytes > limits.group_bytes_max)
      break;
    if (logs.insert(next->entry.what->log.value).second) {
      ++taken;
      bytes += next->bytes;
      queue_bytes_ -= next->bytes;
      current_.push_back(std::move(next));
    } else {
      passed.push_back(std::move(next));
    }
    queue_.pop_front();
  }
  for (; !passed.empty(); passed.pop_back())
    queue_.push_front(std::move(passed.back()));
  guard.unlock();
  context_->metrics.appends_waiting(-taken);
  // Nobody waits for these any more, and they were never sent.
  for (auto& one : current_)
    if (one->job.deadline != clock::time_point{} && one->job.deadline < now)
      answer(one, fail(errc::unavailable, "waited past its deadline", true));
  std::erase(current_, nullptr);
  return true;
}

/// Connected, over a schema this build knows?
bool append_writer::ready() {
  if (db_ && db_->still_there())
    return true;
  db_.reset();
  pg_options options;
  options.dsn = context_->dsn;
  options.connect_timeout = context_->settings.connect_timeout;
  options.statement_timeout = context_->settings.statement_timeout;
  options.lock_timeout = context_->settings.lock_timeout;
  options.settings = writer_settings;
  options.keep_waiting = [this] { return keep_waiting(); };
  auto made = pg_connection::open(std::move(options));
  auto good = made ? check_schema(*made)
                   : result<void>{tl::unexpected<error>{made.error()}};
  if (good) {
    db_.emplace(std::move(*made));
    context_->metrics.connected("writer");
    if (failures_ != 0)
      kit::log::info("store-connected", "EVENT STORE reaches its database",
                     {{"attempts", failures_ + 1}});
    failures_ = 0;
    return true;
  }
  trouble_ = std::move(good.error());
  if (failures_++ == 0 && trouble_.code != errc::cancelled)
    kit::log::warning("store-disconnected",
                      "EVENT STORE does not reach its database",
                      {{"reason", trouble_.text}});
  if (trouble_.code == errc::failed && context_->schema_refused)
    context_->schema_refused(trouble_);
  return false;
}

void append_writer::commit() {
  // What an earlier connection left open is settled first.
  group open;
  for (auto& one : current_)
    if (one->entry.unclear && one->attempts == 0)
      open.push_back(std::move(one));
  if (!open.empty()) {
    std::erase(current_, nullptr);
    settle(open, true);
  } else {
    open.swap(current_);
    commit_some(open);
  }
  for (auto& one : open)
    if (one)
      current_.push_back(std::move(one));
}

void append_writer::commit_some(group& some) {
  auto owned = context_->owned->current();
  group lost;
  std::size_t facts = 0;
  entries_.clear();
  for (auto& one : some) {
    const auto& log = one->entry.what->log;
    auto place = owned.find(log);
    if (!place) {
      answer(one, tl::unexpected<error>{not_ours(owned, log)});
      continue;
    }
    one->entry.place = *place;
    if (!one->entry.located()) {
      lost.push_back(std::move(one));
      continue;
    }
    // So nothing is ever written to a log that retention may delete.
    if (!one->entry.what->birth && is_terminal(one->entry.at.status)) {
      answer(one, fail(errc::conflict,
                       one->entry.what->log.value + ": the log has ended"));
      continue;
    }
    entries_.push_back(one->entry);
    facts += one->entry.what->facts.size();
  }
  std::erase(some, nullptr);
  if (!some.empty()) {
    auto start = clock::now();
    SHANNON_FAILPOINT("log.appends");
    auto won = committer_.commit(*db_, entries_);
    SHANNON_FAILPOINT("log.committed");
    if (won)
      answer_winners(some, *won, facts, clock::now() - start);
    else
      commit_failed(some, std::move(won.error()));
  }
  // Who lost is left in `some`; it is looked at with those nobody has sent.
  for (auto& one : some)
    lost.push_back(std::move(one));
  some.swap(lost);
  if (!some.empty() && db_->usable())
    settle(some, false);
}

/// Leaves the losers in `some`.
void append_writer::answer_winners(group& some, const std::vector<bool>& won,
                                   std::size_t facts, clock::duration taken) {
  std::size_t count = 0;
  for (std::size_t i = 0; i < some.size(); ++i) {
    if (won[i])
      ++count;
    else
      facts -= some[i]->entry.what->facts.size();
  }
  context_->metrics.group_committed(count, facts, taken);
  for (std::size_t i = 0; i < some.size(); ++i)
    if (won[i])
      answer(some[i], receipt(entries_[i], entries_[i].at.number));
  std::erase(some, nullptr);
}

/// Leaves in `some` what must be looked at.
void append_writer::commit_failed(group& some, error why) {
  if (!db_->usable())
    return connection_lost(some);
  if (some.size() == 1) {
    // Rolled back, so what it says is certain; but who was first is to be
    // seen yet.
    if (why.code == errc::conflict)
      return;
    if (why.code == errc::timeout)
      why.code = errc::unavailable;
    answer(some.front(), tl::unexpected<error>{std::move(why)});
    some.clear();
    return;
  }
  context_->metrics.group_split();
  kit::log::warning("store-group-split",
                    "EVENT STORE runs the appends of a group one by one",
                    {{"appends", some.size()}, {"reason", why.text}});
  group rest;
  for (auto& one : some) {
    group single;
    single.push_back(std::move(one));
    if (db_->usable())
      commit_some(single);
    for (auto& left : single)
      if (left)
        rest.push_back(std::move(left));
  }
  some.swap(rest);
}

append_receipt append_writer::receipt(const append_entry& won,
                                      std::int64_t number) const {
  append_receipt out{won.wanted};
  out.tail.place = {number, won.what->expected.version + 1, won.what->status};
  return out;
}

/// Looks what became of appends that did not win, or whose answer was lost;
/// answers those it can tell and leaves those to be sent again.
void append_writer::settle(group& some, bool after_loss) {
  std::vector<append_entry> entries;
  for (const auto& one : some)
    entries.push_back(one->entry);
  auto looks = look_at(*db_, entries);
  if (!looks) {
    // All are still open, and will be looked at again.
    trouble_ = std::move(looks.error());
    wait_for_retry();
    return;
  }
  for (std::size_t i = 0; i < some.size(); ++i) {
    auto& one = some[i];
    auto outcome = judge(one->entry.intent(), (*looks)[i]);
    if (outcome == append_outcome::committed) {
      answer(one, receipt(one->entry, (*looks)[i].tail->place.number));
    } else if (outcome != append_outcome::again
               || ++one->attempts >= attempts_max) {
      answer(one, tl::unexpected<error>{refusal(outcome, *one->entry.what)});
    } else if ((*looks)[i].tail) {
      one->entry.at = (*looks)[i].tail->place;
    }
  }
  if (after_loss)
    kit::log::info("store-settled",
                   "EVENT STORE read back what a lost connection left open",
                   {{"appends", some.size()}});
}

void append_writer::connection_lost(group& some) {
  context_->metrics.commits_unclear(some.size());
  for (auto& one : some) {
    one->entry.unclear = true;
    one->attempts = 0;
  }
}

void append_writer::wait_for_retry() {
  auto share = std::uniform_real_distribution<double>{0, 1}(chance_);
  auto until = clock::now() + backoff_.delay(std::max(failures_, 1u), share);
  std::unique_lock guard{mutex_};
  wake_.wait_until(guard, until, [this] { return stopping_; });
}

bool append_writer::keep_waiting() {
  expire();
  std::lock_guard guard{mutex_};
  return !stopping_ || (db_ && clock::now() < give_up_);
}

error append_writer::late(const waiting& who) const {
  if (who.entry.unclear)
    return {errc::timeout,
            who.entry.what->log.value
                + ": the database went away during the commit, and has not "
                  "told yet how it ended",
            true, std::nullopt};
  auto text
      = trouble_.text.empty() ? "the event store is behind" : trouble_.text;
  return {errc::unavailable, std::move(text), true, std::nullopt};
}

void append_writer::expire() {
  auto oldest = clock::now() - context_->settings.outage_wait;
  group late_ones;
  {
    std::lock_guard guard{mutex_};
    while (!queue_.empty() && queue_.front()->since < oldest) {
      queue_bytes_ -= queue_.front()->bytes;
      late_ones.push_back(std::move(queue_.front()));
      queue_.pop_front();
    }
  }
  context_->metrics.appends_waiting(
      -static_cast<std::ptrdiff_t>(late_ones.size()));
  for (auto& one : late_ones)
    answer(one, tl::unexpected<error>{late(*one)});
  for (auto& one : current_)
    if (one->since < oldest)
      answer(one, tl::unexpected<error>{late(*one)});
  std::erase(current_, nullptr);
}

void append_writer::answer(waiting_ptr& who, result<append_receipt> what) {
  auto gone = std::move(who);
  context_->metrics.append_ended(what ? errc::ok : what.error().code,
                                 clock::now() - gone->since);
  gone->job.done(std::move(what));
}

void append_writer::refuse_all() {
  std::deque<waiting_ptr> left;
  {
    std::lock_guard guard{mutex_};
    left.swap(queue_);
    queue_bytes_ = 0;
  }
  context_->metrics.appends_waiting(-static_cast<std::ptrdiff_t>(left.size()));
  for (auto& one : left)
    answer(one, fail(errc::unavailable, "the event store is stopping", true));
  for (auto& one : current_)
    answer(one, tl::unexpected<error>{late(*one)});
  current_.clear();
}

} // namespace shannon::store
