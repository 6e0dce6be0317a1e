// The real program against real tables: what a node wrote, then damaged.

#include "tests/history/stored_logs.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <chrono>

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

namespace {

std::int64_t soon_us(std::chrono::seconds in) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             (std::chrono::system_clock::now() + in).time_since_epoch())
      .count();
}

/// A run that sleeps, and one whose agent has ended and owes that.
void write_waiting(const std::string& dsn) {
  store_node node{dsn};
  REQUIRE(node.claim());
  auto put = [&](const std::string& log, const std::string& parent,
                 const std::vector<facts::Fact>& facts, auto more) {
    store::append what;
    what.log = log_id{log};
    what.birth = store::log_birth{parent.empty() ? "workflow" : "agent",
                                  log_id{parent},
                                  tenant_id{"t"},
                                  {},
                                  {}};
    for (const auto& fact : facts)
      what.facts.push_back(fact.SerializeAsString());
    more(what);
    REQUIRE(node.ask<store::append_receipt>(std::move(what)));
  };
  auto due_us = soon_us(std::chrono::hours{1});
  auto timer = fact_of("timer_set { step { key: 'nap' occurrence: 1 } }");
  timer.mutable_timer_set()->set_due_at_us(due_us);
  put("sleeper", "", {fact_of("run_started { }"), timer}, [&](auto& what) {
    what.schedule
        = store::log_schedule{true, std::chrono::system_clock::time_point{
                                        std::chrono::microseconds{due_us}}};
  });
  put("p", "",
      {fact_of("run_started { }"),
       fact_of("child_progressed { child: 'p/a' child_version: 1 }")},
      [](auto&) {});
  put("p/a", "p",
      {fact_of("run_started { }"), fact_of("noted { }"),
       fact_of("run_completed { }")},
      [](auto& what) {
        what.status = store::log_status::completed;
        what.owes_end = true;
      });
  put("done", "", {fact_of("run_started { }"), fact_of("run_completed { }")},
      [](auto& what) {
        what.status = store::log_status::completed;
        facts::Summary all;
        all.set_ended_at_us(fact_of("run_completed { }").at_us());
        what.summary = all.SerializeAsString();
      });
}

} // namespace

TEST_CASE("verify sees what rows say of runs that wait and of ends that are "
          "owed") {
  struct defect {
    std::string sql;
    std::string line;
  };
  auto later = "update heads set created_at = now() + interval '2 hours' "
               "where log_id = 'done'";
  auto one = GENERATE_COPY(values<defect>({
      {"", ""},
      {later, "sleeper version 0: timer: expected a wake-up at "},
      {later, "p/a version 0: child: expected its end heard within 150 s"},
      {"delete from active where log_id = 'sleeper'",
       "sleeper version 0: head: expected a row among what has not ended"},
      {"update active set wake_at = wake_at + interval '1 minute'",
       "sleeper version 0: timer: expected a wake-up when something recorded"},
      {"insert into active (log_no, idle, log_id, kind) select log_no, false, "
       "log_id, kind from heads where log_id = 'done'",
       "done version 0: head: expected no row among what has not ended"},
      {"delete from active where log_id = 'p/a'",
       "p version 0: child: expected version 2 of p/a, which has ended and "
       "tells no more, found version 1 as the last"},
      {"update heads set parent = 'other' where log_id = 'p/a'",
       "p version 0: child: expected p/a with this log as its parent, found "
       "other"},
      {"delete from facts using heads h where facts.log_no = h.log_no and "
       "h.log_id = 'p/a'; delete from heads where log_id = 'p/a'",
       "p version 0: child: expected a log p/a, which this one has heard, "
       "found none"},
      {"update heads set summary = '\\xff' where log_id = 'done'",
       "done version 0: head: expected a summary, found bytes that are none"},
  }));
  auto dsn = fresh_database();
  write_waiting(dsn);
  if (!one.sql.empty())
    damage(dsn, one.sql);
  auto all = run_shannon({"verify", "--dsn", dsn});
  INFO(one.sql << "\n" << all.out << all.err);
  CHECK(all.code == (one.line.empty() ? 0 : 1));
  CHECK(all.out.find(one.line) != std::string::npos);
}

TEST_CASE("verify sees a step that is recorded twice, and an epoch that goes "
          "back") {
  auto dsn = fresh_database();
  store_node node{dsn};
  REQUIRE(node.claim());
  auto put = [&](const std::string& log, const std::vector<std::string>& texts,
                 store::log_tail expected) {
    store::append what;
    what.log = log_id{log};
    what.expected = expected;
    if (expected.version == 0)
      what.birth = store::log_birth{"workflow", {}, tenant_id{"t"}, {}, {}};
    for (const auto& text : texts)
      what.facts.push_back(fact_of(text).SerializeAsString());
    auto got = node.ask<store::append_receipt>(std::move(what));
    REQUIRE(got);
    return got->tail;
  };
  const std::string step = "step_completed { step { key: 'get' occurrence: 1 } "
                           "attempt: 1 output { inline: 'y' } }";
  put("twice", {"run_started { }", step, step}, {});
  put("back", {"noted { }"}, put("back", {"run_started { }"}, {}));
  damage(dsn, "update facts f set epoch = 0 from heads h where "
              "f.log_no = h.log_no and h.log_id = 'back' and f.first = 2");
  auto all = run_shannon({"verify", "--dsn", dsn});
  INFO(all.out << all.err);
  CHECK(all.code == 1);
  CHECK(all.out.find("twice version 3: step: ") != std::string::npos);
  CHECK(all.out.find("back version 2: epoch: ") != std::string::npos);
  CHECK(last_line(all.out) == "2 logs, 5 facts, 2 findings");
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
