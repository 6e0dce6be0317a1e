// What an operator does with runs, by the real program against a real node.

#include "actors/store/pg_connection.hpp"
#include "tests/nodes/own_node.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <functional>
#include <map>

using namespace std::chrono_literals;
using namespace shannon::test;
using nlohmann::json;

namespace {

/// A node, and commands that look after its runs.
struct fixture : own_node {
  outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", data});
    return run_shannon(std::move(arguments),
                       {"SHANNON_DATABASE_URL=", "SHANNON_ADMIN_URL="});
  }

  std::string submit(const std::string& task) {
    auto what = client({"submit", task, "--wait", "-o", "json"});
    INFO(what.err);
    REQUIRE(what.code == 0);
    return json::parse(what.out)["task_id"].get<std::string>();
  }

  std::string file(const std::string& name) const {
    return data + "/" + name;
  }
};

} // namespace

TEST_CASE("what ran can be carried away and looked at elsewhere") {
  fixture it;
  it.start();
  auto task = it.submit("What is 17 * 23?");
  auto file = it.file("task.jsonl");
  auto what = it.run({"export", task, "--tree", "--out", file});
  INFO(what.err);
  REQUIRE(what.code == 0);
  CHECK(what.err.find(task + "/agent-") != std::string::npos);

  // From the file alone, with no node and no database.
  auto end = run_shannon({"replay", file});
  INFO(end.out << end.err);
  CHECK(end.code == 0);
  CHECK(end.out.find("workflow task, completed") != std::string::npos);
  auto early = run_shannon({"replay", file, "--to", "1", "--json"});
  CHECK(early.code == 0);
  auto at = json::parse(early.out);
  CHECK(at["phase"] == "running");
  CHECK(at["version"] == 1);
  CHECK(at["program_known"] == true);
  // The plan, and beside it a title for the session.
  std::map<std::string, json> starts;
  for (const auto& one : at["next"]["start"])
    starts[one["step"]] = one;
  REQUIRE(starts.size() == 2);
  CHECK(starts.count("title/ask#1") == 1);
  CHECK(starts["plan#1"]["effect"] == "llm");
  CHECK(starts["plan#1"]["input"]["purpose"] == "plan");

  // The same from the database.
  auto stored = it.run({"replay", task, "--to", "1", "--json"});
  CHECK(stored.out == early.out);

  // This build decides what it recorded, the task's log and its agent's.
  auto each = run_shannon({"replay", file, "--each"});
  INFO(each.out);
  CHECK(each.code == 0);
  CHECK(std::count(each.out.begin(), each.out.end(), '\n') == 2);
  CHECK(each.out.find("no difference") != std::string::npos);

  auto shared = it.run({"export", task, "--redact"});
  CHECK(shared.code == 0);
  CHECK(shared.out.find("17 * 23") == std::string::npos);
  std::ofstream{it.file("shared.jsonl")} << shared.out;
  auto bare = run_shannon({"replay", it.file("shared.jsonl")});
  INFO(bare.out << bare.err);
  CHECK(bare.code == 0);
  CHECK(bare.out.find("texts and bodies were taken out") != std::string::npos);

  auto why = it.run({"why", task});
  CHECK(why.code == 0);
  CHECK(why.out.find("has ended: completed") != std::string::npos);
  CHECK(it.run({"verify"}).code == 0);
  CHECK(it.stop().code == 0);

  // Without a node the database still tells.
  why = it.run({"why", task});
  INFO(why.err);
  CHECK(why.code == 0);
  CHECK(why.out.find("has ended: completed") != std::string::npos);
}

TEST_CASE("a file that is none is refused by line") {
  fixture it;
  auto file = it.file("odd.jsonl");
  std::ofstream{file} << "PGDMP\n";
  auto what = run_shannon({"replay", file});
  CHECK(what.code == 2);
  CHECK(what.out.empty());
  CHECK(what.err.find(file + ": line 1: expected ") != std::string::npos);
  CHECK(run_shannon({"replay"}).code == 2);
  CHECK(run_shannon({"replay", file, "--to", "0"}).code == 2);
}

