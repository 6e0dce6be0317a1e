#include "actors/store/log_queries.hpp"

#include "actors/store/pg_connection.hpp"
#include "protocols/checksum.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace shannon::store {

namespace {

#define SHANNON_HEAD_COLUMNS                                                   \
  "h.log_id, h.kind, h.parent, h.tenant, h.user_id, h.session, h.version, "    \
  "h.chain, h.epoch, h.status, h.summary, h.created_at, h.updated_at, "        \
  "h.wake_at"

constexpr int head_columns = 14;

/// Nothing is raised by a node whose settings name another number of shards.
constexpr pg_statement claim_sql{
    "claim", "update shards set epoch = epoch + 1, owner = $1::text, "
             "claimed_at = now() "
             "where (select count(*) from shards) = $2::int8 "
             "returning shard, epoch"};

/// The fence needs no flush of its own: the claim, which did flush, already
/// turns away every append the old owner sends from now on. This row is for
/// those it sent before, and they end with its connection.
constexpr pg_statement fence_sql{
    "fence", "update heads h set epoch = $3::int8 from shards s "
             "where h.log_id = $1::text and h.epoch < $3 "
             "and s.shard = $2::int2 and s.epoch = $3 "
             "and set_config('synchronous_commit', 'off', true) is not null"};

constexpr pg_statement head_for_open_sql{
    "head_for_open",
    "select " SHANNON_HEAD_COLUMNS ", s.epoch from shards s left join heads h "
    "on h.log_id = $1::text where s.shard = $2::int2"};

constexpr pg_statement log_facts_sql{
    "log_facts", "select version, at, fact, checksum from facts "
                 "where log_id = $1::text order by version"};

constexpr pg_statement log_blobs_sql{
    "log_blobs", "select hash, bytes from blobs where hash = any(array("
                 "select distinct unnest(blobs) from facts "
                 "where log_id = $1::text and blobs is not null))"};

constexpr pg_statement head_sql{"head",
                                "select " SHANNON_HEAD_COLUMNS
                                " from heads h where h.log_id = $1::text"};

constexpr pg_statement page_head_sql{
    "page_head", "select version, status from heads where log_id = $1::text"};

constexpr pg_statement page_sql{
    "page", "select version, at, fact from facts where log_id = $1::text "
            "and version > $2::int8 order by version limit $3::int8"};

#define SHANNON_HEADS_WHERE                                                    \
  " from heads h where h.tenant = $1::text and h.kind = $2::text "             \
  "and ($3::int2[] is null or h.status = any($3::int2[]))"
#define SHANNON_HEADS_ORDER                                                    \
  " order by h.created_at desc, h.log_id limit $4::int8 offset $5::int8"
#define SHANNON_IN_SESSION " and h.session = $6::text"

constexpr pg_statement list_sql{
    "list",
    "select " SHANNON_HEAD_COLUMNS SHANNON_HEADS_WHERE SHANNON_HEADS_ORDER};
constexpr pg_statement list_session_sql{
    "list_session", "select " SHANNON_HEAD_COLUMNS SHANNON_HEADS_WHERE
                        SHANNON_IN_SESSION SHANNON_HEADS_ORDER};
constexpr pg_statement count_sql{"count",
                                 "select count(*)" SHANNON_HEADS_WHERE};
constexpr pg_statement count_session_sql{"count_session",
                                         "select count(*)" SHANNON_HEADS_WHERE
                                         " and h.session = $4::text"};

#undef SHANNON_IN_SESSION
#undef SHANNON_HEADS_ORDER
#undef SHANNON_HEADS_WHERE
#undef SHANNON_HEAD_COLUMNS

constexpr pg_statement unfinished_sql{
    "unfinished", "select log_id from heads where kind = $1::text "
                  "and ended_at is null order by created_at, log_id"};

constexpr pg_statement blob_sql{
    "blob", "select bytes from blobs where hash = $1::bytea"};

constexpr pg_statement ping_sql{"ping", "select 1::int8"};

log_head head_at(const pg_rows& rows, int i) {
  log_head out;
  out.log.value = rows.text(i, 0);
  out.birth.kind = rows.text(i, 1);
  out.birth.parent.value = rows.text(i, 2);
  out.birth.tenant.value = rows.text(i, 3);
  out.birth.user.value = rows.text(i, 4);
  out.birth.session.value = rows.text(i, 5);
  out.tail.version = rows.int8(i, 6);
  out.tail.chain = static_cast<std::uint64_t>(rows.int8(i, 7));
  out.epoch = rows.int8(i, 8);
  out.status = static_cast<log_status>(rows.int2(i, 9));
  out.summary = rows.text(i, 10);
  out.created_at = rows.time(i, 11);
  out.updated_at = rows.time(i, 12);
  if (!rows.null(i, 13))
    out.wake_at = rows.time(i, 13);
  return out;
}

tl::unexpected<error> not_found(const log_id& log) {
  return fail(errc::not_found, log.value + ": no such log");
}

template <class T>
tl::unexpected<error> pass_on(result<T>& bad) {
  return tl::unexpected<error>{std::move(bad.error())};
}

/// The facts up to the head, if they are all there and unchanged.
result<std::vector<recorded_fact>> checked_facts(const pg_rows& rows,
                                                 const log_head& head) {
  auto damaged = [&](log_version version, const char* how) {
    return fail(errc::failed, head.log.value + ": the log is damaged, fact "
                                  + std::to_string(version) + " " + how);
  };
  std::vector<recorded_fact> out;
  std::uint64_t sum = 0;
  for (int i = 0; i < rows.size() && rows.int8(i, 0) <= head.tail.version;
       ++i) {
    auto version = static_cast<log_version>(i) + 1;
    if (rows.int8(i, 0) != version)
      return damaged(version, "is missing");
    sum = chain(sum, version, rows.bytes(i, 2));
    if (sum != static_cast<std::uint64_t>(rows.int8(i, 3)))
      return damaged(version, "is not what was written");
    out.push_back({version, rows.time(i, 1), rows.text(i, 2)});
  }
  auto count = static_cast<log_version>(out.size());
  if (count != head.tail.version)
    return damaged(count + 1, "is missing");
  if (sum != head.tail.chain)
    return damaged(count, "is not the one its head names");
  return out;
}

} // namespace

