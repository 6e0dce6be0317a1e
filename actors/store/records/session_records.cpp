#include "actors/store/records/session_records.hpp"

#include "actors/store/pg_connection.hpp"
#include "protocols/sessions.hpp"

#include <string>
#include <string_view>
#include <utility>

namespace shannon::store::records {

namespace {

#define SHANNON_SESSION                                                        \
  "id, name, user_id, title, context, mode, created_at, updated_at, since, "   \
  "titled"
#define SHANNON_MINE                                                           \
  " where tenant = $1::text and user_id = $2::text "                           \
  "and (id = $3::text or name = $3::text)"

constexpr pg_statement make_sql{
    "session_make",
    "insert into sessions (tenant, " SHANNON_SESSION ") values ($1::text, "
    "$2::text, $3::text, $4::text, $5::text, $6::text, $7::text, now(), now(), "
    "'epoch', false) "
    "on conflict do nothing returning " SHANNON_SESSION};

/// One that is gone begins anew, without what it was.
constexpr pg_statement meet_sql{
    "session_meet",
    "select " SHANNON_SESSION ", (deleted_at is not null)::int4, "
    "(updated_at < now() - interval '10 minutes')::int4 from sessions "
    "where tenant = $1::text and (id = $2::text or (user_id = $3::text and "
    "name = $4::text)) limit 2"};
constexpr pg_statement anew_sql{
    "session_anew", "update sessions set title = $3::text, context = $4::text, "
                    "mode = $5::text, created_at = now(), updated_at = now(), "
                    "since = now(), titled = false, deleted_at = null "
                    "where tenant = $1::text and id = $2::text "
                    "returning " SHANNON_SESSION};

/// Kept from the sweep, which deletes none that was opened within the hour.
constexpr pg_statement keep_sql{
    "session_keep", "update sessions set updated_at = now() "
                    "where tenant = $1::text and id = $2::text "
                    "and deleted_at is null returning " SHANNON_SESSION};

constexpr pg_statement find_sql{
    "session_find", "select " SHANNON_SESSION " from sessions" SHANNON_MINE
                    " and deleted_at is null limit 1"};
constexpr pg_statement list_sql{
    "session_list",
    "select " SHANNON_SESSION " from sessions where tenant = $1::text and "
    "user_id = $2::text and deleted_at is null "
    "order by created_at desc, id desc limit $3::int8 offset $4::int8"};
constexpr pg_statement count_sql{
    "session_count", "select count(*) from sessions where tenant = $1::text "
                     "and user_id = $2::text and deleted_at is null"};
constexpr pg_statement rename_sql{
    "session_rename", "update sessions set title = $4::text, titled = true, "
                      "updated_at = now()" SHANNON_MINE
                      " and deleted_at is null returning " SHANNON_SESSION};
/// A repeat finds its own title there.
constexpr pg_statement name_sql{
    "session_name",
    "with its as (select id, not titled or title = $4::text as free "
    "from sessions where tenant = $1::text and user_id = $2::text "
    "and name = $3::text and deleted_at is null for update), "
    "done as (update sessions s set title = $4::text, titled = true, "
    "updated_at = now() from its where s.tenant = $1::text and s.id = its.id "
    "and its.free) "
    "select free::int4 from its"};
constexpr pg_statement remove_sql{
    "session_remove",
    "update sessions set deleted_at = coalesce(deleted_at, now())" SHANNON_MINE
    " returning id"};

#undef SHANNON_SESSION
#undef SHANNON_MINE

constexpr int titled_column = 9;
constexpr int deleted_column = 10;
constexpr int old_column = 11;

sessions::session session_at(const pg_rows& rows, int row) {
  return {rows.text(row, 0),
          session_id{rows.text(row, 1)},
          user_id{rows.text(row, 2)},
          rows.text(row, 3),
          rows.text(row, 4),
          rows.text(row, 5),
          rows.time(row, 6),
          rows.time(row, 7),
          rows.time(row, 8),
          rows.bytes(row, titled_column) == std::string_view{"\1", 1}};
}

tl::unexpected<error> no_such() {
  return fail(errc::not_found, "Session not found");
}

result<sessions::opened> open_once(pg_connection& db,
                                   const sessions::open& msg) {
  const auto& wanted = msg.what;
  auto made = db.run(make_sql, {msg.tenant.value, wanted.id, wanted.name.value,
                                wanted.user.value, wanted.title,
                                wanted.context_json, wanted.mode});
  if (!made)
    return tl::unexpected<error>{std::move(made.error())};
  if (made->size() == 1)
    return sessions::opened{session_at(*made, 0), true};
  auto met = db.run(meet_sql, {msg.tenant.value, wanted.id, wanted.user.value,
                               wanted.name.value});
  if (!met)
    return tl::unexpected<error>{std::move(met.error())};
  // The id may be somebody else's, while the name is this user's own: whose
  // name it is counts.
  for (int row = 0; row < met->size(); ++row) {
    auto known = session_at(*met, row);
    if (known.user != wanted.user)
      continue;
    bool lives = met->int4(row, deleted_column) == 0;
    if (lives && met->int4(row, old_column) == 0)
      return sessions::opened{std::move(known), false};
    auto now = lives
                   ? db.run(keep_sql, {msg.tenant.value, known.id})
                   : db.run(anew_sql, {msg.tenant.value, known.id, wanted.title,
                                       wanted.context_json, wanted.mode});
    if (!now)
      return tl::unexpected<error>{std::move(now.error())};
    if (now->size() == 1)
      return sessions::opened{session_at(*now, 0), !lives};
  }
  return no_such();
}

/// It may have been swept away between two statements.
result<sessions::opened> open_session(pg_connection& db,
                                      const sessions::open& msg) {
  auto got = open_once(db, msg);
  if (!got && got.error().code == errc::not_found)
    got = open_once(db, msg);
  return got;
}

result<sessions::session> one_of(result<pg_rows> rows) {
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  if (rows->size() == 0)
    return no_such();
  return session_at(*rows, 0);
}

result<sessions::session> find_session(pg_connection& db,
                                       const sessions::find& msg) {
  return one_of(db.run(find_sql, {msg.tenant.value, msg.user.value, msg.key}));
}

result<sessions::page> list_sessions(pg_connection& db,
                                     const sessions::list& msg) {
  auto sent
      = db.queue(list_sql,
                 {msg.tenant.value, msg.user.value, pg::from_int8(msg.limit),
                  pg::from_int8(msg.offset)})
            .and_then([&] {
              return db.queue(count_sql, {msg.tenant.value, msg.user.value});
            });
  if (!sent)
    return tl::unexpected<error>{std::move(sent.error())};
  auto got = db.sync();
  if (!got)
    return tl::unexpected<error>{std::move(got.error())};
  sessions::page page;
  for (int row = 0; row < (*got)[0].size(); ++row)
    page.sessions.push_back(session_at((*got)[0], row));
  page.total = static_cast<std::uint64_t>((*got)[1].int8(0, 0));
  return page;
}

result<sessions::session> rename_session(pg_connection& db,
                                         const sessions::rename& msg) {
  return one_of(db.run(rename_sql,
                       {msg.tenant.value, msg.user.value, msg.key, msg.title}));
}

result<sessions::named> name_session(pg_connection& db,
                                     const sessions::name& msg) {
  auto rows = db.run(name_sql, {msg.tenant.value, msg.user.value,
                                msg.session.value, msg.title});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  if (rows->size() == 0)
    return no_such();
  return sessions::named{rows->int4(0, 0) != 0};
}

result<sessions::removed> remove_session(pg_connection& db,
                                         const sessions::remove& msg) {
  auto rows = db.run(remove_sql, {msg.tenant.value, msg.user.value, msg.key});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  if (rows->size() == 0)
    return no_such();
  return sessions::removed{};
}

} // namespace

subject session_lines() {
  return {within_tenant("session_open", open_session),
          within_tenant("session_find", find_session),
          within_tenant("session_list", list_sessions),
          within_tenant("session_rename", rename_session),
          within_tenant("session_name", name_session),
          within_tenant("session_remove", remove_session)};
}

} // namespace shannon::store::records
