#include "actors/store/group_statements.hpp"

#include <algorithm>
#include <string_view>

namespace shannon::store {

namespace {

/// ROWS(types) stands for the parameters as a table: arrays side by side, or
/// the one row of a group of one. What stands in MANY(…) or ONE(…) is of the
/// one form or the other.
///
/// A planner that takes a table for empty joins it by walking all of it, and
/// is wrong for as long as it is not told: for a minute in a new database, and
/// always about `active`, which is empty whenever somebody counts it. So rows
/// are looked up where there is no other way: by the elements of an array, or
/// in a subquery that `offset 0` keeps from being joined.
constexpr std::string_view extend_sql = R"sql(
insert into PART (log_no, chain, at, first, last, epoch, facts)
select a.log_no, a.chain, now(), a.expected + 1, a.last, a.epoch, a.facts
from ROWS(int8, int4, int4, int8, int4, int8, int2, int4, bytea)
  a(log_no, before, expected, expected_chain, last, chain, shard, epoch, facts)
join shards s on s.shard = a.shard and s.epoch = a.epoch
cross join lateral (select from PART p
  where p.log_no = a.log_no and p.first = a.before
    and p.last = a.expected and p.chain = a.expected_chain offset 0) p
where not exists (select from PART n
  where n.log_no = a.log_no and n.first = a.expected + 1)
returning log_no)sql";

/// `in (...) is true`, since the planner then hashes what was born; it would
/// else go through it once for each append.
constexpr std::string_view bear_sql = R"sql(
with a as materialized (
  select * from ROWS(int8, int8, int4, int2, int4, bytea, text, text, text,
      text, text, text, int2, bool, bytea, text, bool, timestamptz, bool)
    t(log_no, chain, last, shard, epoch, facts, log_id, kind, parent, tenant,
      user_id, session, status, ended, summary, attributes, idle, wake_at,
      owes)
), born as (
  insert into heads (log_no, chain, created_at, ended_at, version, status,
    log_id, kind, parent, tenant, user_id, session, summary, attributes)
  select a.log_no, a.chain, now(), case when a.ended then now() end, a.last,
    a.status, a.log_id, a.kind, a.parent, a.tenant, a.user_id, a.session,
    coalesce(a.summary, ''), a.attributes::jsonb
  from a join shards s on s.shard = a.shard and s.epoch = a.epoch
  where not exists (select from heads h where h.log_id = a.log_id)
  returning log_no
), alive as (
  insert into active (log_no, wake_at, idle, log_id, kind)
  select a.log_no, a.wake_at, a.idle, a.log_id, a.kind from a
  where (not a.ended or a.owes) and (a.log_no in (select log_no from born)) is true
)
insert into PART (log_no, chain, at, first, last, epoch, facts)
select a.log_no, a.chain, now(), 1, a.last, a.epoch, a.facts from a
where (a.log_no in (select log_no from born)) is true
returning log_no)sql";

/// `(...) is true`, since there is an index of numbers, too: it would else be
/// walked to join all heads by it.
constexpr std::string_view change_sql = R"sql(
with a as materialized (
  select t.* from ROWS(int8, int4, int4, int8, text, bool, int2, bool, bytea,
      text, int4, int8, bool, timestamptz, bool)
    t(log_no, first, last, chain, log_id, head, status, ended, summary,
      attributes, base_version, base_chain, idle, wake_at, owes)
  cross join lateral (select from PART f
    where f.log_no = t.log_no and f.first = t.first
      and f.xmin = pg_current_xact_id()::xid offset 0) f
), moved as (
  update heads h
  set chain = a.chain, version = a.last, status = a.status,
      ended_at = case when a.ended then coalesce(h.ended_at, now()) end,
      summary = coalesce(a.summary, h.summary),
      attributes = coalesce(a.attributes::jsonb, h.attributes),
      base_version = coalesce(a.base_version, h.base_version),
      base_first = case when a.base_version is null then h.base_first
        else a.first end,
      base_chain = case when a.base_version is null then h.base_chain
        else a.base_chain end
  from a where a.head and h.log_id = a.log_id
    and (h.log_no = a.log_no) is true
    MANY(and h.log_id = any(array(select log_id from a where head)))
), gone as (
  delete from active w
    MANY(where w.log_no = any(array(
      select log_no from a where ended and not owes)))
    ONE(using a where w.log_no = a.log_no and a.ended and not a.owes)
)
update active w set idle = a.idle, wake_at = a.wake_at
from a where a.idle is not null and (not a.ended or a.owes)
  and w.log_no = a.log_no
  MANY(and w.log_no = any(array(
    select log_no from a where idle is not null and (not ended or owes))))
  and (w.idle <> a.idle or w.wake_at is distinct from a.wake_at))sql";

/// Sorted, as below.
constexpr std::string_view open_sql = R"sql(
insert into sessions (tenant, id, user_id, name, title, context, mode,
  created_at, updated_at)
select a.tenant, a.id, a.user_id, a.name, a.title, a.context, a.mode, now(), now()
from ROWS(int8, text, text, text, text, text, text, text)
  a(log_no, tenant, id, user_id, name, title, context, mode)
cross join lateral (select from PART f where f.log_no = a.log_no
  and f.first = 1 and f.xmin = pg_current_xact_id()::xid offset 0) f
order by a.tenant, a.id
on conflict do nothing)sql";