TEST_CASE("commands tell no such run from no node") {
  fixture it;
  it.start();
  for (auto command :
       std::vector<std::vector<std::string>>{{"signal", "task-9", "go"},
                                             {"resume", "task-9"},
                                             {"retry", "task-9"},
                                             {"why", "task-9"},
                                             {"replay", "task-9"},
                                             {"export", "task-9"}}) {
    auto what = it.run(command);
    INFO(command.front() << " " << what.err);
    CHECK(what.code == 3);
    CHECK(what.err.find("task-9") != std::string::npos);
  }
  auto task = it.submit("What is 2 + 2?");
  for (auto command : std::vector<std::vector<std::string>>{
           {"signal", task, "go"}, {"resume", task}, {"retry", task}}) {
    auto what = it.run(command);
    INFO(command.front() << " " << what.err);
    CHECK(what.code == 1);
    CHECK(what.err.find(task) != std::string::npos);
  }
  CHECK(it.stop().code == 0);
  for (auto command : std::vector<std::vector<std::string>>{
           {"signal", task, "go"}, {"resume", task}, {"retry", task}}) {
    auto what = it.run(command);
    INFO(command.front() << " " << what.err);
    CHECK(what.code == 6);
    CHECK(what.err.find("no node runs on " + it.data) != std::string::npos);
  }
  CHECK(run_shannon({"signal", task, "go", "--payload", "@/nonexistent"}).code
        == 2);
}

TEST_CASE("sweep deletes what has ended long ago, beside a node that runs") {
  fixture it;
  it.start();
  auto old = it.submit("What is 17 * 23?");
  auto young = it.submit("What is 6 * 7?");
  auto told = it.run({"sweep", "--dry-run", "-o", "json"});
  INFO(told.err);
  REQUIRE(told.code == 0);
  CHECK(json::parse(told.out)["logs"] == 0);
  {
    shannon::store::pg_options options;
    options.dsn = "host='" + it.data + "/postgres' user=shannon dbname=shannon";
    auto db = shannon::store::pg_connection::open(std::move(options));
    REQUIRE(db);
    REQUIRE(db->exec("update heads set created_at = created_at - interval "
                     "'40 days', ended_at = ended_at - interval '40 days' "
                     "where log_id like '"
                     + old + "%'"));
  }
  told = it.run({"sweep", "--dry-run"});
  CHECK(told.out.find("would delete 2 logs, 0 trimmed") == 0);
  CHECK(it.client({"show", old}).code == 0);
  auto swept = it.run({"sweep", "-o", "json"});
  INFO(swept.err);
  REQUIRE(swept.code == 0);
  auto done = json::parse(swept.out);
  CHECK(done["logs"] == 2); // The task's and its agent's.
  CHECK(done["bodies"] > 0);
  CHECK(it.client({"show", old}).code == 3);
  CHECK(it.run({"why", old}).code == 3);
  CHECK(it.run({"export", old}).code == 3);
  CHECK(it.client({"show", young}).code == 0);
  CHECK(it.client({"list"}).out.find(old) == std::string::npos);
  auto verified = it.run({"verify"});
  INFO(verified.out);
  CHECK(verified.code == 0);
  // What is done is still whole after the next one starts.
  it.submit("What is 2 + 2?");
  CHECK(it.run({"sweep"}).out.find("deleted 0 logs") == 0);
  CHECK(it.stop().code == 0);
  // The settings are those a node would have.
  auto refused = run_shannon({"sweep", "--data", it.data},
                             {"SHANNON_RETENTION__KEEP_ENDED=5m"});
  CHECK(refused.code == 2);
  CHECK(refused.err.find("at least 1h") != std::string::npos);
}
