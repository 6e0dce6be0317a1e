#include "tests/simulation/database.hpp"

#include "protocols/checksum.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shannon::sim {

namespace {

constexpr std::array<std::pair<std::string_view, store_fault>, 11> names{{
    {"skip-epoch", store_fault::skip_epoch},
    {"skip-version", store_fault::skip_version},
    {"ack-unsent", store_fault::ack_unsent},
    {"claim-no-raise", store_fault::claim_no_raise},
    {"due-forgotten", store_fault::due_forgotten},
    {"born-twice", store_fault::born_twice},
    {"schedule-kept", store_fault::schedule_kept},
    {"chain-anew", store_fault::chain_anew},
    {"half-written", store_fault::half_written},
    {"blobs-lost", store_fault::blobs_lost},
    {"owed-forgotten", store_fault::owed_forgotten},
}};

std::int64_t unix_us(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

unsigned long incarnation_of(const node_id& process) {
  auto at = process.value.find('#');
  return at == std::string::npos ? 0 : std::stoul(process.value.substr(at + 1));
}

} // namespace

std::optional<store_fault> store_fault_named(std::string_view name) {
  for (const auto& [known, fault] : names)
    if (known == name)
      return fault;
  return std::nullopt;
}

std::vector<std::string> store_fault_names() {
  std::vector<std::string> all;
  for (const auto& [name, fault] : names)
    all.emplace_back(name);
  return all;
}

// -- appends ------------------------------------------------------------------

std::vector<bool> database::commit(const std::vector<statement_entry>& group) {
  std::vector<bool> won;
  for (const auto& one : group) {
    won.push_back(wins(one));
    if (won.back())
      write(one);
  }
  return won;
}

/// The conditions of the SQL: the shard's epoch, and the end of the log.
bool database::wins(const statement_entry& one) const {
  if (!has(store_fault::skip_epoch) && shards_.at(one.shard).epoch != one.epoch)
    return false;
  auto at = logs_.find(one.what.log);
  if (one.what.birth)
    return at == logs_.end() || has(store_fault::born_twice);
  if (at == logs_.end())
    return false;
  if (has(store_fault::skip_version))
    return true;
  const auto& tail = at->second.tail;
  return tail.version == one.what.expected.version
         && tail.chain == one.what.expected.chain
         && (at->second.epoch <= one.epoch || has(store_fault::skip_epoch));
}

void database::write(const statement_entry& one) {
  auto& log = logs_[one.what.log];
  if (one.what.birth)
    log = {};
  if (one.what.birth)
    log.birth = *one.what.birth;
  auto tail = one.what.expected;
  if (has(store_fault::chain_anew))
    tail.chain = 0;
  for (std::size_t i = 0; i < one.what.facts.size(); ++i) {
    if (one.what.base == i)
      log.base = tail;
    ++tail.version;
    tail.chain = store::chain(tail.chain, tail.version, one.what.facts[i]);
    history::log_row row{
        tail.version, one.epoch, tail.chain, one.what.facts[i], {}};
    if (i > 0 && has(store_fault::half_written))
      continue;
    if (i < one.what.references.size())
      row.bodies = one.what.references[i];
    log.rows.push_back(std::move(row));
  }
  log.tail = tail;
  log.epoch = one.epoch;
  log.status = one.what.status;
  log.owes_end = one.what.owes_end && !has(store_fault::owed_forgotten);
  if (one.what.schedule && !has(store_fault::schedule_kept))
    log.schedule = *one.what.schedule;
  if (one.what.attributes)
    log.attributes = *one.what.attributes;
  for (const auto& body : one.what.blobs)
    if (!has(store_fault::blobs_lost))
      blobs_.emplace(body.hash, body.bytes);
  if (on_commit)
    on_commit(one);
}

std::vector<store::log_look>
database::look(const std::vector<statement_entry>& group) {
  std::vector<store::log_look> out;
  for (const auto& one : group) {
    auto& look = out.emplace_back();
    look.owner_epoch = shards_.at(one.shard).epoch;
    const auto* log = find(one.what.log);
    if (!log)
      continue;
    look.tail = log->tail;
    auto place = static_cast<std::size_t>(one.wanted.version);
    if (place >= 1 && place <= log->rows.size())
      look.checksum = log->rows[place - 1].checksum;
  }
  return out;
}

// -- ownership ----------------------------------------------------------------

cluster::membership database::renew(const node_id& node,
                                    std::chrono::microseconds lease) {
  auto now = now_us_();
  auto& mine = leases_[std::string{cluster::name_of(node)}];
  cluster::membership view;
  if (incarnation_of(node) >= incarnation_of(mine.process)) {
    bool joins = mine.process != node;
    if (joins || mine.until_us <= now) {
      mine.held_since_us = now;
      mine.settles_us = now + lease.count() + lease.count() / 2;
    }
    if (joins && old_cluster && incarnation_of(node) == 1)
      mine.held_since_us = mine.settles_us = now - 10 * lease.count();
    mine.process = node;
    mine.until_us = now + lease.count();
    mine.misjudged = false;
    view.held_us = now - mine.held_since_us;
  }
  if (auto victim = misjudges()) {
    auto at = std::next(leases_.begin(),
                        static_cast<std::ptrdiff_t>(*victim % leases_.size()));
    at->second.misjudged = at->second.process != node;
  }
  for (const auto& [name, one] : leases_)
    view.members.push_back({one.process, true, one.settles_us <= now, false,
                            one.misjudged ? 0 : one.until_us - now});
  for (const auto& row : shards_)
    view.shards_version += row.epoch;
  return view;
}

std::vector<cluster::shard_change>
database::claim(const node_id& node,
                const std::vector<cluster::shard_change>& wishes) {
  std::vector<cluster::shard_change> granted;
  for (const auto& wish : wishes) {
    auto& row = shards_.at(wish.shard);
    if (row.epoch != wish.epoch || !is_live(node)
        || (row.owner != node && is_live(row.owner)))
      continue;
    if (!has(store_fault::claim_no_raise))
      ++row.epoch;
    row.owner = node;
    granted.push_back({wish.shard, row.epoch});
    if (on_claim)
      on_claim(granted.back(), node);
  }
  return granted;
}

std::vector<cluster::shard_change>
database::release(const node_id& node,
                  const std::vector<std::uint32_t>& shards) {
  std::vector<cluster::shard_change> done;
  for (auto shard : shards) {
    auto& row = shards_.at(shard);
    if (row.owner != node)
      continue;
    row = {row.epoch + 1, {}};
    done.push_back({shard, row.epoch});
  }
  return done;
}

std::int64_t database::lease_until_us(const node_id& node) const {
  auto at = leases_.find(cluster::name_of(node));
  return at == leases_.end() || at->second.process != node
             ? 0
             : at->second.until_us;
}

// -- reading ------------------------------------------------------------------

const stored_log* database::find(const log_id& log) const {
  auto at = logs_.find(log);
  return at == logs_.end() ? nullptr : &at->second;
}

std::optional<store::log_status> database::status(const log_id& log) const {
  if (const auto* found = find(log))
    return found->status;
  return std::nullopt;
}

void database::close(const log_id& log) {
  if (auto at = logs_.find(log);
      at != logs_.end() && store::is_terminal(at->second.status))
    at->second.owes_end = false;
}

result<store::log_image> database::open(const log_id& log, std::uint32_t shard,
                                        shard_epoch epoch) {
  if (shards_.at(shard).epoch != epoch && !has(store_fault::skip_epoch))
    return fail(errc::fenced, log.value + ": a newer owner holds its shard");
  auto at = logs_.find(log);
  if (at == logs_.end())
    return fail(errc::not_found, log.value + ": no such log");
  auto& found = at->second;
  found.epoch = std::max(found.epoch, epoch);
  store::log_image image;
  image.head.log = log;
  image.head.birth = found.birth;
  image.head.tail = found.tail;
  image.head.epoch = found.epoch;
  image.head.status = found.status;
  image.head.attributes = found.attributes;
  image.head.wake_at = found.schedule.wake_at;
  image.base = found.base;
  for (const auto& row : found.rows) {
    if (row.version <= found.base.version)
      continue;
    image.facts.push_back({row.version, {}, row.fact});
    for (const auto& hash : row.bodies)
      if (auto body = blobs_.find(hash); body != blobs_.end())
        image.blobs[hash] = body->second;
  }
  return image;
}

store::log_ids database::unfinished(const std::string& kind) const {
  store::log_ids out;
  for (const auto& [id, log] : logs_)
    if (log.birth.kind == kind
        && (log.owes_end
            || (!store::is_terminal(log.status) && !log.schedule.idle)))
      out.logs.push_back(id);
  return out;
}

store::due_logs database::due(const std::string& kind) const {
  store::due_logs out;
  out.now = std::chrono::system_clock::time_point{
      std::chrono::microseconds{now_us_()}};
  for (const auto& [id, log] : logs_) {
    if (log.birth.kind != kind || store::is_terminal(log.status)
        || !log.schedule.idle || !log.schedule.wake_at)
      continue;
    if (unix_us(*log.schedule.wake_at) <= now_us_()) {
      if (!has(store_fault::due_forgotten))
        out.logs.push_back(id);
    } else if (!out.next || *log.schedule.wake_at < *out.next) {
      out.next = log.schedule.wake_at;
    }
  }
  return out;
}

} // namespace shannon::sim
