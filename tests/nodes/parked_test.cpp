// Runs that stand still for a person, and how an operator mends them: the real
// program over logs that another build left behind.

#include "actors/store/migrations.hpp"
#include "actors/store/private_postgres.hpp"
#include "nodes/commands/api_client.hpp"
#include "protocols/accounts.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "tests/nodes/own_node.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <functional>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using nlohmann::json;

namespace {

facts::Fact begun(const std::string& query, const std::string& mode = {}) {
  remote::TaskInput input;
  input.set_mode(mode);
  input.set_query(query);
  input.set_agents_max(8);
  input.set_tenant(accounts::first_tenant);
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

/// The only part of a simple task, as an agent got it.
facts::Fact briefed(const std::string& query) {
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task(query);
  brief.set_query(query);
  brief.set_iterations_max(25);
  brief.set_conversation_bytes_max(512 * 1024);
  facts::Fact fact;
  fact.set_at_us(1'700'000'000'100'000);
  fact.mutable_event()->set_type("AGENT_STARTED");
  auto& start = *fact.mutable_run_started();
  start.set_kind("agent");
  start.set_strategy("loop");
  start.mutable_input()->set_inline_(brief.SerializeAsString());
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
  struct left_log {
    std::vector<facts::Fact> facts;
    store::log_status status = store::log_status::running;
    std::string agent; ///< Empty: the task's own log.
  };

  explicit fixture(const std::vector<left_log>& logs) {
    store::private_postgres_options options;
    options.dir = data;
    options.ends_with_parent = true;
    auto server = store::private_postgres::start(options);
    REQUIRE(server);
    REQUIRE(store::migrate(server->dsn()));
    store_node writer{server->dsn()};
    // A life before of the node that is started: it need not wait for a lease.
    writer.cluster = "local";
    REQUIRE(writer.claim("local"));
    for (const auto& one : logs) {
      store::append log;
      auto is_task = one.agent.empty();
      log.log = log_id{is_task ? task : task + "/" + one.agent};
      log.birth = store::log_birth{is_task ? "workflow" : "agent",
                                   log_id{is_task ? "" : task},
                                   tenant_id{accounts::first_tenant},
                                   {},
                                   {}};
      for (const auto& fact : one.facts) {
        log.facts.push_back(fact.SerializeAsString());
        log.references.emplace_back();
      }
      log.status = one.status;
      REQUIRE(writer.ask<store::append_receipt>(std::move(log)));
    }
  }

  outcome run(std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", data});
    return run_shannon(std::move(arguments),
                       {"SHANNON_DATABASE_URL=", "SHANNON_ADMIN_URL="});
  }

  json admin(const std::string& path) {
    std::ifstream noted{data + "/node.json"};
    auto where = commands::parse_server_url(
        json::parse(noted)["admin"].get<std::string>());
    REQUIRE(where);
    auto got = commands::api_client{*where, {}}.get(path);
    REQUIRE(got);
    return *got;
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

  json why(const std::string& agent = {}) {
    auto what = run({"why", task + agent, "--json"});
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
  fixture it{{{{begun("What is 17 * 23?"), planned()}}}};
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
  CHECK(text.out.find("nothing by itself: a person mends it")
        != std::string::npos);
  CHECK(text.out.find("; its lease holds, for ") != std::string::npos);
  auto open = it.admin("/debug/workflows?phase=parked");
  REQUIRE(open["workflows"].size() == 1);
  CHECK(open["workflows"][0]["log"] == it.task);
  CHECK(open["workflows"][0]["owner"]["process"] == "local#2");
  CHECK(open["workflows"][0]["owner"]["lease_holds"] == true);
  CHECK(open["workflows"][0]["waits_for"].get<std::string>().find("plan#1")
        != std::string::npos);
  CHECK(it.admin("/debug/workflows?phase=rests")["workflows"].empty());
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
  fixture it{{{{begun("What is 17 * 23?"), parked("the database was full")},
               store::log_status::needs_operator}}};
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

TEST_CASE("an agent that is parked holds up its task until it is resumed") {
  fixture it{{{{begun("What is 17 * 23?", "simple")}},
              {{briefed("What is 17 * 23?"), parked("the disk was full")},
               store::log_status::needs_operator,
               "agent-1"}}};
  it.start();
  auto until = std::chrono::steady_clock::now() + 20s;
  auto waits = it.why()["waits"];
  while ((waits.empty() || waits[0]["parked"] == "")
         && std::chrono::steady_clock::now() < until)
    waits = it.why()["waits"];
  REQUIRE(waits.size() == 1);
  CHECK(waits[0]["key"] == "1/agent#1");
  CHECK(waits[0]["run"] == it.task + "/agent-1");
  CHECK(waits[0]["parked"] == "the disk was full");
  CHECK(it.why("/agent-1")["status"] == "needs_operator");

  auto resumed = it.run({"resume", it.task + "/agent-1"});
  INFO(resumed.err);
  CHECK(resumed.code == 0);
  CHECK(it.becomes("COMPLETED"));
  CHECK(it.run({"verify"}).code == 0);
}