result<std::vector<shard_epoch>> claim(pg_connection& db, const node_id& node,
                                       std::uint32_t shards) {
  auto rows = db.run(claim_sql, {node.value, pg::from_int8(shards)});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return fail(errc::failed,
                "the settings say " + std::to_string(shards)
                    + " shards, the database was made with another number");
  std::vector<shard_epoch> out(static_cast<std::size_t>(rows->size()), 0);
  for (int i = 0; i < rows->size(); ++i)
    out.at(static_cast<std::size_t>(rows->int2(i, 0))) = rows->int8(i, 1);
  return out;
}

result<log_image> open(pg_connection& db, const log_id& log,
                       shard_epochs::place place) {
  auto shard = pg::from_int2(static_cast<std::int16_t>(place.shard));
  auto sent
      = db.queue(fence_sql, {log.value, shard, pg::from_int8(place.epoch)})
            .and_then([&] {
              return db.queue(head_for_open_sql, {log.value, shard});
            })
            .and_then([&] { return db.queue(log_facts_sql, {log.value}); })
            .and_then([&] { return db.queue(log_blobs_sql, {log.value}); });
  if (!sent)
    return pass_on(sent);
  auto got = db.sync();
  if (!got)
    return pass_on(got);
  const auto& head = (*got)[1];
  if (head.size() == 0 || head.int8(0, head_columns) != place.epoch)
    return fail(errc::fenced, log.value + ": a newer owner holds its shard");
  if (head.null(0, 0))
    return not_found(log);
  log_image out;
  out.head = head_at(head, 0);
  if (out.head.epoch > place.epoch)
    return fail(errc::fenced, log.value + ": a newer owner opened it");
  auto facts = checked_facts((*got)[2], out.head);
  if (!facts)
    return pass_on(facts);
  out.facts = std::move(*facts);
  const auto& blobs = (*got)[3];
  for (int i = 0; i < blobs.size(); ++i)
    out.blobs.emplace(blobs.text(i, 0), blobs.text(i, 1));
  return out;
}

