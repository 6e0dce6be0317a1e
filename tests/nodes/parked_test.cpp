// Runs that stand still for a person, and how an operator mends them: the real
// program over logs that another build left behind.

#include "actors/store/migrations.hpp"
#include "actors/store/private_postgres.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "tests/nodes/own_node.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <functional>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

facts::Fact begun(const std::string& query) {
  remote::TaskInput input;
  input.set_query(query);
  input.set_agents_max(8);
  input.set_tenant("default");
  facts::Fact fact;
  fact.set_at_us(1'700'000'000'000'000);
  fact.mutable_event()->set_type("WORKFLOW_STARTED");
  auto& start = *fact.mutable_run_started();
  start.set_kind("workflow");
  start.set_strategy("task");
  start.mutable_input()->set_inline_(input.SerializeAsString());
  return fact;
}

/// A plan that was made for another input than this build asks for.
facts::Fact planned() {
  facts::Fact fact;
  fact.set_at_us(1'700'000'000'100'000);
  fact.mutable_event()->set_type("PROGRESS");
  auto& step = *fact.mutable_step_completed();
  step.mutable_step()->set_key("plan");
  step.mutable_step()->set_occurrence(1);
  step.set_effect("llm");
  step.set_attempt(1);
  step.set_input_hash("another input...");
  step.mutable_output()->set_inline_("");
  return fact;
}

facts::Fact parked(const std::string& reason) {
  facts::Fact fact;
  fact.set_at_us(1'700'000'000'200'000);
  fact.mutable_event()->set_type("WORKFLOW_PARKED");
  fact.mutable_run_parked()->set_reason(reason);
  return fact;
}

/// A node over a database in which `facts` are a task's log already.
struct fixture : own_node {
  explicit fixture(const std::vector<facts::Fact>& facts,
                   store::log_status status) {
    store::private_postgres_options options;
    options.dir = data;
    options.ends_with_parent = true;
    auto server = store::private_postgres::start(options);
    REQUIRE(server);
    REQUIRE(store::migrate(server->dsn()));
    store_node writer{server->dsn()};
    REQUIRE(writer.claim());
    store::append log;
    log.log = log_id{task};
    log.birth = store::log_birth{"workflow", {}, tenant_id{"default"}, {}, {}};
    for (const auto& fact : facts) {
      log.facts.push_back(fact.SerializeAsString());
      log.references.emplace_back();
    }
    log.status = status;
    REQUIRE(writer.ask<store::append_receipt>(std::move(log)));
  }

  outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", data});
    return run_shannon(std::move(arguments),
                       {"SHANNON_DATABASE_URL=", "SHANNON_ADMIN_URL="});
  }

  /// Until the node shows this state.
  bool becomes(const std::string& status) {
    auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until) {
      auto shown = client({"show", task, "-o", "json"});
      if (shown.code == 0
          && json::parse(shown.out)["task"]["status"]
                 == "TASK_STATUS_" + status)
        return true;
    }
    return false;
  }

  json why() {
    auto what = run({"why", task, "--json"});
    INFO(what.err);
    REQUIRE(what.code == 0);
    return json::parse(what.out);
  }

  bool is_parked() {
    auto until = std::chrono::steady_clock::now() + 20s;
    while (std::chrono::steady_clock::now() < until)
      if (why()["status"] == "needs_operator")
        return true;
    return false;
  }

  const std::string task = "task-left-behind";
};

} // namespace

TEST_CASE("a run that asks for something else is parked, told why and mended") {
  fixture it{{begun("What is 17 * 23?"), planned()},
             store::log_status::running};
  // Before any node has it, this build says what will happen.
  auto replay = it.run({"replay", it.task});
  INFO(replay.out << replay.err);
  CHECK(replay.code == 1);
  CHECK(replay.out.find("mismatch  plan#1\n") != std::string::npos);

  it.start();
  REQUIRE(it.is_parked());
  auto why = it.why();
  CHECK(why["parked_at"] == "plan#1");
  CHECK(why["because"].get<std::string>().find("plan#1") != std::string::npos);
  auto text = it.run({"why", it.task});
  INFO(text.out);
  CHECK(text.out.find("is parked") != std::string::npos);
  CHECK(text.out.find("recorded  ") != std::string::npos);
  CHECK(text.out.find("asked     ") != std::string::npos);
  CHECK(text.out.find("shannon retry " + it.task + " --step plan#1")
        != std::string::npos);

  // A signal is kept meanwhile.
  auto signal = it.run({"signal", it.task, "note", "--payload", "hello"});
  INFO(signal.err);
  CHECK(signal.code == 0);

  // The cause is still there: it goes on, and parks again.
  auto resumed = it.run({"resume", it.task, "--reason", "let us see"});
  INFO(resumed.err);
  CHECK(resumed.code == 0);
  REQUIRE(it.is_parked());

  auto retried = it.run({"retry", it.task, "--reason", "plan it anew"});
  INFO(retried.err);
  CHECK(retried.code == 0);
  CHECK(retried.err.find("plan#1") != std::string::npos);
  CHECK(it.becomes("COMPLETED"));
  auto shown = it.client({"show", it.task});
  CHECK(shown.out.find("391") != std::string::npos);

  auto log = it.run({"export", it.task});
  CHECK(log.out.find("\"run_resumed\"") != std::string::npos);
  CHECK(log.out.find("plan it anew") != std::string::npos);
  CHECK(log.out.find("\"signal_received\"") != std::string::npos);
  auto verified = it.run({"verify"});
  INFO(verified.out);
  CHECK(verified.code == 0);
  CHECK(it.run({"resume", it.task}).code == 1);
}

TEST_CASE("a parked run whose cause is gone goes on when it is resumed") {
  fixture it{{begun("What is 17 * 23?"), parked("the database was full")},
             store::log_status::needs_operator};
  // The database alone tells.
  auto before = it.why();
  CHECK(before["status"] == "needs_operator");
  CHECK(before["because"] == "the database was full");
  CHECK(before["live"].is_null());
  it.start();
  REQUIRE(it.is_parked());
  auto retried = it.run({"retry", it.task});
  CHECK(retried.code == 1);
  CHECK(retried.err.find("is not parked at a step") != std::string::npos);
  auto resumed = it.run({"resume", it.task});
  INFO(resumed.err);
  CHECK(resumed.code == 0);
  CHECK(it.becomes("COMPLETED"));
  CHECK(it.run({"verify"}).code == 0);
}
