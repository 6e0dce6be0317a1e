#include "actors/store/records/answer_records.hpp"

#include "actors/store/pg_connection.hpp"
#include "protocols/answers.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <utility>

namespace shannon::store::records {

namespace {

/// A row may be claimed if there is none, if it is a day old, if its claim has
/// run out, or if this very request claimed it and lost the answer.
constexpr pg_statement claim_sql{
    "answer_claim",
    "insert into answers as a (tenant, name, digest, claimer, claimed_until, "
    "created_at) values ($1::text, $2::text, $3::bytea, $4::text, "
    "now() + $5::int8 * interval '1 millisecond', now()) "
    "on conflict (tenant, name) do update set digest = excluded.digest, "
    "claimer = excluded.claimer, claimed_until = excluded.claimed_until, "
    "created_at = excluded.created_at, status = null, fields = null, "
    "body = null where a.created_at < now() - interval '1 day' "
    "or (a.status is null and a.digest = excluded.digest "
    "and (a.claimed_until < now() or a.claimer = excluded.claimer)) "
    "returning 1"};

constexpr pg_statement look_sql{
    "answer_look",
    "select (digest = $3::bytea)::int4, status, coalesce(fields, '[]'), "
    "coalesce(body, '') from answers "
    "where tenant = $1::text and name = $2::text"};

constexpr pg_statement settle_sql{
    "answer_settle",
    "update answers set status = $4::int4, fields = $5::text, "
    "body = $6::bytea where tenant = $1::text and name = $2::text "
    "and claimer = $3::text and status is null"};

constexpr pg_statement give_up_sql{
    "answer_give_up", "delete from answers where tenant = $1::text "
                      "and name = $2::text and claimer = $3::text "
                      "and status is null"};

/// Each claim takes away a few that are too old, so that none need be swept.
constexpr pg_statement forget_sql{
    "answer_forget",
    "delete from answers where (tenant, name) in (select tenant, name "
    "from answers where created_at < now() - interval '1 day' "
    "order by created_at limit 4 for update skip locked)"};

std::string fields_text(const answers::answer& what) {
  return nlohmann::json(what.fields)
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

answers::answer answer_at(const pg_rows& rows) {
  answers::answer what;
  what.status = rows.int4(0, 1);
  auto fields = nlohmann::json::parse(rows.text(0, 2), nullptr, false);
  if (!fields.is_discarded())
    fields.get_to(what.fields);
  what.body = rows.text(0, 3);
  return what;
}

result<answers::claimed> claim(pg_connection& db, const answers::claim& msg) {
  using outcome = answers::claimed::outcome;
  auto sent
      = db.queue(forget_sql, {})
            .and_then([&] {
              return db.queue(claim_sql,
                              {msg.tenant.value, msg.name, msg.digest,
                               msg.claimer, pg::from_int8(msg.lease.count())});
            })
            .and_then([&] {
              return db.queue(look_sql,
                              {msg.tenant.value, msg.name, msg.digest});
            });
  if (!sent)
    return tl::unexpected<error>{std::move(sent.error())};
  auto got = db.sync();
  if (!got)
    return tl::unexpected<error>{std::move(got.error())};
  const auto& row = (*got)[2];
  if ((*got)[1].size() == 1)
    return answers::claimed{outcome::mine, {}};
  // Given up between the two statements: the next try finds it free.
  if (row.size() == 0)
    return answers::claimed{outcome::under_way, {}};
  if (row.int4(0, 0) == 0)
    return answers::claimed{outcome::other_body, {}};
  if (row.null(0, 1))
    return answers::claimed{outcome::under_way, {}};
  return answers::claimed{outcome::settled, answer_at(row)};
}

result<answers::settled_ack> settle(pg_connection& db,
                                    const answers::settle& msg) {
  auto done = db.run(settle_sql, {msg.tenant.value, msg.name, msg.claimer,
                                  pg::from_int4(msg.what.status),
                                  fields_text(msg.what), msg.what.body});
  if (!done)
    return tl::unexpected<error>{std::move(done.error())};
  return answers::settled_ack{};
}

result<answers::settled_ack> give_up(pg_connection& db,
                                     const answers::give_up& msg) {
  auto done = db.run(give_up_sql, {msg.tenant.value, msg.name, msg.claimer});
  if (!done)
    return tl::unexpected<error>{std::move(done.error())};
  return answers::settled_ack{};
}

} // namespace

subject answer_lines() {
  return {within_tenant("answer_claim", claim),
          within_tenant("answer_settle", settle),
          within_tenant("answer_give_up", give_up)};
}

} // namespace shannon::store::records
