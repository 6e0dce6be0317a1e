#pragma once

#include "actors/store/retention.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <string>
#include <utility>

namespace shannon::test {

/// A store with logs of any age, and the sweep that looks after it.
struct retention_world {
  std::string dsn = fresh_database();
  store_node node{dsn};
  store::pg_connection db = connect(dsn);
  config::retention_settings keep{.batch_pause = std::chrono::milliseconds{0}};

  retention_world() {
    REQUIRE(node.claim());
    // The part for logs of the first schema is empty, and goes at once.
    REQUIRE(sweep().parts == 1);
  }

  store::log_tail append(store::append what) {
    auto got = node.ask<store::append_receipt>(std::move(what));
    INFO((got ? "" : got.error().text));
    REQUIRE(got);
    return got->tail;
  }

  /// Born and ended at once.
  store::append ended(const std::string& log, const std::string& parent = {}) {
    auto what = birth_of(log);
    what.birth->parent.value = parent;
    what.status = store::log_status::completed;
    return what;
  }

  /// As if all that is stored now had happened so many days ago.
  void days_pass(int days) {
    auto ago = " - interval '" + std::to_string(days) + " days'";
    run_sql(db, "update heads set created_at = created_at" + ago
                    + ", ended_at = ended_at" + ago
                    + "; update facts set at = at" + ago);
  }

  store::sweep_options options() const {
    store::sweep_options out;
    out.store.dsn = dsn;
    out.keep = keep;
    return out;
  }

  store::swept sweep() {
    auto done = store::retention_sweep{options()}.run();
    INFO((done ? "" : done.error().text));
    REQUIRE(done);
    return *done;
  }

  std::int64_t number(const std::string& sql) {
    auto rows = run_sql(db, sql);
    REQUIRE(rows.size() == 1);
    return std::stoll(rows.text(0, 0));
  }

  bool exists(const std::string& log) {
    return node.ask<store::log_head>(store::get_head{log_id{log}}).has_value();
  }

  /// What must be true after each transaction of a sweep, wherever it ends.
  void check_whole() {
    CHECK(number("select count(*) from (select distinct log_no from facts) f "
                 "where not exists (select from heads h "
                 "where h.log_no = f.log_no)")
          == 0);
    CHECK(number("select count(*) from heads h where not exists "
                 "(select from facts f where f.log_no = h.log_no)")
          == 0);
    CHECK(number("select count(*) from active w where not exists "
                 "(select from heads h where h.log_no = w.log_no)")
          == 0);
    // Every reference has its log and its body; every body is referred to,
    // or noted.
    CHECK(number("select count(*) from blob_refs r where r.first <> 0 "
                 "and not exists (select from heads h "
                 "where h.log_no = r.log_no)")
          == 0);
    CHECK(number("select count(*) from blob_refs r where r.first <> 0 "
                 "and not exists (select from blobs b where b.hash = r.hash)")
          == 0);
    CHECK(number("select count(*) from blobs b where not exists "
                 "(select from blob_refs r where r.hash = b.hash)")
          == 0);
  }
};

inline store::append with_body(store::append what, const std::string& hash,
                               const std::string& body) {
  what.blobs.push_back({hash, body});
  what.references.resize(what.facts.size());
  what.references.back().push_back(hash);
  return what;
}

/// Begun at 1, anew at 4, in the middle of an append; ends at 5.
inline store::log_tail continued_log(retention_world& it,
                                     const std::string& log) {
  auto tail = it.append(
      with_body(birth_of(log, "1"), hash_of('a'), "of the first life"));
  tail = it.append(
      with_body(next_of(log, tail, "2"), hash_of('b'), "of both lives"));
  auto anew = next_of(log, tail, "3");
  anew.facts.emplace_back("4: begun anew");
  anew.base = 1;
  tail = it.append(with_body(anew, hash_of('b'), "of both lives"));
  return it.append(next_of(log, tail, "5"));
}

} // namespace shannon::test
