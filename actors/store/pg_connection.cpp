#include "actors/store/pg_connection.hpp"

#include "actors/kit/failpoint.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <poll.h>
#include <utility>

namespace shannon::store {

namespace {

using clock = std::chrono::steady_clock;

/// How long `keep_waiting` may go uncalled.
constexpr std::chrono::milliseconds wait_slice{50};

/// The server ends a statement by itself; this much later it is given up.
constexpr std::chrono::milliseconds answer_grace{1'000};

/// libpq's texts end in newlines and may have a second line with a hint.
std::string first_line(const char* text) {
  std::string_view all = text ? text : "";
  return std::string{all.substr(0, all.find('\n'))};
}

/// The message without its detail: that may quote stored values.
error sql_error(const PGresult* raw) {
  const char* code = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
  const char* text = PQresultErrorField(raw, PG_DIAG_MESSAGE_PRIMARY);
  std::string_view state = code ? code : "";
  std::string sentence = "database: " + first_line(text ? text : "no answer")
                         + " (SQLSTATE " + std::string{state} + ")";
  if (state == "57014")
    return {errc::timeout, std::move(sentence), true, std::nullopt};
  // Data of a form that a column's type does not take, not UTF-8 for one.
  if (state.substr(0, 2) == "22")
    return {errc::invalid_argument, std::move(sentence), false, std::nullopt};
  // Another transaction was first to write this key.
  if (state == "23505")
    return {errc::conflict, std::move(sentence), false, std::nullopt};
  // Lock timeout, a standby, deadlock, shutdown, resources, connection.
  auto passing = state.empty() || state == "55P03" || state == "25P03"
                 || state == "25006" || state.substr(0, 2) == "40"
                 || state.substr(0, 3) == "57P" || state.substr(0, 2) == "53"
                 || state.substr(0, 2) == "08";
  if (passing)
    return {errc::unavailable, std::move(sentence), true, std::nullopt};
  return {errc::failed, std::move(sentence), false, std::nullopt};
}

std::string ms(std::chrono::milliseconds span) {
  return std::to_string(span.count());
}

} // namespace

// -- rows ---------------------------------------------------------------------

pg_rows::pg_rows(::pg_result* raw) : raw_(raw, PQclear) {}

int pg_rows::size() const noexcept {
  return PQntuples(raw_.get());
}

bool pg_rows::null(int row, int column) const noexcept {
  return PQgetisnull(raw_.get(), row, column) != 0;
}

std::string_view pg_rows::bytes(int row, int column) const noexcept {
  return {PQgetvalue(raw_.get(), row, column),
          static_cast<std::size_t>(PQgetlength(raw_.get(), row, column))};
}

// -- connecting ---------------------------------------------------------------

void pg_connection::closer::operator()(::pg_conn* raw) const noexcept {
  PQfinish(raw);
}

pg_connection::pg_connection(pg_options options)
    : options_(std::move(options)) {}

pg_connection::pg_connection(pg_connection&&) noexcept = default;
pg_connection& pg_connection::operator=(pg_connection&&) noexcept = default;
pg_connection::~pg_connection() = default;

result<pg_connection> pg_connection::open(pg_options options) {
  pg_connection made{std::move(options)};
  if (auto done = made.connect(); !done)
    return tl::unexpected<error>{std::move(done.error())};
  return made;
}

result<void> pg_connection::connect() {
  // What the operator's connection string says comes last and wins. A peer
  // that went silent is found in about 15 s on TCP.
  constexpr std::array<const char*, 9> keys{"application_name",
                                            "client_encoding",
                                            "keepalives",
                                            "keepalives_idle",
                                            "keepalives_interval",
                                            "keepalives_count",
                                            "tcp_user_timeout",
                                            "dbname",
                                            nullptr};
  const std::array<const char*, 9> values{
      "shannon", "UTF8", "1", "5", "5", "2", "15000", options_.dsn.c_str(),
      nullptr};
  raw_.reset(PQconnectStartParams(keys.data(), values.data(), 1));
  if (!raw_ || PQstatus(raw_.get()) == CONNECTION_BAD)
    return tl::unexpected<error>{lost("cannot connect")};
  PQsetNoticeProcessor(
      raw_.get(), [](void*, const char*) {}, nullptr);
  auto due = clock::now() + options_.connect_timeout;
  for (auto step = PGRES_POLLING_WRITING; step != PGRES_POLLING_OK;
       step = PQconnectPoll(raw_.get())) {
    if (step == PGRES_POLLING_FAILED)
      return tl::unexpected<error>{lost("cannot connect")};
    if (auto ready = wait(step == PGRES_POLLING_WRITING, due); !ready)
      return ready;
  }
  if (PQsetnonblocking(raw_.get(), 1) != 0)
    return tl::unexpected<error>{lost("cannot connect")};
  // The node works for all tenants, except where tenant_wall.hpp says
  // for whom.
  auto sql = "set synchronous_commit = on; set jit = off; set search_path = "
             "shannon; set shannon.tenant = '*'; set statement_timeout = "
             + ms(options_.statement_timeout)
             + "; set lock_timeout = " + ms(options_.lock_timeout)
             + "; set idle_in_transaction_session_timeout = "
             + ms(options_.statement_timeout) + ";" + options_.settings;
  if (auto set = exec(sql); !set)
    return tl::unexpected<error>{std::move(set.error())};
  works_for_ = "*";
  return {};
}

bool pg_connection::usable() const noexcept {
  return raw_ && !lost_;
}

bool pg_connection::still_there() {
  if (!usable())
    return false;
  pollfd what{PQsocket(raw_.get()), POLLIN, 0};
  if (::poll(&what, 1, 0) > 0
      && (PQconsumeInput(raw_.get()) == 0
          || PQstatus(raw_.get()) == CONNECTION_BAD))
    lost_ = true;
  return !lost_;
}

error pg_connection::lost(std::string_view what) {
  lost_ = true;
  auto why = raw_ ? first_line(PQerrorMessage(raw_.get())) : "out of memory";
  std::string text = "database: " + std::string{what};
  if (!why.empty())
    text += ": " + why;
  return {errc::unavailable, std::move(text), true, std::nullopt};
}

result<void> pg_connection::wait(bool writing, clock::time_point due) {
  for (;;) {
    if (options_.keep_waiting && !options_.keep_waiting()) {
      lost_ = true;
      return fail(errc::cancelled, "database: no longer waited for");
    }
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        due - clock::now());
    if (left.count() <= 0)
      return tl::unexpected<error>{lost("no answer in time")};
    pollfd what{PQsocket(raw_.get()),
                static_cast<short>(writing ? POLLIN | POLLOUT : POLLIN), 0};
    auto slice = std::min(left, wait_slice) + std::chrono::milliseconds{1};
    if (::poll(&what, 1, static_cast<int>(slice.count())) > 0)
      return {};
  }
}

// -- statements ---------------------------------------------------------------

result<pg_rows> pg_connection::exec(const std::string& sql) {
  if (!usable())
    return fail(errc::unavailable, "database: not connected", true);
  if (PQsendQuery(raw_.get(), sql.c_str()) == 0)
    return tl::unexpected<error>{lost("cannot send")};
  queued_.assign(1, {});
  auto got = collect();
  if (!got)
    return tl::unexpected<error>{std::move(got.error())};
  if (got->empty())
    return fail(errc::failed, "database: no result");
  return std::move(got->back());
}

result<void> pg_connection::queue(const pg_statement& what,
                                  pg::values parameters) {
  if (!usable())
    return fail(errc::unavailable, "database: not connected", true);
  auto raw = raw_.get();
  if (PQpipelineStatus(raw) == PQ_PIPELINE_OFF) {
    queued_.clear();
    if (PQenterPipelineMode(raw) == 0)
      return tl::unexpected<error>{lost("cannot start a pipeline")};
  }
  auto waiting = std::find(queued_.begin(), queued_.end(), what.name);
  if (prepared_.count(what.name) == 0 && waiting == queued_.end()) {
    if (PQsendPrepare(raw, what.name, what.sql, 0, nullptr) == 0)
      return tl::unexpected<error>{lost("cannot send")};
    queued_.emplace_back(what.name);
  }
  std::vector<const char*> data;
  std::vector<int> sizes;
  for (const auto& one : parameters) {
    data.push_back(one ? one->data() : nullptr);
    sizes.push_back(one ? static_cast<int>(one->size()) : 0);
  }
  std::vector<int> formats(parameters.size(), 1);
  if (PQsendQueryPrepared(raw, what.name, static_cast<int>(data.size()),
                          data.data(), sizes.data(), formats.data(), 1)
      == 0)
    return tl::unexpected<error>{lost("cannot send")};
  queued_.emplace_back();
  return {};
}

result<std::vector<pg_rows>> pg_connection::sync() {
  if (!usable())
    return fail(errc::unavailable, "database: not connected", true);
  if (PQpipelineSync(raw_.get()) == 0)
    return tl::unexpected<error>{lost("cannot send")};
  SHANNON_FAILPOINT("database.sent");
  auto got = collect();
  if (usable() && PQexitPipelineMode(raw_.get()) == 0)
    return tl::unexpected<error>{lost("cannot end a pipeline")};
  return got;
}

result<pg_rows> pg_connection::run(const pg_statement& what,
                                   pg::values parameters) {
  if (auto sent = queue(what, std::move(parameters)); !sent)
    return tl::unexpected<error>{std::move(sent.error())};
  auto got = sync();
  if (!got)
    return tl::unexpected<error>{std::move(got.error())};
  return std::move(got->front());
}

/// Reads until the server is ready again: the sync point of a pipeline, the
/// end of the last statement otherwise.
result<std::vector<pg_rows>> pg_connection::collect() {
  auto raw = raw_.get();
  auto piped = PQpipelineStatus(raw) != PQ_PIPELINE_OFF;
  auto due = clock::now() + options_.statement_timeout + answer_grace;
  std::vector<pg_rows> out;
  std::optional<error> first;
  std::size_t at = 0;
  bool after_null = false;
  for (;;) {
    auto unsent = PQflush(raw);
    if (unsent < 0)
      return tl::unexpected<error>{lost("connection lost")};
    if (unsent > 0 || PQisBusy(raw) != 0) {
      if (auto ready = wait(unsent > 0, due); !ready)
        return tl::unexpected<error>{std::move(ready.error())};
      if (PQconsumeInput(raw) == 0)
        return tl::unexpected<error>{lost("connection lost")};
      continue;
    }
    auto* got = PQgetResult(raw);
    if (!got) {
      // In a pipeline NULL parts the statements, and two mean nothing comes.
      if (PQstatus(raw) == CONNECTION_BAD || (piped && after_null))
        return tl::unexpected<error>{lost("connection lost")};
      if (!piped)
        break;
      after_null = true;
      ++at;
      continue;
    }
    after_null = false;
    pg_rows rows{got};
    auto status = PQresultStatus(got);
    if (status == PGRES_PIPELINE_SYNC)
      break;
    auto name = at < queued_.size() ? queued_[at] : std::string{};
    if (status == PGRES_COMMAND_OK && !name.empty())
      prepared_.insert(name);
    else if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
      out.push_back(std::move(rows));
    else if (status != PGRES_PIPELINE_ABORTED && !first)
      first = sql_error(got);
  }
  queued_.clear();
  if (PQstatus(raw) == CONNECTION_BAD)
    return tl::unexpected<error>{lost("connection lost")};
  if (first)
    return tl::unexpected<error>{std::move(*first)};
  return out;
}

} // namespace shannon::store
