// The real program against real tables: what it carries away.

#include "actors/workflow/history/export_format.hpp"
#include "tests/history/stored_logs.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

using namespace shannon;
using namespace shannon::test;

namespace {

std::vector<history::exported_log> read(const std::string& text) {
  std::istringstream in{text};
  auto got = history::read_logs(in);
  INFO((got ? "" : got.error().text));
  REQUIRE(got);
  return std::move(*got);
}

std::string content(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("export writes a log that reads back as it is stored") {
  auto dsn = fresh_database();
  write_logs(dsn);
  auto what = run_shannon({"export", "task-1", "--dsn", dsn});
  INFO(what.err);
  CHECK(what.code == 0);
  CHECK(what.err == "task-1: 600 facts, 1 bodies\n");
  auto logs = read(what.out);
  REQUIRE(logs.size() == 1);
  const auto& log = logs.front();
  CHECK(log.header.log.value == "task-1");
  CHECK(log.header.birth.kind == "workflow");
  CHECK(log.header.birth.tenant.value == "t");
  CHECK(log.header.status == store::log_status::running);
  CHECK_FALSE(log.header.redacted);
  CHECK(log.facts.size() == static_cast<std::size_t>(long_facts));
  CHECK(log.facts.front().epoch > 0);
  CHECK(log.facts.front().recorded_us > 1'700'000'000'000'000);
  REQUIRE(log.bodies.size() == 1);
  CHECK(log.bodies.begin()->second == std::string(20'000, 'q'));
}

TEST_CASE("export --tree takes along what a run started, into a file") {
  auto dsn = fresh_database();
  write_logs(dsn);
  auto file = std::filesystem::temp_directory_path()
              / ("shannon-export-" + std::to_string(::getpid()) + ".jsonl");
  auto what = run_shannon(
      {"export", "task-1", "--tree", "--out", file.string(), "--dsn", dsn});
  INFO(what.err);
  CHECK(what.code == 0);
  CHECK(what.out.empty());
  auto logs = read(content(file));
  std::filesystem::remove(file);
  REQUIRE(logs.size() == 3);
  CHECK(logs[0].header.log.value == "task-1");
  CHECK(logs[1].header.log.value == "task-1/a");
  CHECK(logs[1].header.birth.parent.value == "task-1");
  CHECK(logs[1].header.status == store::log_status::completed);
  CHECK(logs[2].header.log.value == "task-1/a/b");
}

TEST_CASE("export --redact tells how a run went and not what was said") {
  auto dsn = fresh_database();
  write_logs(dsn);
  auto what
      = run_shannon({"export", "task-1", "--tree", "--redact", "--dsn", dsn});
  INFO(what.err);
  CHECK(what.code == 0);
  CHECK(what.out.find("qqqq") == std::string::npos);
  CHECK(what.out.find("my own words") == std::string::npos);
  auto logs = read(what.out);
  REQUIRE(logs.size() == 3);
  CHECK(logs[0].header.redacted);
  CHECK(logs[0].header.birth.tenant.value.starts_with("<1 bytes, "));
  CHECK(logs[0].bodies.empty());
  facts::Fact first;
  REQUIRE(first.ParseFromString(logs[0].facts[0].bytes));
  CHECK(first.run_started().input().size() == 20'000);
  CHECK(first.event().type() == "TESTED");
}

TEST_CASE("export says when a log is damaged, and writes it as it is") {
  auto dsn = fresh_database();
  write_logs(dsn);
  damage(dsn, "delete from facts where first = 400");
  auto what = run_shannon({"export", "task-1", "--dsn", dsn});
  CHECK(what.code == 1);
  CHECK(what.err.find("task-1: version 401 is not what was written")
        != std::string::npos);
  std::istringstream in{what.out};
  auto got = history::read_logs(in);
  REQUIRE_FALSE(got);
  CHECK(got.error().text
        == "line 401: expected version 400, found version 401");
}

TEST_CASE("export tells no such log from no database and no such folder") {
  auto dsn = fresh_database();
  CHECK(run_shannon({"export", "task-9", "--dsn", dsn}).code == 3);
  CHECK(run_shannon({"export", "task-9", "--dsn",
                     "host=127.0.0.1 port=" + std::to_string(closed_port())})
            .code
        == 6);
  CHECK(run_shannon({"export"}).code == 2);
  write_logs(dsn);
  auto what = run_shannon(
      {"export", "task-1", "--out", "/nonexistent/file", "--dsn", dsn});
  CHECK(what.code == 1);
  CHECK(what.err == "shannon: /nonexistent/file cannot be written\n");
}
