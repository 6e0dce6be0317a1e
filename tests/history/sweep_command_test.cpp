// The real program deletes from real tables, is killed at it, and what is left
// is whole for all that read it.

#include "tests/history/stored_logs.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

/// As if all that is stored had happened 40 days ago.
void make_old(const std::string& dsn) {
  damage(dsn, "update heads set created_at = created_at - interval '40 days', "
              "ended_at = ended_at - interval '40 days'; "
              "update facts set at = at - interval '40 days'");
}

/// A run whose first life had a big input, and that began anew at version 4 in
/// the middle of an append.
void write_continued(const std::string& dsn) {
  store_node node{dsn};
  REQUIRE(node.claim());
  store::append next;
  next.log = log_id{"task-9"};
  next.birth
      = store::log_birth{"workflow", {}, tenant_id{"t"}, user_id{"u"}, {}};
  auto put = [&] {
    auto got = node.ask<store::append_receipt>(next);
    REQUIRE(got);
    next = {};
    next.log = log_id{"task-9"};
    next.expected = got->tail;
  };
  std::string input(20'000, 'q');
  auto begun = fact_of("run_started { kind: 'workflow' strategy: 'x' }");
  begun.mutable_run_started()->mutable_input()->set_blob(sha256(input));
  begun.mutable_run_started()->mutable_input()->set_size(input.size());
  next.facts = {begun.SerializeAsString()};
  next.blobs = {{sha256(input), input}};
  next.references = {{sha256(input)}};
  put();
  next.facts = {fact_of("noted { }").SerializeAsString()};
  put();
  next.facts = {fact_of("noted { }").SerializeAsString(),
                fact_of("run_continued { kind: 'workflow' strategy: 'x' "
                        "input { inline: 'go on' } }")
                    .SerializeAsString()};
  next.base = 1;
  put();
  next.facts = {fact_of("noted { }").SerializeAsString()};
  put();
}

nlohmann::json swept(const std::string& dsn) {
  auto what = run_shannon({"sweep", "--dsn", dsn, "-o", "json"});
  INFO(what.err);
  REQUIRE(what.code == 0);
  return nlohmann::json::parse(what.out);
}

} // namespace

TEST_CASE("a run that was trimmed is verified, exported and replayed") {
  auto dsn = fresh_database();
  write_continued(dsn);
  auto whole = run_shannon({"verify", "--dsn", dsn});
  CHECK(whole.out == "1 logs, 5 facts, 0 findings\n");
  auto before = run_shannon({"export", "task-9", "--dsn", dsn});
  make_old(dsn);
  auto done = swept(dsn);
  CHECK(done["trimmed"] == 1);
  CHECK(done["appends"] == 2);
  CHECK(done["bodies"] == 1);

  auto verified = run_shannon({"verify", "--dsn", dsn});
  INFO(verified.out << verified.err);
  CHECK(verified.code == 0);
  CHECK(verified.out == "1 logs, 2 facts, 0 findings\n");

  auto exported = run_shannon({"export", "task-9", "--dsn", dsn});
  INFO(exported.err);
  CHECK(exported.code == 0);
  auto first
      = nlohmann::json::parse(exported.out.substr(0, exported.out.find('\n')));
  CHECK(first["base"] == 3);
  CHECK(exported.out.find("run_started") == std::string::npos);
  CHECK(before.out.find("run_started") != std::string::npos);

  std::string file = std::filesystem::temp_directory_path()
                     / ("shannon-trimmed-" + std::to_string(::getpid()));
  std::ofstream{file} << exported.out;
  auto end = run_shannon({"replay", file});
  INFO(end.out << end.err);
  CHECK(end.code == 0);
  auto at_base = run_shannon({"replay", file, "--to", "4"});
  CHECK(at_base.code == 0);
  // What is gone cannot be shown.
  auto gone = run_shannon({"replay", file, "--to", "1"});
  INFO(gone.out);
  CHECK(gone.code == 3);
  CHECK(gone.err.find("version 1 is kept no longer; the log begins at version "
                      "4")
        != std::string::npos);
  std::filesystem::remove(file);
}

