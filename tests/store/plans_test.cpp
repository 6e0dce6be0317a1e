// What Postgres makes of the statements that append, when it has seen nothing
// but empty tables: that is when a planner is wrong, and it keeps its plan.

#include "actors/store/append_group.hpp"
#include "actors/store/group_statements.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::store {

namespace {

using test::connect;
using test::run_sql;
using what = part_statements::what;

/// The highest `$n`.
int parameters_of(std::string_view sql) {
  int highest = 0;
  for (auto at = sql.find('$'); at != std::string_view::npos;
       at = sql.find('$', at + 1))
    highest = std::max(highest, std::atoi(sql.data() + at + 1));
  return highest;
}

std::vector<std::string> plan_of(pg_connection& db, const pg_statement& one) {
  std::string name = one.name;
  run_sql(db, "prepare " + name + " as " + one.sql);
  std::string nulls;
  for (int i = 0; i < parameters_of(one.sql); ++i)
    nulls += i == 0 ? "null" : ", null";
  auto rows = run_sql(db, "explain (costs off) execute " + name + "(" + nulls
                              + ")");
  std::vector<std::string> lines;
  for (int i = 0; i < rows.size(); ++i)
    lines.push_back(rows.text(i, 0));
  return lines;
}

void check_look_ups(const char* name, const std::vector<std::string>& lines) {
  int look_ups = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    INFO(name << ": " << lines[i]);
    CHECK(lines[i].find("Seq Scan") == std::string::npos);
    if (lines[i].find("Index") == std::string::npos
        || lines[i].find("Scan using") == std::string::npos)
      continue;
    ++look_ups;
    REQUIRE(i + 1 < lines.size());
    CHECK(lines[i + 1].find("Index Cond") != std::string::npos);
  }
  CHECK(look_ups > 0);
}

} // namespace

TEST_CASE("in a new database an append looks up single rows only") {
  auto db = connect(test::fresh_database());
  run_sql(db, writer_settings);
  part_statements all{0};
  for (const auto& one :
       {all.of_one(what::extend), all.of_one(what::bear),
        all.of_one(what::change), all.of_many(what::extend),
        all.of_many(what::bear), all.of_many(what::change),
        all.of_many(what::keep)})
    check_look_ups(one.name, plan_of(db, one));
}

} // namespace shannon::store
