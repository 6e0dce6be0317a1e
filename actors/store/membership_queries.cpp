#include "actors/store/membership_queries.hpp"

#include "actors/store/group_statements.hpp"
#include "actors/store/pg_connection.hpp"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <thread>
#include <utility>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

/// Held while a node joins: the number of shards is looked at and set.
constexpr pg_statement join_lock_sql{
    "join_lock", "select pg_advisory_xact_lock($1::int4, 0)"};

/// Only while nothing leans on the number.
#define SHANNON_UNUSED                                                         \
  "not exists (select from heads) and not exists (select from nodes "          \
  "where expires_at > now() and name <> $2::text)"

constexpr pg_statement fewer_shards_sql{
    "fewer_shards",
    "delete from shards where shard >= $1::int4 and " SHANNON_UNUSED};

constexpr pg_statement more_shards_sql{
    "more_shards", "insert into shards (shard) select n from "
                   "generate_series(0, $1::int4 - 1) n where " SHANNON_UNUSED
                   " and not exists (select from shards s where s.shard = n)"};
#undef SHANNON_UNUSED

/// Rows of nodes that nobody has heard of for a day go.
constexpr pg_statement sweep_sql{
    "sweep_nodes",
    "delete from nodes where expires_at < now() - interval '1 day'"};

/// $10: lease, $11: settle, in microseconds.
constexpr pg_statement join_sql{"join", R"sql(
with taken as (
  insert into node_names as c (name, incarnation) values ($1::text, 1)
  on conflict (name) do update set incarnation = c.incarnation + 1
  returning incarnation
)
insert into nodes as n (name, incarnation, cluster, roles, owns, host, api,
  admin, version, schema, link, settings, joined_at, held_since, settles_at, flaps,
  expires_at)
select $1::text, (select incarnation from taken), $2::text, $3::text[], $4::bool, $5::text, $6::text,
  $7::text, $8::text, $9::text, $13::text, $14::text[], now(), now(),
  now() + $11::int8 * interval '1 us', 0, now() + $10::int8 * interval '1 us'
where (select count(*) from shards) = $12::int8
  and not exists (select from nodes o where o.cluster <> $2::text
    and o.name <> $1::text and o.expires_at > now())
on conflict (name) do update set incarnation = excluded.incarnation,
  cluster = excluded.cluster, roles = excluded.roles, owns = excluded.owns,
  host = excluded.host, api = excluded.api, admin = excluded.admin,
  version = excluded.version, schema = excluded.schema, link = excluded.link,
  settings = excluded.settings,
  joined_at = now(), held_since = now(), expires_at = excluded.expires_at,
  flaps = case when n.joined_at < now() - $11::int8 * interval '10 us' then 0
    else least(n.flaps + 1, 5) end,
  settles_at = now() + $11::int8 * interval '1 us' * case
    when n.joined_at < now() - $11::int8 * interval '10 us' then 1
    else 1 << least(n.flaps + 1, 5) end
returning incarnation)sql"};

constexpr pg_statement refusal_sql{"join_refusal", R"sql(
select (select count(*) from shards),
  (select cluster from nodes where cluster <> $1::text and name <> $2::text
    and expires_at > now() limit 1))sql"};

/// The old rows of the others, and the new one of this node.
constexpr pg_statement renew_sql{"renew_lease", R"sql(
with mine as (
  update nodes set expires_at = now() + $3::int8 * interval '1 us',
    owns = $5::bool,
    held_since = case when expires_at > now() then held_since else now() end,
    settles_at = case when expires_at > now() then settles_at
      else now() + $4::int8 * interval '1 us' end
  where name = $1::text and incarnation = $2::int8
  returning name, incarnation, owns, settles_at, flaps, expires_at, held_since,
    roles, host, link
)
select name || '#' || incarnation, owns, settles_at <= now(), flaps > 2,
  (extract(epoch from expires_at - now()) * 1e6)::int8,
  (extract(epoch from now() - held_since) * 1e6)::int8,
  (select coalesce(sum(epoch), 0)::int8 from shards),
  array_to_string(roles, ','), host, link
from (
  select * from mine union all
  select name, incarnation, owns, settles_at, flaps, expires_at, held_since,
    roles, host, link
  from nodes where name <> $1::text
  union all
  select name, incarnation, owns, settles_at, flaps, expires_at, held_since,
    roles, host, link
  from nodes where name = $1::text and incarnation <> $2::int8
) n order by name)sql"};

constexpr pg_statement shards_sql{
    "read_shards", "select shard, epoch, owner from shards order by shard"};

constexpr pg_statement leases_sql{"read_leases", R"sql(
select name || '#' || incarnation, array_to_string(roles, ','), host, api,
  admin, version, (extract(epoch from expires_at - now()) * 1e6)::int8
from nodes order by name)sql"};

/// In the order in which appends take them.
constexpr pg_statement lock_sql{
    "claim_lock", "select shard from unnest($2::int2[]) shard where "
                  "pg_try_advisory_xact_lock($1::int4, shard) order by shard"};

