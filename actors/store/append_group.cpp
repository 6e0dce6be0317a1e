#include "actors/store/append_group.hpp"

#include "actors/store/body_codec.hpp"
#include "actors/store/facts_row.hpp"
#include "actors/store/pg_connection.hpp"
#include "protocols/checksum.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using pg::type;

/// Numbers that one call of the sequence hands out: its increment.
constexpr std::int64_t block_numbers = 1'024;

/// An older block is left unused: its part may be dropped when all logs in it
/// are gone, and the shortest retention is longer than this.
constexpr auto block_age_max = 10min;

constexpr pg_statement block_sql{"log_numbers",
                                 "select nextval('log_numbers')"};
constexpr pg_statement part_sql{"make_part",
                                "select make_facts_part($1::int8)"};

std::int64_t as_bigint(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits);
}

std::int32_t as_int4(std::int64_t number) {
  return static_cast<std::int32_t>(number);
}

/// A group's entries by the part their logs stand in; few parts, mostly one.
using by_part = std::map<std::int64_t, std::vector<const append_entry*>>;

template <class... Arrays>
pg::values take_all(Arrays&... arrays) {
  pg::values out;
  out.reserve(sizeof...(arrays));
  (out.emplace_back(arrays.take()), ...);
  return out;
}

/// Arrays of one as the values in them.
pg::values of_one(pg::values arrays) {
  for (auto& one : arrays)
    one = pg::only_element(*one);
  return arrays;
}

void add_optional(pg::array& to, const std::optional<std::string>& bytes) {
  if (bytes)
    to.add(*bytes);
  else
    to.add_null();
}

void add_facts(pg::array& to, const append& what) {
  pack_facts(what.facts, to.open(packed_size(what.facts)));
}

void add_attributes(pg::array& to, const append& what) {
  if (what.attributes)
    to.add(nlohmann::json(*what.attributes).dump());
  else
    to.add_null();
}

void add_wake_up(pg::array& to, const append& what) {
  if (what.schedule && what.schedule->wake_at)
    to.add_time(*what.schedule->wake_at);
  else
    to.add_null();
}

/// The version of the `RunContinued` among these facts.
void add_base(pg::array& to, const append& what) {
  if (what.base)
    to.add_int4(as_int4(what.expected.version + 1 + *what.base));
  else
    to.add_null();
}

/// Shards, then first bytes of hashes; each sorted, so that whoever waits for
/// one of these locks holds only lower ones.
pg::values locks_of(std::span<append_entry> group) {
  std::vector<std::uint32_t> shards;
  std::vector<std::uint32_t> bodies;
  for (const auto& one : group) {
    shards.push_back(one.place.shard);
    for (const auto& body : one.what->blobs)
      bodies.push_back(static_cast<unsigned char>(body.hash.front()));
    for (const auto& refs : one.what->references)
      for (const auto& hash : refs)
        bodies.push_back(static_cast<unsigned char>(hash.front()));
  }
  pg::array classes{type::int4}, keys{type::int4};
  auto add = [&](lock_class which, std::vector<std::uint32_t>& all) {
    std::sort(all.begin(), all.end());
    all.erase(std::unique(all.begin(), all.end()), all.end());
    for (auto key : all) {
      classes.add_int4(static_cast<std::int32_t>(which));
      keys.add_int4(static_cast<std::int32_t>(key));
    }
  };
  add(lock_class::shard, shards);
  add(lock_class::bodies, bodies);
  return take_all(classes, keys);
}

result<void> queue_locks(pg_connection& db, pg::values locks) {
  if (pg::count_of(*locks.front()) == 1)
    return db.queue(lock_one_statement, of_one(std::move(locks)));
  return db.queue(lock_statement, std::move(locks));
}

