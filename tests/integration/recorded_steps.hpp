#pragma once

#include "actors/store/log_queries.hpp"
#include "actors/store/pg_connection.hpp"
#include "protocols/facts/run.pb.h"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace shannon::test {

inline std::int64_t unix_us(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

/// When each step was recorded, by attempt key, as the store reads it.
inline std::map<std::string, std::int64_t>
recorded_steps(const std::string& dsn) {
  static const store::pg_statement logs{"test_logs",
                                        "select log_id from heads"};
  std::map<std::string, std::int64_t> steps;
  auto db = store::pg_connection::open({dsn});
  REQUIRE(db);
  auto rows = db->run(logs, {});
  REQUIRE(rows);
  for (int i = 0; i < rows->size(); ++i) {
    auto log = rows->text(i, 0);
    auto page = store::read_page(*db, {log_id{log}, 0, store::facts_max});
    REQUIRE(page);
    for (const auto& recorded : page->facts) {
      facts::Fact fact;
      REQUIRE(fact.ParseFromString(recorded.bytes));
      if (!fact.has_step_completed())
        continue;
      const auto& step = fact.step_completed();
      std::string place;
      if (!step.step().scope().empty())
        place = step.step().scope() + "/";
      place
          += step.step().key() + "#" + std::to_string(step.step().occurrence());
      auto key = log + "/" + place + "/" + std::to_string(step.attempt());
      // A step is recorded once, whatever happened.
      CHECK(steps.count(key) == 0);
      // The database's own word: what the fact says itself is by a clock that
      // is late by what the database's answers take.
      steps[key] = unix_us(recorded.at);
    }
  }
  return steps;
}

} // namespace shannon::test