TEST_CASE("what a killed sweep leaves is whole, and the next one goes on") {
  auto dsn = fresh_database();
  {
    store_node node{dsn};
    REQUIRE(node.claim());
    std::vector<std::future<result<store::append_receipt>>> all;
    for (int i = 0; i < 400; ++i) {
      auto what = birth_of("task-" + std::to_string(i));
      what.facts = {fact_of("run_started { }").SerializeAsString(),
                    fact_of("run_completed { }").SerializeAsString()};
      what.status = store::log_status::completed;
      // Each body is needed by several.
      auto body = std::string(9'000, 'b') + std::to_string(i % 50);
      what.blobs = {{sha256(body), body}};
      what.references = {{sha256(body)}};
      all.push_back(node.start<store::append_receipt>(what));
    }
    for (auto& one : all)
      REQUIRE(one.get());
  }
  make_old(dsn);
  auto db = store::pg_connection::open({dsn});
  REQUIRE(db);
  auto count = [&](const std::string& table) {
    auto rows = db->exec("select count(*) from " + table);
    REQUIRE(rows);
    return std::stoi(rows->text(0, 0));
  };
  int kills = 0;
  for (int left = count("heads"); count("blobs") != 0;) {
    process one{{SHANNON_BINARY, "sweep", "--dsn", dsn},
                {"SHANNON_RETENTION__BATCH_LOGS=7",
                 "SHANNON_RETENTION__BATCH_PAUSE=1ms"}};
    // Amid logs as long as there are some, then amid bodies.
    auto bodies = count("blobs");
    auto until = std::chrono::steady_clock::now() + 10s;
    while (count("heads") > left - 100 && count("heads") != 0
           && std::chrono::steady_clock::now() < until) {
    }
    while (left == 0 && count("blobs") > bodies - 10
           && std::chrono::steady_clock::now() < until) {
    }
    one.signal(SIGKILL);
    kills += one.wait(10s).code == 128 + SIGKILL;
    left = count("heads");
    auto verified = run_shannon({"verify", "--dsn", dsn});
    INFO(verified.out << verified.err);
    REQUIRE(verified.code == 0);
  }
  CHECK(kills > 2);
  CHECK(count("heads") == 0);
  CHECK(count("facts") == 0);
  CHECK(count("blob_refs where first <> 0") == 0);
}

TEST_CASE("verify finds nothing while a sweep deletes what it reads") {
  auto dsn = fresh_database();
  {
    store_node node{dsn};
    REQUIRE(node.claim());
    std::vector<std::future<result<store::append_receipt>>> all;
    for (int i = 0; i < 600; ++i) {
      auto what = birth_of("task-" + std::to_string(i));
      what.facts = {fact_of("run_started { }").SerializeAsString(),
                    fact_of("run_completed { }").SerializeAsString()};
      what.status = store::log_status::completed;
      all.push_back(node.start<store::append_receipt>(what));
    }
    for (auto& one : all)
      REQUIRE(one.get());
  }
  make_old(dsn);
  process sweeping{
      {SHANNON_BINARY, "sweep", "--dsn", dsn},
      {"SHANNON_RETENTION__BATCH_LOGS=1", "SHANNON_RETENTION__BATCH_PAUSE=0"}};
  int verified = 0;
  std::string last;
  while (last.rfind("0 logs", 0) != 0) {
    auto what = run_shannon({"verify", "--dsn", dsn});
    INFO(what.out << what.err);
    REQUIRE(what.code == 0);
    last = what.out;
    REQUIRE(++verified < 1'000);
  }
  auto done = sweeping.wait(20s);
  INFO(done.err);
  CHECK(done.code == 0);
  CHECK(done.out.find("deleted 600 logs") == 0);
}
