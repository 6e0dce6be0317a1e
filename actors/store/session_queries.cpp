#include "actors/store/session_queries.hpp"

#include "actors/store/pg_connection.hpp"
#include "protocols/facts/run.pb.h"

#include <algorithm>
#include <string>
#include <utility>

namespace shannon::store {

namespace {

constexpr std::size_t sessions_max = 100;

/// The summary is decoded here: PostgreSQL does not know what is in it.
constexpr pg_statement tasks_sql{
    "session_tasks",
    "select s.session, h.status, h.summary, h.created_at "
    "from unnest($3::text[], $4::timestamptz[]) s (session, since), "
    "lateral (select status, summary, created_at from heads "
    "where tenant = $1::text and session = s.session and session <> '' "
    "and kind = 'workflow' and parent = '' and user_id = $2::text "
    "and created_at >= s.since "
    "order by created_at desc, log_no desc limit 1000) h"};

void count(session_sum& sum, const pg_rows& rows, int row) {
  facts::Summary task;
  task.ParseFromArray(rows.bytes(row, 2).data(),
                      static_cast<int>(rows.bytes(row, 2).size()));
  auto status = static_cast<log_status>(rows.int2(row, 1));
  if (sum.tasks++ == 0) {
    sum.latest_query = task.query();
    sum.latest_status = status;
    sum.latest_at = rows.time(row, 3);
  }
  sum.completed += status == log_status::completed;
  sum.failed += status == log_status::failed || status == log_status::timed_out;
  sum.tokens += task.usage().input_tokens() + task.usage().output_tokens();
  sum.cost_nanousd += task.usage().cost_nanousd();
}

} // namespace

result<session_sums> read_session_sums(pg_connection& db,
                                       const sum_sessions& what) {
  if (what.sessions.size() > sessions_max)
    return fail(errc::invalid_argument,
                "expected at most " + std::to_string(sessions_max)
                    + " sessions, found "
                    + std::to_string(what.sessions.size()));
  pg::array names{pg::type::text};
  pg::array since{pg::type::timestamptz};
  for (const auto& one : what.sessions) {
    names.add(one.session.value);
    since.add_time(one.since);
  }
  auto rows = db.run(tasks_sql, {what.tenant.value, what.user.value,
                                 names.take(), since.take()});
  if (!rows)
    return tl::unexpected<error>{std::move(rows.error())};
  session_sums all;
  for (int row = 0; row < rows->size(); ++row)
    count(all.sessions[session_id{rows->text(row, 0)}], *rows, row);
  return all;
}

} // namespace shannon::store
