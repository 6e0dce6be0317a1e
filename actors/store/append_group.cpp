#include "actors/store/append_group.hpp"

#include "actors/store/pg_connection.hpp"
#include "protocols/checksum.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

namespace shannon::store {

namespace {

constexpr std::size_t name_bytes_max = 1'024;
constexpr std::size_t hash_bytes = 32;

/// Everything about a group in one statement, so that it is one round trip,
/// one plan and one commit. Each part sees the same snapshot and works only
/// on what the parts before let through:
///
///   a      the appends, as the caller's arrays
///   mine   those whose shard still has the epoch they were sent under
///   new    births of them; they hold the shard against a claim until they
///          are committed, so that who claims it finds every log it has
///   moved  heads that stood where expected, under no newer epoch
///   born   heads that did not exist
///   wrote  the facts of those two
///   kept   their bodies, once per content
///
/// Whoever loses has no row in the answer; nothing here raises an error for
/// one append that would undo the others. Bodies go in sorted, so that two
/// writers with the same bodies wait for each other, never in a circle.
constexpr pg_statement commit_sql{"append_group", R"sql(
with a as (
  select * from unnest($1::text[], $2::int8[], $3::int8[], $4::int8[],
      $5::int8[], $6::int8[], $7::int2[], $8::int2[], $9::bool[],
      $10::bytea[], $11::timestamptz[], $12::text[], $13::text[], $14::text[],
      $15::text[], $16::text[])
    with ordinality as t(log_id, expected, expected_chain, version, chain,
      epoch, shard, status, ended, summary, wake_at, kind, parent, tenant,
      user_id, session, ord)
), mine as (
  select a.* from a join shards s on s.shard = a.shard and s.epoch = a.epoch
), new as (
  select a.* from a join shards s on s.shard = a.shard and s.epoch = a.epoch
  where a.kind is not null for share of s
), moved as (
  update heads h
  set version = m.version, chain = m.chain, epoch = m.epoch,
      status = m.status, summary = coalesce(m.summary, h.summary),
      wake_at = m.wake_at, updated_at = now(),
      ended_at = case when m.ended then coalesce(h.ended_at, now()) end
  from mine m
  where m.kind is null and h.log_id = m.log_id and h.version = m.expected
    and h.chain = m.expected_chain and h.epoch <= m.epoch
  returning h.log_id
), born as (
  insert into heads (log_id, version, chain, epoch, status, kind, parent,
    tenant, user_id, session, created_at, updated_at, ended_at, wake_at,
    summary)
  select log_id, version, chain, epoch, status, kind, parent, tenant, user_id,
    session, now(), now(), case when ended then now() end, wake_at,
    coalesce(summary, '')
  from new
  on conflict (log_id) do nothing
  returning log_id
), won as (
  select a.ord, a.log_id, a.epoch
  from (select log_id from moved union all select log_id from born) w
  join a using (log_id)
), wrote as (
  insert into facts (log_id, version, epoch, at, checksum, fact, blobs)
  select w.log_id, f.version, w.epoch, now(), f.checksum, f.fact,
    case when f.refs is not null then array(
      select substring(f.refs from 32 * i + 1 for 32)
      from generate_series(0, octet_length(f.refs) / 32 - 1) i) end
  from unnest($17::int8[], $18::int8[], $19::int8[], $20::bytea[],
      $21::bytea[]) f(ord, version, checksum, fact, refs)
  join won w on w.ord = f.ord
), kept as (
  insert into blobs (hash, created_at, bytes)
  select b.hash, now(), b.bytes
  from unnest($22::int8[], $23::bytea[], $24::bytea[]) b(ord, hash, bytes)
  join won w on w.ord = b.ord
  order by b.hash
  on conflict (hash) do nothing
)
select ord from won)sql"};

constexpr pg_statement look_sql{"append_look", R"sql(
select h.version, h.chain, h.epoch, s.epoch, f.checksum
from unnest($1::text[], $2::int2[], $3::int8[])
  with ordinality as t(log_id, shard, wanted, ord)
left join heads h on h.log_id = t.log_id
left join shards s on s.shard = t.shard
left join facts f on f.log_id = t.log_id and f.version = t.wanted
order by t.ord)sql"};

std::int64_t as_bigint(std::uint64_t bits) {
  return static_cast<std::int64_t>(bits);
}

/// UTF-8 as PostgreSQL takes it: no zeros, no overlong forms, no surrogates.
bool is_text(std::string_view text) {
  std::size_t i = 0;
  while (i < text.size()) {
    auto byte = [&](std::size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    auto lead = byte(i);
    std::size_t more = lead < 0x80                   ? 0
                       : lead >= 0xc2 && lead < 0xe0 ? 1
                       : lead >= 0xe0 && lead < 0xf0 ? 2
                       : lead >= 0xf0 && lead < 0xf5 ? 3
                                                     : 9;
    if (lead == 0 || more == 9)
      return false;
    for (std::size_t n = 1; n <= more; ++n)
      if ((byte(i + n) & 0xc0u) != 0x80u)
        return false;
    auto next = byte(i + 1);
    if ((lead == 0xe0 && next < 0xa0) || (lead == 0xed && next > 0x9f)
        || (lead == 0xf0 && next < 0x90) || (lead == 0xf4 && next > 0x8f))
      return false;
    i += more + 1;
  }
  return true;
}

bool is_name(std::string_view text) {
  return text.size() <= name_bytes_max && is_text(text);
}

/// The statement's first 16 parameters: an element for each append.
void add_appends(pg::values& out, std::span<const append_entry> group) {
  using pg::type;
  pg::array logs{type::text}, expected{type::int8}, expected_chain{type::int8},
      version{type::int8}, chains{type::int8}, epoch{type::int8},
      shard{type::int2}, status{type::int2}, ended{type::boolean},
      summary{type::bytea}, wake{type::timestamptz}, kind{type::text},
      parent{type::text}, tenant{type::text}, user{type::text},
      session{type::text};
  for (const auto& one : group) {
    const auto& what = *one.what;
    logs.add(what.log.value);
    expected.add_int8(what.expected.version);
    expected_chain.add_int8(as_bigint(what.expected.chain));
    version.add_int8(one.wanted.version);
    chains.add_int8(as_bigint(one.wanted.chain));
    epoch.add_int8(one.place.epoch);
    shard.add_int2(static_cast<std::int16_t>(one.place.shard));
    status.add_int2(static_cast<std::int16_t>(what.status));
    ended.add_bool(is_terminal(what.status));
    if (what.summary)
      summary.add(*what.summary);
    else
      summary.add_null();
    if (what.schedule && what.schedule->wake_at)
      wake.add_time(*what.schedule->wake_at);
    else
      wake.add_null();
    if (what.birth) {
      kind.add(what.birth->kind);
      parent.add(what.birth->parent.value);
      tenant.add(what.birth->tenant.value);
      user.add(what.birth->user.value);
      session.add(what.birth->session.value);
    } else {
      for (auto* column : {&kind, &parent, &tenant, &user, &session})
        column->add_null();
    }
  }
  for (auto* column : {&logs, &expected, &expected_chain, &version, &chains,
                       &epoch, &shard, &status, &ended, &summary, &wake, &kind,
                       &parent, &tenant, &user, &session})
    out.emplace_back(column->take());
}

/// The other parameters: an element for each fact, then for each body.
void add_facts(pg::values& out, std::span<const append_entry> group) {
  using pg::type;
  pg::array ord{type::int8}, version{type::int8}, checksum{type::int8},
      fact{type::bytea}, refs{type::bytea};
  pg::array blob_ord{type::int8}, hash{type::bytea}, bytes{type::bytea};
  std::string packed;
  std::int64_t number = 0;
  for (const auto& one : group) {
    const auto& what = *one.what;
    ++number;
    auto tail = what.expected;
    for (std::size_t i = 0; i < what.facts.size(); ++i) {
      ++tail.version;
      tail.chain = chain(tail.chain, tail.version, what.facts[i]);
      ord.add_int8(number);
      version.add_int8(tail.version);
      checksum.add_int8(as_bigint(tail.chain));
      fact.add(what.facts[i]);
      packed.clear();
      if (i < what.references.size())
        for (const auto& ref : what.references[i])
          packed += ref;
      if (packed.empty())
        refs.add_null();
      else
        refs.add(packed);
    }
    for (const auto& body : what.blobs) {
      blob_ord.add_int8(number);
      hash.add(body.hash);
      bytes.add(body.bytes);
    }
  }
  for (auto* column :
       {&ord, &version, &checksum, &fact, &refs, &blob_ord, &hash, &bytes})
    out.emplace_back(column->take());
}

} // namespace

const char* const writer_settings
    = "set plan_cache_mode = force_generic_plan; set enable_seqscan = off;"
      "set enable_nestloop = on; set work_mem = '32MB'";

log_tail tail_after(const append& what) {
  auto tail = what.expected;
  for (const auto& fact : what.facts) {
    ++tail.version;
    tail.chain = chain(tail.chain, tail.version, fact);
  }
  return tail;
}

result<void> check(const append& what) {
  auto bad = [&](const char* why) {
    return fail(errc::invalid_argument, std::string{"append: "} + why);
  };
  if (what.log.empty() || !is_name(what.log.value))
    return bad("the log's id is not text of 1 to 1024 bytes");
  if (what.facts.empty())
    return bad("there is no fact");
  if (what.expected.version < 0)
    return bad("the expected version is negative");
  if (what.birth) {
    const auto& birth = *what.birth;
    if (what.expected.version != 0 || what.expected.chain != 0)
      return bad("a log is born at version 0");
    for (const auto* text :
         {&birth.kind, &birth.parent.value, &birth.tenant.value,
          &birth.user.value, &birth.session.value})
      if (!is_name(*text))
        return bad("kind, parent, tenant, user or session is not text of at "
                   "most 1024 bytes");
  }
  if (what.references.size() > what.facts.size())
    return bad("there are references without a fact");
  for (const auto& refs : what.references)
    for (const auto& hash : refs)
      if (hash.size() != hash_bytes)
        return bad("a reference is not a hash of 32 bytes");
  for (const auto& body : what.blobs)
    if (body.hash.size() != hash_bytes)
      return bad("a body's hash has not 32 bytes");
  return {};
}

result<std::vector<bool>> commit_group(pg_connection& db,
                                       std::span<const append_entry> group) {
  pg::values parameters;
  parameters.reserve(24);
  add_appends(parameters, group);
  add_facts(parameters, group);
  auto rows = db.run(commit_sql, std::move(parameters));
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  std::vector<bool> won(group.size(), false);
  for (int i = 0; i < rows->size(); ++i)
    won.at(static_cast<std::size_t>(rows->int8(i, 0)) - 1) = true;
  return won;
}

result<std::vector<log_look>> look_at(pg_connection& db,
                                      std::span<const append_entry> group) {
  pg::array logs{pg::type::text}, shards{pg::type::int2},
      wanted{pg::type::int8};
  for (const auto& one : group) {
    logs.add(one.what->log.value);
    shards.add_int2(static_cast<std::int16_t>(one.place.shard));
    wanted.add_int8(one.wanted.version);
  }
  auto rows = db.run(look_sql, {logs.take(), shards.take(), wanted.take()});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  std::vector<log_look> out;
  for (int i = 0; i < rows->size(); ++i) {
    log_look look;
    if (!rows->null(i, 0)) {
      look.tail = log_tail{rows->int8(i, 0),
                           static_cast<std::uint64_t>(rows->int8(i, 1))};
      look.head_epoch = rows->int8(i, 2);
    }
    look.owner_epoch = rows->null(i, 3) ? 0 : rows->int8(i, 3);
    if (!rows->null(i, 4))
      look.checksum = static_cast<std::uint64_t>(rows->int8(i, 4));
    out.push_back(look);
  }
  if (out.size() != group.size())
    return fail(errc::failed, "database: a look answers other rows than asked");
  return out;
}

} // namespace shannon::store