pg::values extensions(const std::vector<const append_entry*>& all) {
  pg::array log{type::int8}, before{type::int4}, expected{type::int4},
      expected_chain{type::int8}, last{type::int4}, chain{type::int8},
      shard{type::int2}, epoch{type::int4}, facts{type::bytea};
  for (const auto* one : all) {
    log.add_int8(one->at.number);
    before.add_int4(as_int4(one->at.row));
    expected.add_int4(as_int4(one->what->expected.version));
    expected_chain.add_int8(as_bigint(one->what->expected.chain));
    last.add_int4(as_int4(one->wanted.version));
    chain.add_int8(as_bigint(one->wanted.chain));
    shard.add_int2(static_cast<std::int16_t>(one->place.shard));
    epoch.add_int4(as_int4(one->place.epoch));
    add_facts(facts, *one->what);
  }
  return take_all(log, before, expected, expected_chain, last, chain, shard,
                  epoch, facts);
}

pg::values births(const std::vector<const append_entry*>& all) {
  pg::array log{type::int8}, chain{type::int8}, last{type::int4},
      shard{type::int2}, epoch{type::int4}, facts{type::bytea},
      log_id{type::text}, kind{type::text}, parent{type::text},
      tenant{type::text}, user{type::text}, session{type::text},
      status{type::int2}, ended{type::boolean}, summary{type::bytea},
      attributes{type::text}, idle{type::boolean}, wake{type::timestamptz},
      owes{type::boolean};
  for (const auto* one : all) {
    const auto& what = *one->what;
    const auto& birth = *what.birth;
    log.add_int8(one->at.number);
    chain.add_int8(as_bigint(one->wanted.chain));
    last.add_int4(as_int4(one->wanted.version));
    shard.add_int2(static_cast<std::int16_t>(one->place.shard));
    epoch.add_int4(as_int4(one->place.epoch));
    add_facts(facts, what);
    log_id.add(what.log.value);
    kind.add(birth.kind);
    parent.add(birth.parent.value);
    tenant.add(birth.tenant.value);
    user.add(birth.user.value);
    session.add(birth.session.value);
    status.add_int2(static_cast<std::int16_t>(what.status));
    ended.add_bool(is_terminal(what.status));
    add_optional(summary, what.summary);
    add_attributes(attributes, what);
    idle.add_bool(what.schedule && what.schedule->idle);
    add_wake_up(wake, what);
    owes.add_bool(what.owes_end);
  }
  return take_all(log, chain, last, shard, epoch, facts, log_id, kind, parent,
                  tenant, user, session, status, ended, summary, attributes,
                  idle, wake, owes);
}

pg::values openings(const std::vector<const append_entry*>& all) {
  pg::array log{type::int8}, tenant{type::text}, id{type::text},
      user{type::text}, name{type::text}, title{type::text},
      context{type::text}, mode{type::text};
  for (const auto* one : all) {
    const auto& birth = *one->what->birth;
    const auto& opens = *one->what->opens;
    log.add_int8(one->at.number);
    tenant.add(birth.tenant.value);
    id.add(opens.id);
    user.add(birth.user.value);
    name.add(birth.session.value);
    title.add(opens.title);
    context.add(opens.context_json);
    mode.add(opens.mode);
  }
  return take_all(log, tenant, id, user, name, title, context, mode);
}

/// Must its head be written again?
bool changes_head(const append_entry& one) {
  const auto& what = *one.what;
  return what.status != one.at.status || what.summary || what.attributes
         || what.base;
}

bool needs_bodies(const append& what) {
  auto some = [](const auto& refs) { return !refs.empty(); };
  return !what.blobs.empty()
         || std::any_of(what.references.begin(), what.references.end(), some);
}

