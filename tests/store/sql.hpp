#pragma once

#include "actors/store/pg_connection.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <utility>

namespace shannon::test {

/// A connection of the test's own, beside the store.
inline store::pg_connection connect(const std::string& dsn) {
  store::pg_options options;
  options.dsn = dsn;
  auto made = store::pg_connection::open(std::move(options));
  REQUIRE(made);
  return std::move(*made);
}

inline store::pg_rows run_sql(store::pg_connection& db,
                              const std::string& sql) {
  auto done = db.exec(sql);
  INFO(sql << (done ? "" : done.error().text));
  REQUIRE(done);
  return std::move(*done);
}

} // namespace shannon::test
