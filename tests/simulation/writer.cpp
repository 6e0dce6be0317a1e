#include "tests/simulation/writer.hpp"

#include "protocols/checksum.hpp"
#include "protocols/shard_of.hpp"

#include <set>
#include <utility>

namespace shannon::sim {

namespace {

constexpr std::uint32_t attempts_max = 4;
constexpr std::size_t group_max = 8;
/// After it an append is given up by whoever waits.
constexpr std::int64_t outage_wait_us = 10'000'000;

} // namespace

void writer::submit(store::append what, receipt done) {
  auto& dice = with_.everything.dice;
  if (dice.per_mille(with_.sky.refused)) {
    with_.everything.seen.hit("append refused by an overloaded store");
    with_.everything.after(dice.spread(10, 1'000), guard_([done] {
                             done(fail(errc::overloaded, "simulated", true));
                           }));
    return;
  }
  auto one = std::make_shared<job>();
  one->entry.wanted = what.expected;
  for (const auto& fact : what.facts) {
    auto& tail = one->entry.wanted;
    ++tail.version;
    tail.chain = store::chain(tail.chain, tail.version, fact);
  }
  one->entry.shard = store::shard_of(what.log, with_.sky.shards);
  one->entry.what = std::move(what);
  one->done = std::move(done);
  one->since_us = with_.everything.now_us();
  if (with_.db.faults.count(store_fault::ack_unsent) != 0) {
    auto early = std::exchange(one->done, [](auto) {});
    with_.everything.after(100, guard_([early, one] {
                             early(store::append_receipt{one->entry.wanted});
                           }));
  }
  queue_.push_back(std::move(one));
  kick();
}

void writer::kick() {
  if (kicked_ || open_ != 0 || queue_.empty())
    return;
  kicked_ = true;
  // Between staging and sending a process can die too.
  with_.everything.after(with_.everything.dice.spread(5, 2'000), guard_([this] {
                           kicked_ = false;
                           send();
                         }));
}

void writer::send() {
  auto some = std::make_shared<group>();
  std::set<log_id> logs;
  std::deque<job_ptr> passed;
  while (!queue_.empty() && some->size() < group_max) {
    auto next = std::move(queue_.front());
    queue_.pop_front();
    if (expired(next))
      continue;
    auto epoch = epochs_(next->entry.shard);
    if (!epoch) {
      answer(next, fail(errc::unavailable, "the shard is not ours", true));
      continue;
    }
    if (!logs.insert(next->entry.what.log).second) {
      passed.push_back(std::move(next));
      continue;
    }
    next->entry.epoch = *epoch;
    some->push_back(std::move(next));
  }
  queue_.insert(queue_.begin(), passed.begin(), passed.end());
  if (some->empty())
    return kick();
  open_ = some->size();
  if (open_ > 1)
    with_.everything.seen.hit("group of several appends");
  std::vector<statement_entry> entries;
  for (const auto& one : *some)
    entries.push_back(one->entry);
  db_.ask<std::vector<bool>>(
      "append", [entries](database& db) { return db.commit(entries); },
      [this, some](std::optional<std::vector<bool>> won) {
        if (!won) {
          for (auto& one : *some) {
            one->unclear = true;
            one->attempts = 0;
          }
          return look_later(std::move(*some));
        }
        group lost;
        for (std::size_t i = 0; i < some->size(); ++i)
          if ((*won)[i])
            answer((*some)[i], store::append_receipt{(*some)[i]->entry.wanted});
          else
            lost.push_back((*some)[i]);
        open_ = lost.size();
        if (lost.empty())
          return release();
        settle(std::move(lost));
      });
}

void writer::look_later(group some) {
  auto wait = with_.everything.dice.spread(1'000, 1'000'000);
  with_.everything.after(
      wait, guard_([this, some = std::move(some)] { settle(some); }));
}

/// Looks what became of appends that did not win, or whose answer was lost.
void writer::settle(group some) {
  std::erase_if(some, [this](const auto& one) { return expired(one); });
  open_ = some.size();
  if (some.empty())
    return release();
  std::vector<statement_entry> entries;
  for (const auto& one : some)
    entries.push_back(one->entry);
  db_.ask<std::vector<store::log_look>>(
      "look", [entries](database& db) { return db.look(entries); },
      [this, some](std::optional<std::vector<store::log_look>> looks) {
        if (!looks)
          return look_later(some);
        open_ = 0;
        for (std::size_t i = some.size(); i-- > 0;)
          judge_one(some[i], (*looks)[i]);
        release();
      });
}

void writer::judge_one(const job_ptr& one, const store::log_look& found) {
  store::append_intent sent{one->entry.what.expected, one->entry.wanted,
                            one->entry.epoch, one->entry.what.birth.has_value(),
                            one->unclear};
  const auto& log = one->entry.what.log.value;
  switch (store::judge(sent, found)) {
  case store::append_outcome::committed:
    with_.everything.seen.hit("append read back as committed");
    return answer(one, store::append_receipt{one->entry.wanted});
  case store::append_outcome::again:
    with_.everything.seen.hit("append sent again");
    if (++one->attempts < attempts_max) {
      queue_.push_front(one);
      return;
    }
    return answer(one, fail(errc::conflict, log + ": met somebody each time"));
  case store::append_outcome::conflict:
    with_.everything.seen.hit("append in conflict");
    return answer(one, fail(errc::conflict, log + ": the log moved on"));
  case store::append_outcome::fenced:
    with_.everything.seen.hit("append fenced");
    return answer(one, fail(errc::fenced, log + ": a newer owner"));
  case store::append_outcome::not_found:
    return answer(one, fail(errc::not_found, log + ": no such log"));
  }
}

void writer::release() {
  open_ = 0;
  kick();
}

/// Has it waited longer than anybody does? Then it is answered here.
bool writer::expired(const job_ptr& one) {
  if (with_.everything.now_us() - one->since_us < outage_wait_us)
    return false;
  if (one->unclear)
    answer(one, fail(errc::timeout, "nobody knows how it ended", true));
  else
    answer(one, fail(errc::unavailable, "the store is behind", true));
  return true;
}

void writer::answer(const job_ptr& one, result<store::append_receipt> what) {
  with_.everything.note(
      name_, "append of " + one->entry.what.log.value + " v"
                 + std::to_string(one->entry.what.expected.version + 1) + ".."
                 + std::to_string(one->entry.wanted.version) + " under epoch "
                 + std::to_string(one->entry.epoch) + ": "
                 + (what ? std::string{"committed"}
                         : std::string{to_string(what.error().code)}));
  one->done(std::move(what));
}

} // namespace shannon::sim