/// Sorted by hash, so that two groups with the same bodies wait for each
/// other, never in a circle.
constexpr std::string_view keep_sql = R"sql(
with kept as (
  insert into blobs (hash, created_at, size, codec, bytes)
  select b.hash, now(), b.size, b.codec, b.bytes
  from unnest($4::int8[], $5::int4[], $6::bytea[], $7::int8[], $8::int2[],
    $9::bytea[]) b(log_no, first, hash, size, codec, bytes)
  cross join lateral (select from PART f
    where f.log_no = b.log_no and f.first = b.first
      and f.xmin = pg_current_xact_id()::xid offset 0) f
  order by b.hash
  on conflict (hash) do nothing
)
insert into blob_refs (log_no, first, hash)
select r.log_no, r.first, r.hash
from unnest($1::int8[], $2::int4[], $3::bytea[]) r(log_no, first, hash)
cross join lateral (select from PART f
  where f.log_no = r.log_no and f.first = r.first
    and f.xmin = pg_current_xact_id()::xid offset 0) f
on conflict (log_no, hash) do update set first = excluded.first)sql";

/// `text` with `by` wherever `word` stands.
std::string replaced(std::string_view text, std::string_view word,
                     std::string_view by) {
  std::string out;
  for (auto at = text.find(word); at != std::string_view::npos;
       at = text.find(word)) {
    out += text.substr(0, at);
    out += by;
    text.remove_prefix(at + word.size());
  }
  out += text;
  return out;
}

/// `sql` without each `word(…)`, or with what stands in it.
std::string with_form(std::string_view sql, std::string_view word, bool keep) {
  std::string out;
  for (auto at = sql.find(word); at != std::string_view::npos;
       at = sql.find(word)) {
    out += sql.substr(0, at);
    sql.remove_prefix(at + word.size());
    std::size_t end = 1;
    for (int depth = 1; depth > 0; ++end)
      depth += sql[end] == '(' ? 1 : sql[end] == ')' ? -1 : 0;
    if (keep)
      out += sql.substr(1, end - 2);
    sql.remove_prefix(end);
  }
  out += sql;
  return out;
}

/// ROWS(int8, bool) as `unnest($1::int8[], $2::bool[])`, or for one row as
/// `(select $1::int8, $2::bool)`, which the planner takes as values.
std::string with_rows(std::string_view sql, bool many) {
  constexpr std::string_view word = "ROWS(";
  auto at = sql.find(word);
  auto types = sql.substr(at + word.size());
  types = types.substr(0, types.find(')'));
  auto rest = sql.substr(at + word.size() + types.size() + 1);
  std::string columns;
  int number = 0;
  while (!types.empty()) {
    auto type = types.substr(0, types.find(','));
    types.remove_prefix(std::min(type.size() + 1, types.size()));
    type.remove_prefix(type.find_first_not_of(" \n"));
    columns += (number == 0 ? "$" : ", $") + std::to_string(number + 1) + "::";
    columns += type;
    columns += many ? "[]" : "";
    ++number;
  }
  return std::string{sql.substr(0, at)} + (many ? "unnest(" : "(select ")
         + columns + ")" + std::string{rest};
}

} // namespace

std::string part_table(std::int64_t part) {
  return part < 0 ? "facts_migrated" : "facts_" + std::to_string(part);
}

part_statements::part_statements(std::int64_t part) {
  constexpr const char* kinds[] = {"extend", "bear", "change", "open", "keep"};
  constexpr std::string_view all[]
      = {extend_sql, bear_sql, change_sql, open_sql, keep_sql};
  auto table = part_table(part);
  for (auto which : {extend, bear, change, open}) {
    auto name = std::string{kinds[which]};
    auto text = [&](bool many) {
      auto sql = with_form(all[which], "MANY", many);
      return with_rows(with_form(sql, "ONE", !many), many);
    };
    many_[which] = {name + "_" + table, replaced(text(true), "PART", table)};
    // Not materialized: each look-up then has the parameter itself.
    one_[which] = {name + "_one_" + table,
                   replaced(replaced(text(false), "PART", table),
                            "a as materialized", "a as not materialized")};
  }
  many_[keep] = {"keep_" + table, replaced(keep_sql, "PART", table)};
}

pg_statement part_statements::of_many(what which) const {
  const auto& it = many_[which];
  return {it.name.c_str(), it.text.c_str()};
}

pg_statement part_statements::of_one(what which) const {
  const auto& it = one_[which];
  return {it.name.c_str(), it.text.c_str()};
}

/// The condition is never true: nothing is answered, everything is locked.
const pg_statement lock_statement{
    "append_lock", "select from unnest($1::int4[], $2::int4[]) l(class, key) "
                   "where pg_advisory_xact_lock_shared(class, key) is null"};
const pg_statement lock_one_statement{
    "append_lock_one",
    "select where pg_advisory_xact_lock_shared($1::int4, $2::int4) is null"};

const pg_statement look_statement{"append_look", R"sql(
select h.log_no, h.status, e.first, e.last, e.chain, s.epoch, w.chain
from unnest($1::text[], $2::int2[], $3::int4[], $4::int4[])
  with ordinality as t(log_id, shard, first, last, ord)
left join heads h on h.log_id = t.log_id
left join shards s on s.shard = t.shard
left join lateral (select f.first, f.last, f.chain from facts f
  where f.log_no = h.log_no order by f.first desc limit 1) e on true
left join lateral (select f.chain from facts f where f.log_no = h.log_no
  and f.first = t.first and f.last = t.last) w on true
order by t.ord)sql"};

} // namespace shannon::store
