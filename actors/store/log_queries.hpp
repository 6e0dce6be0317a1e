#pragma once

#include "actors/kit/owned_shards.hpp"
#include "protocols/blobs.hpp"
#include "protocols/errc.hpp"
#include "protocols/ids.hpp"
#include "protocols/store.hpp"
#include "protocols/tenant_logs.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace shannon::store {

class pg_connection;

/// What is asked of the database beside appends: one round trip each, safe to
/// repeat after a lost connection. Errors are those of `pg_connection`, and
/// what the messages of protocols/store.hpp say.

/// Rows in one answer, whatever was asked for.
constexpr std::uint32_t heads_max = 1'000;
constexpr std::uint32_t facts_max = 10'000;
constexpr std::uint32_t unfinished_max = 100'000;

/// Reads a log from its last `RunContinued` on, in one pass, and checks its
/// checksums: a damaged log is `failed` and names the version. `fenced` if a
/// newer owner holds its shard. `not_found` also for a log that is deleted
/// while it is read.
result<log_image> open(pg_connection& db, const log_id& log,
                       kit::owned_shards::place place);

result<log_head> read_head(pg_connection& db, const log_id& log);
result<log_head> read_head(pg_connection& db, const get_tenant_head& what);

/// `not_found` if there is no such log, or none any more at the end.
result<fact_page> read_page(pg_connection& db, const read_facts& what);
result<fact_page> read_page(pg_connection& db, const read_tenant_facts& what);

result<head_page> read_heads(pg_connection& db, const list_heads& what);

result<log_ids> read_unfinished(pg_connection& db, const list_unfinished& what);

result<open_logs> read_open(pg_connection& db, const list_open& what);

result<log_states> read_active(pg_connection& db, const list_active& what);

struct logs_closed {};

/// Of these, the logs that have ended owe their end to nobody any more.
result<logs_closed> close_logs(pg_connection& db,
                               const std::vector<log_id>& logs);

result<due_logs> read_due(pg_connection& db, const list_due& what);

result<blob_body> read_blob(pg_connection& db, const blob_hash& hash);

result<blob_body> read_blob(pg_connection& db, const get_tenant_blob& what);

result<pong> ask_pong(pg_connection& db);

} // namespace shannon::store