result<log_head> read_head(pg_connection& db, const log_id& log) {
  auto rows = db.run(head_sql, {log.value});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return not_found(log);
  return head_at(*rows, 0);
}

result<fact_page> read_page(pg_connection& db, const read_facts& what) {
  auto limit = std::min(what.limit, facts_max);
  // The head first: facts that come in between show as "more can come" at
  // worst, never as facts beyond the version the page names.
  auto sent = db.queue(page_head_sql, {what.log.value}).and_then([&] {
    return db.queue(page_sql, {what.log.value, pg::from_int8(what.after),
                               pg::from_int8(limit)});
  });
  if (!sent)
    return pass_on(sent);
  auto got = db.sync();
  if (!got)
    return pass_on(got);
  const auto& head = (*got)[0];
  const auto& rows = (*got)[1];
  if (head.size() == 0)
    return not_found(what.log);
  fact_page out;
  out.version = head.int8(0, 0);
  out.status = static_cast<log_status>(head.int2(0, 1));
  for (int i = 0; i < rows.size() && rows.int8(i, 0) <= out.version; ++i)
    out.facts.push_back({rows.int8(i, 0), rows.time(i, 1), rows.text(i, 2)});
  return out;
}

result<head_page> read_heads(pg_connection& db, const list_heads& what) {
  pg::value statuses;
  if (!what.statuses.empty()) {
    pg::array wanted{pg::type::int2};
    for (auto one : what.statuses)
      wanted.add_int2(static_cast<std::int16_t>(one));
    statuses = wanted.take();
  }
  pg::values list{what.tenant.value, what.kind, statuses,
                  pg::from_int8(std::min(what.limit, heads_max)),
                  pg::from_int8(what.offset)};
  pg::values count{what.tenant.value, what.kind, statuses};
  auto narrowed = what.session.has_value();
  if (narrowed) {
    list.emplace_back(what.session->value);
    count.emplace_back(what.session->value);
  }
  auto sent = db.queue(narrowed ? list_session_sql : list_sql, std::move(list))
                  .and_then([&] {
                    return db.queue(narrowed ? count_session_sql : count_sql,
                                    std::move(count));
                  });
  if (!sent)
    return pass_on(sent);
  auto got = db.sync();
  if (!got)
    return pass_on(got);
  head_page out;
  const auto& rows = (*got)[0];
  for (int i = 0; i < rows.size(); ++i)
    out.heads.push_back(head_at(rows, i));
  out.total = static_cast<std::uint64_t>((*got)[1].int8(0, 0));
  return out;
}

result<log_ids> read_unfinished(pg_connection& db, const std::string& kind) {
  auto rows = db.run(unfinished_sql, {kind});
  if (!rows)
    return pass_on(rows);
  log_ids out;
  for (int i = 0; i < rows->size(); ++i)
    out.logs.emplace_back(rows->text(i, 0));
  return out;
}

result<blob_body> read_blob(pg_connection& db, const blob_hash& hash) {
  auto rows = db.run(blob_sql, {hash});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return fail(errc::not_found, "no such body");
  return blob_body{rows->text(0, 0)};
}

result<pong> ask_pong(pg_connection& db) {
  auto rows = db.run(ping_sql, {});
  if (!rows)
    return pass_on(rows);
  return pong{};
}

} // namespace shannon::store