pg::values changes(const std::vector<const append_entry*>& all) {
  pg::array log{type::int8}, first{type::int4}, last{type::int4},
      chain{type::int8}, log_id{type::text}, head{type::boolean},
      status{type::int2}, ended{type::boolean}, summary{type::bytea},
      attributes{type::text}, base{type::int4}, base_chain{type::int8},
      idle{type::boolean}, wake{type::timestamptz}, owes{type::boolean};
  for (const auto* one : all) {
    const auto& what = *one->what;
    log.add_int8(one->at.number);
    first.add_int4(as_int4(what.expected.version + 1));
    last.add_int4(as_int4(one->wanted.version));
    chain.add_int8(as_bigint(one->wanted.chain));
    log_id.add(what.log.value);
    head.add_bool(changes_head(*one));
    status.add_int2(static_cast<std::int16_t>(what.status));
    ended.add_bool(is_terminal(what.status));
    add_optional(summary, what.summary);
    add_attributes(attributes, what);
    add_base(base, what);
    base_chain.add_int8(as_bigint(what.expected.chain));
    if (what.schedule)
      idle.add_bool(what.schedule->idle);
    else
      idle.add_null();
    add_wake_up(wake, what);
    owes.add_bool(what.owes_end);
  }
  return take_all(log, first, last, chain, log_id, head, status, ended, summary,
                  attributes, base, base_chain, idle, wake, owes);
}

pg::values bodies(const std::vector<const append_entry*>& all) {
  pg::array ref_log{type::int8}, ref_first{type::int4}, ref_hash{type::bytea},
      log{type::int8}, first{type::int4}, hash{type::bytea}, size{type::int8},
      codec{type::int2}, bytes{type::bytea};
  // A statement may not meet one row twice.
  std::vector<std::string_view> hashes;
  auto unique = [&] {
    std::sort(hashes.begin(), hashes.end());
    hashes.erase(std::unique(hashes.begin(), hashes.end()), hashes.end());
  };
  for (const auto* one : all) {
    auto version = as_int4(one->what->expected.version + 1);
    hashes.clear();
    // What is stored with a log is kept for it, named by a fact or not.
    for (const auto& body : one->what->blobs)
      hashes.push_back(body.hash);
    for (const auto& refs : one->what->references)
      hashes.insert(hashes.end(), refs.begin(), refs.end());
    unique();
    for (auto needed : hashes) {
      ref_log.add_int8(one->at.number);
      ref_first.add_int4(version);
      ref_hash.add(needed);
    }
    for (const auto& body : one->what->blobs) {
      auto packed = pack_body(body.bytes);
      log.add_int8(one->at.number);
      first.add_int4(version);
      hash.add(body.hash);
      size.add_int8(static_cast<std::int64_t>(body.bytes.size()));
      codec.add_int2(static_cast<std::int16_t>(packed.codec));
      bytes.add(packed.codec == body_codec::plain ? body.bytes : packed.bytes);
    }
  }
  return take_all(ref_log, ref_first, ref_hash, log, first, hash, size, codec,
                  bytes);
}

} // namespace

const char* const writer_settings
    = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off;"
      "set enable_nestloop = on; set enable_mergejoin = off;"
      "set enable_hashjoin = off; set work_mem = '32MB';"
      // A group is of many tenants, and sessions have a wall.
      "set shannon.tenant = '*'";

log_tail tail_after(const append& what) {
  log_tail tail;
  tail.version = what.expected.version;
  tail.chain = what.birth ? chain_origin(what.log) : what.expected.chain;
  for (const auto& fact : what.facts) {
    ++tail.version;
    tail.chain = chain(tail.chain, tail.version, fact);
  }
  return tail;
}

const part_statements& group_committer::statements(std::int64_t part) {
  return parts_.try_emplace(part, part).first->second;
}

result<void> group_committer::next_block(pg_connection& db) {
  // Its age counts from before it was given out: the answer may come late.
  auto since = clock::now();
  auto rows = db.run(block_sql, {});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  auto start = rows->int8(0, 0);
  auto part = part_of(start);
  // A part ahead, so that no group ever waits for one to be made.
  if (part_of(next_number_) != part || end_number_ == 0)
    for (auto wanted : {part, part + 1})
      if (auto made = db.run(part_sql, {pg::from_int8(wanted)}); !made)
        return tl::unexpected<error>{std::move(made.error())};
  next_number_ = start;
  end_number_ = start + block_numbers;
  block_since_ = since;
  return {};
}

/// Each try has numbers of its own: a head with this number was written by
/// this try and no other.
result<void> group_committer::number_births(pg_connection& db,
                                            std::span<append_entry> group) {
  auto now = clock::now();
  for (auto& one : group) {
    if (!one.what->birth)
      continue;
    if (next_number_ == end_number_ || now - block_since_ > block_age_max)
      if (auto got = next_block(db); !got)
        return got;
    one.at.number = next_number_++;
  }
  return {};
}

