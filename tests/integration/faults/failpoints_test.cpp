// What holds for failpoints by themselves; what nodes do at them is for storms.

#include "tests/kit/postgres_fixture.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>
#include <string>

using namespace shannon::test;

namespace {

bool holds(const char* program, const std::string& text) {
  std::ifstream file{program, std::ios::binary};
  REQUIRE(file);
  std::stringstream all;
  all << file.rdbuf();
  return all.str().find(text) != std::string::npos;
}

outcome migrate(const std::string& dsn, const std::string& order) {
  process run{{SHANNON_FAILPOINTS_BINARY, "migrate", "apply", "--dsn", dsn},
              {"SHANNON_FAILPOINTS=" + order}};
  return run.wait();
}

} // namespace

TEST_CASE("the executable that is shipped has no failpoints") {
  for (const auto* text : {"SHANNON_FAILPOINTS", "log.committed", "run.told"}) {
    INFO(text);
    CHECK(holds(SHANNON_FAILPOINTS_BINARY, text));
    CHECK_FALSE(holds(SHANNON_BINARY, text));
  }
}

TEST_CASE("an order that cannot be read is refused, not passed over") {
  auto dsn = postgres_server::shared().dsn(fresh_database_name());
  for (const auto* order :
       {"migration.commits", "migration.commits=die@1",
        "migration.commits=kill@0", "migration.commits=kill"}) {
    auto end = migrate(dsn, order);
    INFO(order << "\n" << end.err);
    CHECK(end.code == 2);
    CHECK(end.err.find(order) != std::string::npos);
  }
}

TEST_CASE("migrations that are killed before any commit go on at the next "
          "start") {
  auto dsn = postgres_server::shared().dsn(fresh_database_name());
  int kills = 0;
  // Each takes one step, and dies in the one after it.
  for (;;) {
    auto end = migrate(dsn, "migration.commits=kill@2");
    INFO(end.out << end.err);
    if (end.code == 0)
      break;
    REQUIRE(end.code == 128 + SIGKILL);
    REQUIRE(++kills < 100);
  }
  CHECK(kills > 5);
  auto status = run_shannon({"migrate", "status", "--dsn", dsn});
  INFO(status.out << status.err);
  CHECK(status.code == 0);
  CHECK(run_shannon({"verify", "--dsn", dsn}).code == 0);
}