constexpr pg_statement claim_sql{"claim", R"sql(
update shards s set epoch = s.epoch + 1, owner = $1::text, claimed_at = now()
from unnest($2::int2[], $3::int8[]) w(shard, epoch)
where s.shard = w.shard and s.epoch = w.epoch
  and (s.owner = $1::text or not exists (select from nodes n
    where n.name || '#' || n.incarnation = s.owner and n.expires_at > now()))
  and exists (select from nodes me
    where me.name || '#' || me.incarnation = $1::text
    and me.expires_at > now())
returning s.shard, s.epoch)sql"};

constexpr pg_statement release_sql{"release", R"sql(
update shards set epoch = epoch + 1, owner = '', claimed_at = now()
where owner = $1::text and shard = any($2::int2[])
returning shard, epoch)sql"};

constexpr pg_statement leave_sql{"leave", R"sql(
with gone as (
  delete from nodes where name = $1::text and incarnation = $2::int8
)
update shards set epoch = epoch + 1, owner = '', claimed_at = now()
where owner = $3::text)sql"};

constexpr int lock_tries = 6;
constexpr auto lock_pause = 10ms;

template <class T>
tl::unexpected<error> pass_on(result<T>& bad) {
  return tl::unexpected<error>{std::move(bad.error())};
}

bool yes(std::string_view bytes) {
  return bytes == std::string_view{"\1", 1};
}

