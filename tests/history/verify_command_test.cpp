// The real program against real tables: what a node wrote, then damaged.

#include "tests/history/stored_logs.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

using namespace shannon;
using namespace shannon::test;

namespace {

std::string last_line(const std::string& text) {
  auto end = text.find_last_not_of('\n');
  auto begin = text.rfind('\n', end);
  return text.substr(begin == std::string::npos ? 0 : begin + 1,
                     end - (begin == std::string::npos ? -1 : begin));
}

} // namespace

TEST_CASE("verify says of whole logs that they are, and how many") {
  auto dsn = fresh_database();
  auto none = run_shannon({"verify", "--dsn", dsn});
  CHECK(none.code == 0);
  CHECK(none.out == "0 logs, 0 facts, 0 findings\n");
  write_logs(dsn);
  auto all = run_shannon({"verify", "--dsn", dsn});
  INFO(all.out << all.err);
  CHECK(all.code == 0);
  CHECK(all.out == "4 logs, 605 facts, 0 findings\n");
  auto one = run_shannon({"verify", "task-1", "--dsn", dsn});
  CHECK(one.code == 0);
  CHECK(one.out == "3 logs, 604 facts, 0 findings\n");
  auto named = run_shannon({"verify"}, {"SHANNON_DATABASE_URL=" + dsn});
  CHECK(named.out == all.out);
  auto as_json = run_shannon({"verify", "--dsn", dsn, "-o", "json"});
  auto read = nlohmann::json::parse(as_json.out);
  CHECK(read["logs"] == 4);
  CHECK(read["facts"] == 605);
  CHECK(read["findings"].empty());
}

TEST_CASE("verify finds what was done to the tables and exits with 1") {
  auto dsn = fresh_database();
  write_logs(dsn);
  damage(dsn, "delete from facts where first = 400;"
              "update heads set status = 4 where log_id = 'task-1/a';"
              "update blobs set codec = 0, size = 5, bytes = 'short';"
              "delete from heads where log_id = 'task-2'");
  auto all = run_shannon({"verify", "--dsn", dsn});
  INFO(all.out << all.err);
  CHECK(all.code == 1);
  CHECK(all.out.find("task-1 version 401: version: expected 400, found 401\n")
        != std::string::npos);
  CHECK(all.out.find("task-1 version 1: body: ") != std::string::npos);
  CHECK(all.out.find("task-1/a version 0: head: expected status completed as "
                     "the facts say, found status failed\n")
        != std::string::npos);
  CHECK(all.out.find("task-2 version 0: head: expected a head of the log, "
                     "found none\n")
        != std::string::npos);
  CHECK(last_line(all.out) == "4 logs, 604 facts, 4 findings");

  auto one = run_shannon({"verify", "task-1/a", "--dsn", dsn, "-o", "json"});
  CHECK(one.code == 1);
  auto read = nlohmann::json::parse(one.out);
  CHECK(read["logs"] == 2);
  REQUIRE(read["findings"].size() == 1);
  CHECK(read["findings"][0]["log"] == "task-1/a");
  CHECK(read["findings"][0]["rule"] == "head");
  auto lost = run_shannon({"verify", "task-2", "--dsn", dsn});
  CHECK(lost.code == 1);
  CHECK(last_line(lost.out) == "1 logs, 1 facts, 1 findings");
}

TEST_CASE("verify tells no such log from no database") {
  auto dsn = fresh_database();
  auto log = run_shannon({"verify", "task-9", "--dsn", dsn});
  CHECK(log.code == 3);
  CHECK(log.out.empty());
  CHECK(log.err == "shannon: task-9: no such log\n");
  auto nobody
      = run_shannon({"verify", "--dsn",
                     "host=127.0.0.1 port=" + std::to_string(closed_port())});
  CHECK(nobody.code == 6);
  auto bare
      = run_shannon({"verify", "--dsn",
                     postgres_server::shared().dsn(fresh_database_name())});
  CHECK(bare.code == 6);
  auto folder = run_shannon({"verify", "--data", "/nonexistent"});
  CHECK(folder.code == 6);
  CHECK(folder.err.find("/nonexistent holds no database") != std::string::npos);
}

TEST_CASE("verify reads the database of a data directory, running or not") {
  std::string dir = "/tmp/shannon-verify-XXXXXX";
  REQUIRE(::mkdtemp(dir.data()) != nullptr);
  store::private_postgres_options options;
  options.dir = dir;
  options.ends_with_parent = true;
  {
    auto server = store::private_postgres::start(options);
    REQUIRE(server);
    REQUIRE(store::migrate(server->dsn()));
    write_logs(server->dsn());
    auto running = run_shannon({"verify", "--data", dir});
    INFO(running.err);
    CHECK(running.out == "4 logs, 605 facts, 0 findings\n");
    // It was read, not taken over: the server still answers.
    CHECK(store::check_database(server->dsn()));
  }
  auto stopped = run_shannon({"verify", "--data", dir});
  INFO(stopped.err);
  CHECK(stopped.code == 0);
  CHECK(stopped.out == "4 logs, 605 facts, 0 findings\n");
  CHECK_FALSE(std::filesystem::exists(dir + "/postgres/postmaster.pid"));
  std::filesystem::remove_all(dir);
}
