#include "actors/store/log_queries.hpp"

#include "actors/store/body_codec.hpp"
#include "actors/store/facts_row.hpp"
#include "actors/store/group_statements.hpp"
#include "actors/store/pg_connection.hpp"
#include "protocols/checksum.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

namespace shannon::store {

namespace {

/// A head with the end of its log: what heads do not hold is read from the
/// last append's row.
#define SHANNON_HEAD_COLUMNS                                                   \
  "h.log_id, h.kind, h.parent, h.tenant, h.user_id, h.session, h.log_no, "     \
  "h.status, h.summary, h.created_at, h.attributes::text, h.version, "         \
  "h.chain, e.first, e.last, e.chain, e.epoch, e.at, w.wake_at, "              \
  "coalesce(w.idle, false)"
#define SHANNON_HEAD_END                                                       \
  " left join lateral (select f.first, f.last, f.chain, f.epoch, f.at "        \
  "from facts f where f.log_no = h.log_no order by f.first desc limit 1) e "   \
  "on true left join active w on w.log_no = h.log_no "

constexpr int head_columns = 20;

constexpr pg_statement head_for_open_sql{
    "head_for_open",
    "select " SHANNON_HEAD_COLUMNS ", s.epoch, h.base_version, h.base_first, "
    "h.base_chain from shards s left join heads h on h.log_id = "
    "$1::text" SHANNON_HEAD_END "where s.shard = $2::int2"};

/// `case`, since PostgreSQL does not hold `coalesce` for leakproof: behind a
/// policy it would filter by it, and read all that stands before the base.
constexpr pg_statement log_facts_sql{
    "log_facts",
    "select f.first, f.last, f.epoch, f.at, f.chain, f.facts from heads h "
    "join facts f on f.log_no = h.log_no and f.first >= "
    "case when h.base_first is null then 0 else h.base_first end "
    "where h.log_id = $1::text order by f.first"};

/// Comes last, and has a row of its own if the log is still there. A log is
/// deleted all at once, so what was read before is then whole, though each
/// statement has a snapshot of its own.
constexpr pg_statement log_blobs_sql{
    "log_blobs",
    "select b.hash, b.codec, b.size, b.bytes, h.log_no from heads h "
    "join blob_refs r on r.log_no = h.log_no "
    "and r.first >= coalesce(h.base_first, 0) "
    "join blobs b on b.hash = r.hash where h.log_id = $1::text "
    "union all select null, null, null, null, h.log_no from heads h "
    "where h.log_id = $1::text"};

/// Whose: a tenant's, or anybody's where it is null.
#define SHANNON_IS_OF(parameter)                                               \
  " and (" parameter "::text is null or h.tenant = " parameter "::text) "

constexpr pg_statement head_sql{
    "head", "select " SHANNON_HEAD_COLUMNS " from heads h" SHANNON_HEAD_END
            "where h.log_id = $1::text" SHANNON_IS_OF("$2")};

/// Only a log that has begun anew may have lost its first facts.
constexpr pg_statement page_head_sql{
    "page_head",
    "select e.last, h.status, h.log_no, case when h.base_first is not null "
    "then (select f.first from facts f where f.log_no = h.log_no "
    "order by f.first limit 1) end from heads h" SHANNON_HEAD_END
    "where h.log_id = $1::text" SHANNON_IS_OF("$2")};

/// From the row that holds the fact after `$2`; that row may begin before it.
/// What an index is searched by stands in subqueries of its own, which are
/// answered first: a page then costs what is on it, not what follows, also
/// where a policy must be passed before anything that is not leakproof.
constexpr pg_statement page_sql{
    "page",
    "select f.first, f.last, f.epoch, f.at, f.chain, f.facts, f.log_no "
    "from facts f where f.log_no = (select h.log_no from heads h "
    "where h.log_id = $1::text" SHANNON_IS_OF(
        "$4") ") and f.first >= (select coalesce((select b.first from facts b "
              "where b.log_no = (select h.log_no from heads h where h.log_id = "
              "$1::text) and b.first <= $2::int8 + 1 order by b.first desc "
              "limit 1), 0)) "
              "and f.last > $2::int8 order by f.first limit $3::int8"};

#undef SHANNON_IS_OF

#define SHANNON_HEADS_WHERE(from)                                              \
  " from " from " h where h.tenant = $1::text and h.kind = $2::text "          \
  "and ($3::int2[] is null or h.status = any($3::int2[])) "                    \
  "and ($4::text is null or h.attributes @> $4::text::jsonb) "                 \
  "and ($5::text is null or h.user_id = $5::text) "                            \
  "and ($6::text is null or h.parent = $6::text)"
#define SHANNON_HEADS_ORDER                                                    \
  " order by h.created_at desc, h.log_no desc limit $7::int8 offset $8::int8"
#define SHANNON_IN_SESSION(name, since)                                        \
  " and h.session = " name "::text and h.created_at >= " since "::timestamptz"
#define SHANNON_OF_USER " and h.user_id = $5::text"
/// Cut out before anything else is asked: a planner that has seen few of them
/// would rather go through a user's newest.
#define SHANNON_CHILDREN                                                       \
  "(select * from heads where parent = $6::text and parent <> '' offset 0)"
#define SHANNON_LIST(where)                                                    \
  "select " SHANNON_HEAD_COLUMNS " from (select h.*" where SHANNON_HEADS_ORDER \
  ") h" SHANNON_HEAD_END " order by h.created_at desc, h.log_no desc"

/// A page of heads, and how many there are. Which one: by what is asked for,
/// so that each has an index to begin with.
struct list_statements {
  pg_statement list;
  pg_statement count;
};

constexpr list_statements of_tenant{
    {"list", SHANNON_LIST(SHANNON_HEADS_WHERE("heads"))},
    {"count", "select count(*)" SHANNON_HEADS_WHERE("heads")}};
constexpr list_statements of_session{
    {"list_session", SHANNON_LIST(SHANNON_HEADS_WHERE("heads")
                                      SHANNON_IN_SESSION("$9", "$10"))},
    {"count_session", "select count(*)" SHANNON_HEADS_WHERE("heads")
                          SHANNON_IN_SESSION("$7", "$8")}};
constexpr list_statements of_parent{
    {"list_children", SHANNON_LIST(SHANNON_HEADS_WHERE(SHANNON_CHILDREN))},
    {"count_children",
     "select count(*)" SHANNON_HEADS_WHERE(SHANNON_CHILDREN)}};
constexpr list_statements of_user{
    {"list_user", SHANNON_LIST(SHANNON_HEADS_WHERE("heads") SHANNON_OF_USER)},
    {"count_user",
     "select count(*)" SHANNON_HEADS_WHERE("heads") SHANNON_OF_USER}};

#undef SHANNON_LIST
#undef SHANNON_CHILDREN
#undef SHANNON_OF_USER
#undef SHANNON_IN_SESSION
#undef SHANNON_HEADS_ORDER
#undef SHANNON_HEADS_WHERE
#undef SHANNON_HEAD_END
#undef SHANNON_HEAD_COLUMNS

const list_statements& statements_for(const list_heads& what) {
  if (what.session)
    return of_session;
  if (what.parent && !what.parent->empty())
    return of_parent;
  return what.user ? of_user : of_tenant;
}

/// The whole of `active` is gone through: that is done at a node's start.
constexpr pg_statement unfinished_sql{
    "unfinished", "select log_id from active where kind = $1::text "
                  "and not idle and log_id > $2::text "
                  "order by log_id limit $3::int8"};

/// One more than asked for: the first that is not due says when to ask again.
constexpr pg_statement due_sql{
    "due", "select log_id, wake_at, wake_at <= now() from active "
           "where kind = $1::text and idle and wake_at is not null "
           "order by wake_at limit $2::int8 + 1"};

/// The page is cut before anything is looked up for it.
constexpr pg_statement open_sql{
    "open",
    "select w.log_no, w.log_id, w.kind, h.parent, h.status, h.created_at, "
    "e.at, e.last, w.wake_at, w.idle from (select * from active "
    "where log_no > $1::int8 and ($2::text = '' or kind = $2::text) "
    "order by log_no limit $3::int8) w "
    "join heads h on h.log_id = w.log_id "
    "left join lateral (select f.at, f.last from facts f "
    "where f.log_no = w.log_no order by f.first desc limit 1) e on true "
    "order by w.log_no"};

constexpr pg_statement active_sql{
    "active", "select h.log_id, h.status from unnest($1::text[]) t(log_id) "
              "join heads h on h.log_id = t.log_id "
              "join active w on w.log_no = h.log_no"};

constexpr pg_statement close_sql{
    "close", "delete from active w using heads h "
             "where h.log_id = any($1::text[]) and h.ended_at is not null "
             "and w.log_no = h.log_no"};

constexpr pg_statement clock_sql{"clock", "select now()"};

constexpr pg_statement blob_sql{
    "blob",
    "select hash, codec, size, bytes from blobs where hash = $1::bytea"};

constexpr pg_statement tenant_blob_sql{
    "tenant_blob",
    "select hash, codec, size, bytes from blobs b where hash = $1::bytea "
    "and exists (select from blob_refs r join heads h on h.log_no = r.log_no "
    "where r.hash = b.hash and h.tenant = $2::text)"};

constexpr pg_statement ping_sql{"ping", "select 1::int8"};

std::map<std::string, std::string> attributes_of(std::string_view text) {
  std::map<std::string, std::string> out;
  auto all = nlohmann::json::parse(text, nullptr, false);
  for (const auto& [key, value] : all.items())
    if (value.is_string())
      out.emplace(key, value.get<std::string>());
  return out;
}

log_head head_at(const pg_rows& rows, int i) {
  log_head out;
  out.log.value = rows.text(i, 0);
  out.birth.kind = rows.text(i, 1);
  out.birth.parent.value = rows.text(i, 2);
  out.birth.tenant.value = rows.text(i, 3);
  out.birth.user.value = rows.text(i, 4);
  out.birth.session.value = rows.text(i, 5);
  out.status = static_cast<log_status>(rows.int2(i, 7));
  out.summary = rows.text(i, 8);
  out.created_at = rows.time(i, 9);
  if (!rows.null(i, 10))
    out.attributes = attributes_of(rows.bytes(i, 10));
  out.tail.version = rows.int4(i, 11);
  out.tail.chain = static_cast<std::uint64_t>(rows.int8(i, 12));
  out.updated_at = out.created_at;
  if (!rows.null(i, 13)) {
    out.tail.place.row = rows.int4(i, 13);
    out.tail.version = rows.int4(i, 14);
    out.tail.chain = static_cast<std::uint64_t>(rows.int8(i, 15));
    out.epoch = rows.int4(i, 16);
    out.updated_at = rows.time(i, 17);
  }
  out.tail.place.number = rows.int8(i, 6);
  out.tail.place.status = out.status;
  if (!rows.null(i, 18))
    out.wake_at = rows.time(i, 18);
  out.idle = rows.bytes(i, 19) == std::string_view{"\1", 1};
  return out;
}

facts_row row_at(const pg_rows& rows, int i) {
  return {rows.int4(i, 0),
          rows.int4(i, 1),
          rows.int4(i, 2),
          rows.time(i, 3),
          static_cast<std::uint64_t>(rows.int8(i, 4)),
          rows.bytes(i, 5)};
}

result<std::string> body_at(const pg_rows& rows, int i) {
  return unpack_body(static_cast<body_codec>(rows.int2(i, 1)), rows.bytes(i, 3),
                     static_cast<std::uint64_t>(rows.int8(i, 2)));
}

tl::unexpected<error> not_found(const log_id& log) {
  return fail(errc::not_found, log.value + ": no such log");
}

template <class T>
tl::unexpected<error> pass_on(result<T>& bad) {
  return tl::unexpected<error>{std::move(bad.error())};
}

/// Numbers below zero were given by a migration: their chain begins with 0.
std::uint64_t origin_of(const log_head& head) {
  return head.tail.place.number < 0 ? 0 : chain_origin(head.log);
}

/// Reads the rows into the image, from its base on.
result<void> take_facts(const pg_rows& rows, const log_tail& head,
                        log_version base_version, row_reader& reader,
                        log_image& out) {
  auto damaged = [&](log_version version, const char* how) {
    return fail(errc::failed, out.head.log.value + ": the log is damaged, fact "
                                  + std::to_string(version) + " " + how);
  };
  auto passed = head.version < reader.tail().version;
  for (int i = 0; i < rows.size(); ++i) {
    auto row = row_at(rows, i);
    auto taken
        = reader.take(row, [&](log_version version, std::string_view fact,
                               std::uint64_t sum) {
            if (version < base_version)
              out.base = {version, sum, {}};
            else
              out.facts.push_back({version, row.at, std::string{fact}});
          });
    if (!taken)
      return taken;
    if (reader.tail().version == head.version) {
      if (reader.tail().chain != head.chain)
        return damaged(head.version, "is not the one its head names");
      passed = true;
    }
  }
  if (!passed)
    return damaged(reader.tail().version + 1, "is missing");
  return {};
}

} // namespace

result<log_image> open(pg_connection& db, const log_id& log,
                       kit::owned_shards::place place) {
  auto shard = pg::from_int2(static_cast<std::int16_t>(place.shard));
  // The head first: facts appended in between are then more than it says,
  // never less.
  auto sent
      = db.queue(head_for_open_sql, {log.value, shard})
            .and_then([&] { return db.queue(log_facts_sql, {log.value}); })
            .and_then([&] { return db.queue(log_blobs_sql, {log.value}); });
  if (!sent)
    return pass_on(sent);
  auto got = db.sync();
  if (!got)
    return pass_on(got);
  const auto& head = (*got)[0];
  if (head.size() == 0 || head.int8(0, head_columns) != place.epoch)
    return fail(errc::fenced, log.value + ": a newer owner holds its shard");
  const auto& blobs = (*got)[2];
  if (head.null(0, 0) || blobs.size() == 0
      || blobs.int8(0, 4) != head.int8(0, 6))
    return not_found(log);
  log_image out;
  out.head = head_at(head, 0);
  log_tail named{
      head.int4(0, 11), static_cast<std::uint64_t>(head.int8(0, 12)), {}};
  log_tail start{0, origin_of(out.head), {}};
  log_version base_version = 0;
  if (!head.null(0, head_columns + 1)) {
    base_version = head.int4(0, head_columns + 1);
    start = {head.int4(0, head_columns + 2) - 1,
             static_cast<std::uint64_t>(head.int8(0, head_columns + 3)),
             {}};
  }
  out.base = start;
  row_reader reader{log, start};
  if (auto taken = take_facts((*got)[1], named, base_version, reader, out);
      !taken)
    return pass_on(taken);
  auto at = out.head.tail.place;
  at.row = reader.tail().place.row;
  out.head.tail = reader.tail();
  out.head.tail.place = at;
  for (int i = 0; i < blobs.size(); ++i) {
    if (blobs.null(i, 0))
      continue; // The log's own row.
    auto body = body_at(blobs, i);
    if (!body)
      return pass_on(body);
    out.blobs.emplace(blobs.text(i, 0), std::move(*body));
  }
  return out;
}

namespace {

/// `whose`: a tenant's id, or null for anybody.
result<log_head> head_of(pg_connection& db, const log_id& log,
                         pg::value whose) {
  auto rows = db.run(head_sql, {log.value, std::move(whose)});
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return not_found(log);
  return head_at(*rows, 0);
}

result<fact_page> page_of(pg_connection& db, const read_facts& what,
                          const pg::value& whose) {
  auto limit = std::min(what.limit, facts_max);
  // The head first: facts that come in between show as "more can come" at
  // worst, never as facts beyond the version the page names.
  auto sent = db.queue(page_head_sql, {what.log.value, whose}).and_then([&] {
    return db.queue(page_sql, {what.log.value, pg::from_int8(what.after),
                               pg::from_int8(limit), whose});
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
  out.version = head.null(0, 0) ? 0 : head.int4(0, 0);
  out.status = static_cast<log_status>(head.int2(0, 1));
  if (!head.null(0, 3))
    out.first = head.int4(0, 3);
  // There were facts to read: the log was deleted since, or is another one.
  auto gone = rows.size() == 0 ? what.after < out.version && limit != 0
                               : rows.int8(0, 6) != head.int8(0, 2);
  if (gone)
    return not_found(what.log);
  for (int i = 0; i < rows.size(); ++i) {
    auto row = row_at(rows, i);
    auto count = static_cast<std::size_t>(row.last - row.first + 1);
    auto facts = unpack_facts(row.packed, count);
    if (!facts)
      return fail(errc::failed, what.log.value + ": the log is damaged, fact "
                                    + std::to_string(row.first)
                                    + " is not what was written");
    for (std::size_t n = 0; n < count; ++n) {
      auto version = row.first + static_cast<log_version>(n);
      if (version <= what.after)
        continue;
      if (version > out.version || out.facts.size() == limit)
        return out;
      out.facts.push_back({version, row.at, std::string{(*facts)[n]}});
    }
  }
  return out;
}

} // namespace

result<log_head> read_head(pg_connection& db, const log_id& log) {
  return head_of(db, log, {});
}

result<log_head> read_head(pg_connection& db, const get_tenant_head& what) {
  return head_of(db, what.log, what.tenant.value);
}

result<fact_page> read_page(pg_connection& db, const read_facts& what) {
  return page_of(db, what, {});
}

result<fact_page> read_page(pg_connection& db, const read_tenant_facts& what) {
  return page_of(db, what.page, what.tenant.value);
}

result<head_page> read_heads(pg_connection& db, const list_heads& what) {
  pg::value statuses;
  if (!what.statuses.empty()) {
    pg::array wanted{pg::type::int2};
    for (auto one : what.statuses)
      wanted.add_int2(static_cast<std::int16_t>(one));
    statuses = wanted.take();
  }
  pg::value attributes;
  if (!what.attributes.empty())
    attributes
        = nlohmann::json(what.attributes)
              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  pg::value user;
  if (what.user)
    user = what.user->value;
  pg::value parent;
  if (what.parent)
    parent = what.parent->value;
  pg::values list{what.tenant.value,
                  what.kind,
                  statuses,
                  attributes,
                  user,
                  parent,
                  pg::from_int8(std::min(what.limit, heads_max)),
                  pg::from_int8(what.offset)};
  pg::values count{what.tenant.value, what.kind, statuses,
                   attributes,        user,      parent};
  if (what.session) {
    auto since = pg::from_time(what.since.value_or(pg::time{}));
    for (auto* of : {&list, &count}) {
      of->emplace_back(what.session->value);
      of->emplace_back(since);
    }
  }
  const auto& how = statements_for(what);
  auto sent = db.queue(how.list, std::move(list)).and_then([&] {
    return db.queue(how.count, std::move(count));
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

result<log_ids> read_unfinished(pg_connection& db,
                                const list_unfinished& what) {
  auto limit = std::min(what.limit, unfinished_max);
  auto rows = db.run(unfinished_sql,
                     {what.kind, what.after.value, pg::from_int8(limit)});
  if (!rows)
    return pass_on(rows);
  log_ids out;
  for (int i = 0; i < rows->size(); ++i)
    out.logs.emplace_back(rows->text(i, 0));
  return out;
}

/// Below the number of any log: those of an older schema are negative.
constexpr auto first_number = std::numeric_limits<std::int64_t>::min();

result<open_logs> read_open(pg_connection& db, const list_open& what) {
  auto limit = std::clamp(what.limit, 1u, heads_max);
  auto rows
      = db.run(open_sql, {pg::from_int8(what.after.value_or(first_number)),
                          what.kind, pg::from_int8(limit)});
  if (!rows)
    return pass_on(rows);
  open_logs out;
  for (int i = 0; i < rows->size(); ++i) {
    open_log_row row;
    row.log.value = rows->text(i, 1);
    row.kind = rows->text(i, 2);
    row.parent.value = rows->text(i, 3);
    row.status = static_cast<log_status>(rows->int2(i, 4));
    row.created_at = rows->time(i, 5);
    row.updated_at = rows->null(i, 6) ? row.created_at : rows->time(i, 6);
    if (!rows->null(i, 7))
      row.version = rows->int4(i, 7);
    if (!rows->null(i, 8))
      row.schedule.wake_at = rows->time(i, 8);
    row.schedule.idle = rows->bytes(i, 9) == std::string_view{"\1", 1};
    out.logs.push_back(std::move(row));
  }
  if (rows->size() == static_cast<int>(limit))
    out.next = rows->int8(rows->size() - 1, 0);
  return out;
}

result<log_states> read_active(pg_connection& db, const list_active& what) {
  pg::array logs{pg::type::text};
  for (const auto& log : what.logs)
    logs.add(log.value);
  auto rows = db.run(active_sql, {logs.take()});
  if (!rows)
    return pass_on(rows);
  log_states out;
  for (int i = 0; i < rows->size(); ++i)
    out.logs.emplace(log_id{rows->text(i, 0)},
                     static_cast<log_status>(rows->int2(i, 1)));
  return out;
}

result<logs_closed> close_logs(pg_connection& db,
                               const std::vector<log_id>& all) {
  pg::array logs{pg::type::text};
  for (const auto& log : all)
    logs.add(log.value);
  auto done = db.run(close_sql, {logs.take()});
  if (!done)
    return pass_on(done);
  return logs_closed{};
}

result<due_logs> read_due(pg_connection& db, const list_due& what) {
  auto limit = std::min(what.limit, unfinished_max);
  auto sent
      = db.queue(due_sql, {what.kind, pg::from_int8(limit)}).and_then([&] {
          return db.queue(clock_sql, {});
        });
  if (!sent)
    return pass_on(sent);
  auto got = db.sync();
  if (!got)
    return pass_on(got);
  const auto& rows = (*got)[0];
  due_logs out;
  out.now = (*got)[1].time(0, 0);
  for (int i = 0; i < rows.size(); ++i) {
    auto due = rows.bytes(i, 2) == std::string_view{"\1", 1};
    if (!due || out.logs.size() == limit) {
      out.next = rows.time(i, 1);
      break;
    }
    out.logs.emplace_back(rows.text(i, 0));
  }
  return out;
}

namespace {

result<blob_body> body_in(result<pg_rows> rows) {
  if (!rows)
    return pass_on(rows);
  if (rows->size() == 0)
    return fail(errc::not_found, "no such body");
  auto body = body_at(*rows, 0);
  if (!body)
    return pass_on(body);
  return blob_body{std::move(*body)};
}

} // namespace

result<blob_body> read_blob(pg_connection& db, const blob_hash& hash) {
  return body_in(db.run(blob_sql, {hash}));
}

result<blob_body> read_blob(pg_connection& db, const get_tenant_blob& what) {
  return body_in(db.run(tenant_blob_sql, {what.hash, what.tenant.value}));
}

result<pong> ask_pong(pg_connection& db) {
  auto rows = db.run(ping_sql, {});
  if (!rows)
    return pass_on(rows);
  return pong{};
}

} // namespace shannon::store