std::vector<std::string> parts_of(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < list.size();) {
    auto end = std::min(list.find(',', at), list.size());
    parts.emplace_back(list.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::int64_t incarnation_of(const node_id& self) {
  auto at = self.value.find('#');
  return at == std::string::npos
             ? 0
             : std::strtoll(self.value.c_str() + at + 1, nullptr, 10);
}

std::string name_text(const node_id& self) {
  return std::string{cluster::name_of(self)};
}

cluster::shards_changed changes_of(const pg_rows& rows) {
  cluster::shards_changed out;
  for (int i = 0; i < rows.size(); ++i)
    out.shards.push_back(
        {static_cast<std::uint32_t>(rows.int2(i, 0)), rows.int8(i, 1)});
  return out;
}

error why_refused(pg_connection& db, const cluster::join& what,
                  std::uint32_t shards) {
  auto rows = db.run(refusal_sql, {what.card.cluster, what.card.name});
  if (!rows)
    return rows.error();
  std::string text = "the settings say " + std::to_string(shards)
                     + " shards, the database was made with "
                     + std::to_string(rows->int8(0, 0));
  if (!rows->null(0, 1))
    text = "this node is of the cluster \"" + what.card.cluster
           + "\", the database serves nodes of \"" + rows->text(0, 1)
           + "\": name another database or the same cluster";
  return {errc::denied, std::move(text), false, std::nullopt};
}

/// The shards of `wanted` whose locks are had now, in a transaction that is
/// open.
result<std::vector<std::int16_t>> lock(pg_connection& db,
                                       std::vector<std::int16_t> wanted) {
  std::vector<std::int16_t> had;
  for (int tries = 0; !wanted.empty() && tries < lock_tries; ++tries) {
    if (tries > 0)
      std::this_thread::sleep_for(lock_pause);
    pg::array list{pg::type::int2};
    for (auto shard : wanted)
      list.add_int2(shard);
    auto rows = db.run(
        lock_sql, {pg::from_int4(static_cast<std::int32_t>(lock_class::shard)),
                   list.take()});
    if (!rows)
      return pass_on(rows);
    for (int i = 0; i < rows->size(); ++i) {
      had.push_back(rows->int2(i, 0));
      std::erase(wanted, had.back());
    }
  }
  return had;
}

} // namespace

result<cluster::joined> join(pg_connection& db, const cluster::join& what,
                             std::uint32_t shards) {
  pg::array roles{pg::type::text};
  for (const auto& role : what.card.roles)
    roles.add(role);
  pg::array settings{pg::type::text};
  for (const auto& line : what.card.settings)
    settings.add(line);
  const auto& card = what.card;
  auto count = pg::from_int4(static_cast<std::int32_t>(shards));
  auto sent = db.queue(join_lock_sql, {pg::from_int4(static_cast<std::int32_t>(
                                          lock_class::membership))})
                  .and_then([&] {
                    return db.queue(fewer_shards_sql, {count, card.name});
                  })
                  .and_then([&] {
                    return db.queue(more_shards_sql, {count, card.name});
                  })
                  .and_then([&] { return db.queue(sweep_sql, {}); })
                  .and_then([&] {
                    return db.queue(
                        join_sql,
                        {card.name, card.cluster, roles.take(),
                         std::string(1, card.owns ? '\1' : '\0'), card.host,
                         card.api, card.admin, card.version, card.schema,
                         pg::from_int8(what.lease.count()),
                         pg::from_int8(what.settle.count()),
                         pg::from_int8(shards), card.link, settings.take()});
                  });
  if (!sent)
    return pass_on(sent);
  auto got = db.sync();
  if (!got)
    return pass_on(got);
  const auto& rows = got->back();
  if (rows.size() == 0)
    return tl::unexpected<error>{why_refused(db, what, shards)};
  return cluster::joined{
      node_id{card.name + "#" + std::to_string(rows.int8(0, 0))}};
}

result<cluster::membership> renew(pg_connection& db,
                                  const cluster::renew_lease& what) {
  auto rows = db.run(renew_sql, {name_text(what.self),
                                 pg::from_int8(incarnation_of(what.self)),
                                 pg::from_int8(what.lease.count()),
                                 pg::from_int8(what.settle.count()),
                                 std::string(1, what.owns ? '\1' : '\0')});
  if (!rows)
    return pass_on(rows);
  cluster::membership out;
  for (int i = 0; i < rows->size(); ++i) {
    node_id id{rows->text(i, 0)};
    if (id == what.self)
      out.held_us = rows->int8(i, 5);
    out.shards_version = rows->int8(i, 6);
    out.members.push_back({std::move(id), yes(rows->bytes(i, 1)),
                           yes(rows->bytes(i, 2)), yes(rows->bytes(i, 3)),
                           rows->int8(i, 4), parts_of(rows->bytes(i, 7)),
                           rows->text(i, 8), rows->text(i, 9)});
  }
  return out;
}

result<cluster::shard_rows> read_shards(pg_connection& db,
                                        std::uint32_t shards) {
  auto rows = db.run(shards_sql, {});
  if (!rows)
    return pass_on(rows);
  if (static_cast<std::uint32_t>(rows->size()) != shards)
    return fail(errc::failed, "expected " + std::to_string(shards)
                                  + " shards, found "
                                  + std::to_string(rows->size()));
  cluster::shard_rows out;
  for (int i = 0; i < rows->size(); ++i)
    out.rows.push_back({rows->int8(i, 1), node_id{rows->text(i, 2)}});
  return out;
}

result<cluster::leases> read_leases(pg_connection& db) {
  auto sent = db.queue(leases_sql, {}).and_then([&] {
    return db.queue(shards_sql, {});
  });
  if (!sent)
    return pass_on(sent);
  auto got = db.sync();
  if (!got)
    return pass_on(got);
  cluster::leases out;
  const auto& nodes = (*got)[0];
  for (int i = 0; i < nodes.size(); ++i)
    out.nodes.push_back({node_id{nodes.text(i, 0)}, parts_of(nodes.bytes(i, 1)),
                         nodes.text(i, 2), nodes.text(i, 3), nodes.text(i, 4),
                         nodes.text(i, 5), nodes.int8(i, 6)});
  const auto& shards = (*got)[1];
  for (int i = 0; i < shards.size(); ++i)
    out.shards.push_back({shards.int8(i, 1), node_id{shards.text(i, 2)}});
  return out;
}

result<cluster::shards_changed> claim(pg_connection& db,
                                      const cluster::claim_shards& what) {
  if (auto begun = db.exec("begin"); !begun)
    return pass_on(begun);
  std::vector<std::int16_t> wanted;
  for (const auto& wish : what.wishes)
    wanted.push_back(static_cast<std::int16_t>(wish.shard));
  auto had = lock(db, std::move(wanted));
  // Behind the locks, so that it sees what was committed under them.
  auto rows = had.and_then([&](const auto& locked) {
    pg::array shards{pg::type::int2};
    pg::array epochs{pg::type::int8};
    for (const auto& [shard, epoch] : what.wishes) {
      auto number = static_cast<std::int16_t>(shard);
      if (std::find(locked.begin(), locked.end(), number) == locked.end())
        continue;
      shards.add_int2(number);
      epochs.add_int8(epoch);
    }
    return db.run(claim_sql, {what.self.value, shards.take(), epochs.take()});
  });
  if (!rows) {
    if (db.usable())
      db.exec("rollback");
    return pass_on(rows);
  }
  if (auto done = db.exec("commit"); !done)
    return pass_on(done);
  return changes_of(*rows);
}

result<cluster::shards_changed> release(pg_connection& db,
                                        const cluster::release_shards& what) {
  pg::array shards{pg::type::int2};
  for (auto shard : what.shards)
    shards.add_int2(static_cast<std::int16_t>(shard));
  auto rows = db.run(release_sql, {what.self.value, shards.take()});
  if (!rows)
    return pass_on(rows);
  return changes_of(*rows);
}

result<void> leave(const std::string& dsn, const node_id& self) {
  pg_options options;
  options.dsn = dsn;
  options.connect_timeout = 1s;
  options.statement_timeout = 1s;
  auto db = pg_connection::open(std::move(options));
  if (!db)
    return pass_on(db);
  auto done
      = db->run(leave_sql, {name_text(self),
                            pg::from_int8(incarnation_of(self)), self.value});
  if (!done)
    return pass_on(done);
  return {};
}

} // namespace shannon::store