result<std::vector<bool>>
group_committer::commit(pg_connection& db, std::span<append_entry> group) {
  if (auto numbered = number_births(db, group); !numbered)
    return tl::unexpected<error>{std::move(numbered.error())};
  by_part extended, born, changed, opened, kept;
  std::vector<std::pair<std::int64_t, std::size_t>> numbers;
  for (std::size_t i = 0; i < group.size(); ++i) {
    const auto& one = group[i];
    const auto& what = *one.what;
    auto part = part_of(one.at.number);
    numbers.emplace_back(one.at.number, i);
    if (what.birth)
      born[part].push_back(&one);
    else
      extended[part].push_back(&one);
    if (!what.birth && (changes_head(one) || what.schedule))
      changed[part].push_back(&one);
    if (what.opens)
      opened[part].push_back(&one);
    if (needs_bodies(what))
      kept[part].push_back(&one);
  }
  using all = part_statements;
  auto sent = queue_locks(db, locks_of(group));
  std::vector<bool> answers{false};
  auto queue = [&](const by_part& some, all::what which, auto values) {
    for (const auto& [part, entries] : some) {
      if (!sent)
        return;
      const auto& in_part = statements(part);
      if (entries.size() == 1 && which != all::keep)
        sent = db.queue(in_part.of_one(which), of_one(values(entries)));
      else
        sent = db.queue(in_part.of_many(which), values(entries));
      answers.push_back(which == all::extend || which == all::bear);
    }
  };
  queue(extended, all::extend, extensions);
  queue(born, all::bear, births);
  queue(changed, all::change, changes);
  queue(opened, all::open, openings);
  queue(kept, all::keep, bodies);
  if (!sent)
    return tl::unexpected<error>{std::move(sent.error())};
  auto got = db.sync();
  if (!got)
    return tl::unexpected<error>{std::move(got.error())};
  std::sort(numbers.begin(), numbers.end());
  std::vector<bool> won(group.size(), false);
  for (std::size_t i = 0; i < got->size() && i < answers.size(); ++i) {
    if (!answers[i])
      continue;
    const auto& rows = (*got)[i];
    for (int row = 0; row < rows.size(); ++row) {
      auto number = rows.int8(row, 0);
      auto at = std::lower_bound(
          numbers.begin(), numbers.end(), number,
          [](const auto& pair, auto wanted) { return pair.first < wanted; });
      if (at != numbers.end() && at->first == number)
        won[at->second] = true;
    }
  }
  return won;
}

result<std::vector<log_look>> look_at(pg_connection& db,
                                      std::span<const append_entry> group) {
  pg::array logs{type::text}, shards{type::int2}, first{type::int4},
      last{type::int4};
  for (const auto& one : group) {
    logs.add(one.what->log.value);
    shards.add_int2(static_cast<std::int16_t>(one.place.shard));
    first.add_int4(as_int4(one.what->expected.version + 1));
    last.add_int4(as_int4(one.wanted.version));
  }
  auto rows = db.run(look_statement, take_all(logs, shards, first, last));
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  std::vector<log_look> out;
  for (int i = 0; i < rows->size(); ++i) {
    log_look look;
    if (!rows->null(i, 2))
      look.tail = log_tail{rows->int4(i, 3),
                           static_cast<std::uint64_t>(rows->int8(i, 4)),
                           {rows->int8(i, 0), rows->int4(i, 2),
                            static_cast<log_status>(rows->int2(i, 1))}};
    look.owner_epoch = rows->null(i, 5) ? 0 : rows->int8(i, 5);
    if (!rows->null(i, 6))
      look.checksum = static_cast<std::uint64_t>(rows->int8(i, 6));
    out.push_back(look);
  }
  if (out.size() != group.size())
    return fail(errc::failed, "database: a look answers other rows than asked");
  return out;
}

} // namespace shannon::store
