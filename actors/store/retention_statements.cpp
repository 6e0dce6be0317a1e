#include "actors/store/retention_statements.hpp"

namespace shannon::store::retention_sql {

namespace {

/// What notes stand under instead of a log's number.
#define SHANNON_NO_LOG "'-9223372036854775808'::int8"

#define SHANNON_BEFORE "now() - $1::int8 * interval '1 millisecond'"

/// A log goes after the one that started it, which may ask for it until then.
/// What is born is older than what ends: that is what `heads_by_age` is for.
#define SHANNON_IS_DUE                                                         \
  " h.created_at < " SHANNON_BEFORE " and h.ended_at < " SHANNON_BEFORE        \
  " and not exists (select from active w where w.log_no = h.log_no)"           \
  " and not exists (select from heads p where p.log_id = h.parent) "

#define SHANNON_NOTE                                                           \
  "insert into blob_refs (log_no, first, hash) "                               \
  "select distinct " SHANNON_NO_LOG ", 0, hash from refs order by hash "       \
  "on conflict do nothing"

#define SHANNON_IS_DUE_FOR_TRIM                                                \
  " h.base_first is not null "                                                 \
  "and exists (select from facts b where b.log_no = h.log_no "                 \
  "and b.first = h.base_first and b.at < " SHANNON_BEFORE ") "                 \
  "and exists (select from facts f where f.log_no = h.log_no "                 \
  "and f.first < h.base_first) "

/// Whoever starts a task in a session has opened it before, which makes it
/// young: so none is deleted that is about to have one.
#define SHANNON_SESSION_IS_OLD                                                 \
  " s.updated_at < " SHANNON_BEFORE                                            \
  " and (s.deleted_at is null or s.deleted_at < " SHANNON_BEFORE ") "

#define SHANNON_TASKS_OF_SESSION                                               \
  "select from heads h where h.tenant = s.tenant and h.session = s.name "      \
  "and h.session <> '' "

} // namespace

/// `lock_class::sweep`; see `group_statements.hpp`.
const char* const take_turn
    = "begin; select pg_try_advisory_xact_lock(x'53484104'::int, 0)";

const pg_statement due{
    "sweep_due", "select h.log_id, h.version from heads h where" SHANNON_IS_DUE
                 "limit $2::int8"};

const pg_statement remove{
    "sweep_remove",
    "with gone as ("
    "delete from heads h where h.log_id = any($2::text[]) and" SHANNON_IS_DUE
    "returning h.log_no"
    "), facts_gone as ("
    "delete from facts f using gone g where f.log_no = g.log_no "
    "returning octet_length(f.facts) as size"
    "), refs as ("
    "delete from blob_refs r using gone g where r.log_no = g.log_no "
    "returning r.hash"
    "), notes as (" SHANNON_NOTE ") "
    "select (select count(*) from gone), (select count(*) from facts_gone), "
    "(select coalesce(sum(size), 0)::int8 from facts_gone)"};

const pg_statement due_for_trim{
    "sweep_due_for_trim",
    "select h.log_id, h.base_first from heads h where" SHANNON_IS_DUE_FOR_TRIM
    "limit $2::int8"};

const pg_statement trim{
    "sweep_trim",
    "with due as materialized ("
    "select h.log_no, h.base_first from heads h "
    "where h.log_id = any($2::text[]) and" SHANNON_IS_DUE_FOR_TRIM
    "), gone as ("
    "delete from facts f using due d where f.log_no = d.log_no "
    "and f.first < d.base_first "
    "returning f.log_no, octet_length(f.facts) as size"
    "), refs as ("
    "delete from blob_refs r using due d where r.log_no = d.log_no "
    "and r.first < d.base_first returning r.hash"
    "), notes as (" SHANNON_NOTE ") "
    "select count(distinct log_no), count(*), coalesce(sum(size), 0)::int8 "
    "from gone"};

const pg_statement noted{
    "sweep_noted", "select hash from blob_refs where log_no = " SHANNON_NO_LOG
                   " and hash > $1::bytea order by hash limit $2::int8"};

const pg_statement lock_bodies{"sweep_lock_bodies",
                               "select pg_advisory_xact_lock($1::int4, "
                               "$2::int4)"};

const pg_statement collect{
    "sweep_collect",
    "with notes as ("
    "delete from blob_refs where log_no = " SHANNON_NO_LOG
    " and hash = any($1::bytea[]) returning hash"
    "), gone as ("
    "delete from blobs b using notes n where b.hash = n.hash "
    "and not exists (select from blob_refs r where r.hash = b.hash "
    "and r.log_no <> " SHANNON_NO_LOG ") "
    "returning octet_length(b.bytes) as size) "
    "select count(*), coalesce(sum(size), 0)::int8 from gone"};

const pg_statement sessions{
    "sweep_sessions",
    "with page as materialized ("
    "select tenant, id, updated_at from sessions "
    "where (updated_at, tenant, id) > "
    "($2::text::timestamptz, $3::text, $4::text) "
    "and updated_at < " SHANNON_BEFORE
    " order by updated_at, tenant, id limit $5::int8"
    "), gone as ("
    "delete from sessions s using page p "
    "where s.tenant = p.tenant and s.id = p.id and" SHANNON_SESSION_IS_OLD
    "and not exists (" SHANNON_TASKS_OF_SESSION ") returning 1"
    ") select (select count(*) from gone), "
    "(select count(*) from page) = $5::int8, l.updated_at::text, l.tenant, "
    "l.id "
    "from (select * from page order by updated_at desc, tenant desc, id desc "
    "limit 1) l"};

const pg_statement parts{"sweep_parts",
                         "select c.relname::text from pg_inherits i "
                         "join pg_class c on c.oid = i.inhrelid "
                         "where i.inhparent = 'shannon.facts'::regclass"};

std::string look_into(const std::string& table) {
  return "select f.at < now() - interval '1 hour' from shannon." + table
         + " f order by f.log_no, f.first limit 1";
}

/// The lock on `facts` comes first, as with whoever reads through it; `only`,
/// since its other parts are nobody's business here. A dropped table cannot
/// depend on a condition in plain SQL, so the block does it.
std::string drop_if_empty(const std::string& table) {
  return "begin; set local statement_timeout = '1s'; "
         "lock table only shannon.facts in access exclusive mode; "
         "lock table only shannon."
         + table
         + " in access exclusive mode; do $$ begin "
           "if not exists (select from shannon."
         + table + ") then drop table shannon." + table
         + "; end if; end $$; commit; "
           "select where to_regclass('shannon."
         + table + "') is null";
}

/// Heads, to be counted, of logs whose starters are due as well or gone.
const pg_statement count_due{
    "sweep_count_due",
    "with recursive aged as materialized ("
    "select h.log_no, h.log_id, h.parent from heads h "
    "where h.created_at < " SHANNON_BEFORE " and h.ended_at < " SHANNON_BEFORE
    "), due as ("
    "select a.log_no, a.log_id from aged a "
    "where not exists (select from heads p where p.log_id = a.parent) "
    "union all select a.log_no, a.log_id from aged a "
    "join due d on a.parent = d.log_id"
    ") select count(distinct d.log_no), count(f.log_no), "
    "coalesce(sum(octet_length(f.facts)), 0)::int8 "
    "from due d left join facts f on f.log_no = d.log_no"};

const pg_statement count_trim{
    "sweep_count_trim",
    "select count(distinct h.log_no), count(f.log_no), "
    "coalesce(sum(octet_length(f.facts)), 0)::int8 "
    "from heads h join facts f on f.log_no = h.log_no "
    "and f.first < h.base_first where" SHANNON_IS_DUE_FOR_TRIM};

const pg_statement count_sessions{
    "sweep_count_sessions",
    "select count(*) from sessions s where" SHANNON_SESSION_IS_OLD
    "and not exists (" SHANNON_TASKS_OF_SESSION
    "and (h.ended_at is null or h.ended_at >= " SHANNON_BEFORE "))"};

#undef SHANNON_TASKS_OF_SESSION
#undef SHANNON_SESSION_IS_OLD
#undef SHANNON_IS_DUE_FOR_TRIM
#undef SHANNON_NOTE
#undef SHANNON_IS_DUE
#undef SHANNON_BEFORE
#undef SHANNON_NO_LOG

} // namespace shannon::store::retention_sql
