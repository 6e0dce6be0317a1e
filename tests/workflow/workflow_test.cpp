// WORKFLOW and AGENT over a store in memory, on one thread with virtual time:
// what they say, and how they come back when they are killed.

#include "actors/kit/bytes_text.hpp"
#include "actors/workflow/engine/events.hpp"
#include "protocols/sessions.hpp"
#include "tests/workflow/workflow_world.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using namespace shannon;
using namespace shannon::test;

TEST_CASE_METHOD(workflow_world,
                 "a task is accepted once stored, and answered") {
  auto accepted = submit("t1");
  REQUIRE(accepted);
  CHECK_FALSE(accepted->existed());
  advance(5s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(summary("t1").result() == "the answer");
  CHECK(summary("t1").usage().input_tokens() == 30);
  CHECK(summary("t1").models(0).executions() == 3);
  CHECK(status("t1/agent-1") == store::log_status::completed);
  for (const auto& [key, count] : far.calls)
    CHECK(count == 1);
  // Both actors have retired: nothing but rows is left.
  CHECK(addresses.find({"workflow/t1"}) == addresses.find({"workflow"}));
}

TEST_CASE_METHOD(workflow_world, "what an agent that failed has cost is its "
                                 "task's cost") {
  far.fails_at_turn = 2;
  REQUIRE(submit("t1"));
  advance(5s);
  CHECK(status("t1/agent-1") == store::log_status::failed);
  CHECK(status("t1") == store::log_status::failed);
  CHECK(summary("t1").error() == "the model says no");
  CHECK(summary("t1").usage().input_tokens() == 20);
  CHECK(summary("t1").models(0).executions() == 2);
}

namespace {

/// As whom clients were told of each of an agent's events.
std::set<std::string> shown_agents(workflow_world& w, const std::string& task) {
  std::set<std::string> out;
  for (const auto& fact : w.tables.logs[log_id{task}].facts) {
    facts::Fact read;
    REQUIRE(read.ParseFromString(fact.bytes));
    const auto& event = read.event();
    if (read.has_child_progressed() || event.type() == "AGENT_COMPLETED")
      out.insert(event.agent_id());
  }
  return out;
}

} // namespace

TEST_CASE_METHOD(
    workflow_world,
    "clients know an agent that has a task to itself by one name") {
  // Without a plan, and with one of one part.
  for (const char* mode : {"simple", ""}) {
    std::string task = std::string{"t"} + mode;
    REQUIRE(submit(task, mode));
    advance(10s);
    REQUIRE(status(task) == store::log_status::completed);
    CHECK(shown_agents(*this, task) == std::set<std::string>{"simple-agent"});
    CHECK(status(task + "/agent-1") == store::log_status::completed);
  }
}

TEST_CASE_METHOD(workflow_world,
                 "a task's head has what was asked, all of it") {
  remote::StartTask start;
  start.set_task("t1");
  start.mutable_input()->set_query(std::string(10'000, 'q'));
  REQUIRE(submit(std::move(start)));
  CHECK(summary("t1").query() == std::string(10'000, 'q'));
}

TEST_CASE_METHOD(
    workflow_world,
    "a task's files are kept once, and each agent's model is told of them") {
  const std::string bytes(10'000, 'p');
  const auto hash = workflow::sha256(bytes);
  remote::StartTask start;
  start.set_task("t1");
  start.mutable_input()->set_query("what is it?");
  auto& picture = *start.mutable_input()->add_attachments();
  picture.set_media_type("image/png");
  picture.set_name("cat.png");
  picture.set_url("shannon:blob:" + kit::to_hex(hash));
  start.add_bodies(bytes);
  REQUIRE(submit(start));
  // Also when it is read back in the middle.
  kill("agent/t1/agent-1");
  kill("workflow/t1");
  advance(10s);
  REQUIRE(status("t1") == store::log_status::completed);
  std::size_t planners = 0;
  std::size_t agents = 0;
  for (const auto& request : far.asked) {
    auto is_agent = request.purpose() == "agent";
    (is_agent ? agents : planners) += 1;
    std::size_t seen = 0;
    for (const auto& message : request.messages())
      for (const auto& file : message.attachments()) {
        CHECK(message.role() == remote::ChatMessage::USER);
        CHECK(file.url() == picture.url());
        CHECK(file.data_base64().empty());
        ++seen;
      }
    CHECK(seen == (is_agent ? 1 : 0));
    if (!is_agent)
      CHECK(request.messages(request.messages_size() - 1).text().find("cat.png")
            != std::string::npos);
  }
  CHECK(planners > 0);
  CHECK(agents > 0);
  CHECK(tables.blobs.at(hash) == bytes);
  // Facts name it.
  for (const auto& [id, rows] : tables.logs)
    for (const auto& fact : rows.facts)
      CHECK(fact.bytes.find(std::string(100, 'p')) == std::string::npos);
}

TEST_CASE_METHOD(workflow_world, "a repeated submission starts nothing new") {
  REQUIRE(submit("t1"));
  auto again = submit("t1");
  REQUIRE(again);
  CHECK(again->existed());
  advance(5s);
  auto after_end = submit("t1");
  REQUIRE(after_end);
  CHECK(after_end->existed());
  for (const auto& [key, count] : far.calls)
    CHECK(count == 1);
}

TEST_CASE_METHOD(workflow_world, "a subscriber hears every fact in order") {
  far.answers = false;
  REQUIRE(submit("t1"));
  listener::heard heard;
  spawn<listener>(env, "t1", heard);
  auto already = tables.versions(log_id{"t1"}).size();
  far.answers = true;
  kill("agent/t1/agent-1"); // Its model call is made again, and answered.
  advance(10s);
  REQUIRE(status("t1") == store::log_status::completed);
  REQUIRE_FALSE(heard.versions.empty());
  CHECK(heard.versions.front() == static_cast<std::int64_t>(already + 1));
  for (std::size_t i = 1; i < heard.versions.size(); ++i)
    CHECK(heard.versions[i] == heard.versions[i - 1] + 1);
  CHECK(heard.types.back() == "STREAM_END");
  CHECK(heard.deltas > 0);
}

TEST_CASE_METHOD(workflow_world, "every actor may be killed at any moment") {
  // The same story with kills at other moments each time.
  auto seed = GENERATE(range(1u, 21u));
  std::minstd_rand chance{seed};
  far.turns = 6;
  far.takes = 400ms;
  INFO("seed " << seed);
  REQUIRE(submit("t1"));
  int hits = 0;
  while (status("t1") == store::log_status::running && hits < 8) {
    advance(std::chrono::milliseconds{chance() % 300});
    hits += kill(chance() % 2 != 0 ? "workflow/t1" : "agent/t1/agent-1");
    // Failures without a quiet minute between them would park the run.
    advance(std::chrono::milliseconds{chance() % 400});
    if (hits % 3 == 2)
      advance(61s);
  }
  advance(120s);
  CHECK(hits > 0);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(summary("t1").result() == "the answer");
  check_gapless();
  for (const auto& [key, count] : far.calls)
    CHECK(count <= 1 + hits);
}

TEST_CASE_METHOD(workflow_world, "all effects of a batch task are batch, its "
                                 "agents' too, after a crash as before") {
  far.turns = 3;
  far.answers = false;
  REQUIRE(submit("t1", "standard", "batch"));
  advance(1s);
  kill_node();
  far.answers = true;
  start_node();
  advance(20s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(far.priorities.size() == 1);
  CHECK(far.priorities["batch"] > 3);
}

TEST_CASE_METHOD(workflow_world, "a run that fails on and on is parked") {
  far.answers = false;
  REQUIRE(submit("t1"));
  for (int i = 0; i < 5; ++i) {
    CHECK(kill("workflow/t1"));
    advance(3s);
  }
  CHECK(status("t1") == store::log_status::needs_operator);
  CHECK(summary("t1").error().find("5 times") != std::string::npos);
}

TEST_CASE_METHOD(workflow_world, "a node that dies is brought back from rows") {
  far.turns = 3;
  far.answers = false;
  REQUIRE(submit("t1"));
  advance(1s);
  CHECK(status("t1") == store::log_status::running);
  kill_node();
  far.answers = true;
  start_node();
  advance(10s);
  CHECK(status("t1") == store::log_status::completed);
  // The call in flight was made twice, under one key; all others once.
  for (const auto& [key, count] : far.calls)
    CHECK(count <= (key.find("turn1/llm") != std::string::npos ? 2 : 1));
  check_gapless();
}

TEST_CASE_METHOD(workflow_world, "an unknown task is nobody's") {
  auto got = ask_all<remote::Subscribed>("workflow/none", remote::Subscribe{});
  REQUIRE(got.size() == 1);
  CHECK(got[0].error().code == errc::not_found);
}

TEST_CASE_METHOD(workflow_world, "who creates a task may come second") {
  std::vector<errc> first;
  std::vector<result<remote::TaskAccepted>> second;
  spawn<asker>(env, "impatient", [&](asker& self) {
    self.ask<remote::Subscribed>({"workflow/t1"}, remote::Subscribe{}, 1'000ms,
                                 [&](const result<remote::Subscribed>& got) {
                                   first.push_back(got ? errc::ok
                                                       : got.error().code);
                                 });
    remote::StartTask start;
    start.set_task("t1");
    start.mutable_input()->set_query("q");
    start.mutable_input()->set_mode("simple");
    self.ask<remote::TaskAccepted>(
        {"workflow/t1"}, std::move(start), 1'000ms,
        [&](auto got) { second.push_back(std::move(got)); });
  });
  advance(2s);
  REQUIRE(second.size() == 1);
  CHECK(second[0]);
  CHECK(first == std::vector<errc>{errc::ok});
}

TEST_CASE_METHOD(workflow_world, "an event told in passing is heard by who "
                                 "follows, and not stored") {
  far.answers = false;
  REQUIRE(submit("t1"));
  listener::heard heard;
  spawn<listener>(env, "t1", heard);
  run();
  auto before = tables.versions(log_id{"t1"}).size();
  auto deltas = heard.deltas;
  remote::SignalTask told;
  told.set_task("t1");
  told.set_signal_id("s");
  told.set_passing(true);
  told.mutable_told()->set_type("LLM_PARTIAL");
  told.mutable_told()->set_message("wo");
  for (int i = 0; i < 2; ++i) {
    auto got = ask_all<remote::SignalAck>("workflow/t1", told);
    REQUIRE(got.size() == 1);
    CHECK(got[0]);
  }
  CHECK(heard.deltas == deltas + 2);
  CHECK(tables.versions(log_id{"t1"}).size() == before);
}

namespace {

/// RECORD STORE, of sessions' titles.
class fake_titles final : public kit::actor_base {
public:
  fake_titles(caf::actor_config& cfg, kit::actor_env& shared,
              std::vector<sessions::name>& given)
      : actor_base(cfg, shared, {"records"}), given_(given) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<sessions::name>([this](auto& mail, auto& m) {
      given_.push_back(m);
      reply(mail, sessions::named{true});
    })};
  }

private:
  std::vector<sessions::name>& given_;
};

} // namespace

TEST_CASE_METHOD(workflow_world, "a task's session is given a title, unless "
                                 "that is turned off") {
  auto wanted = GENERATE(true, false);
  settings.session_titles = wanted;
  restart_node();
  std::vector<sessions::name> given;
  spawn<fake_titles>(env, given);
  far.takes = 10ms;
  remote::StartTask start;
  start.set_task("t1");
  auto& input = *start.mutable_input();
  input.set_query("what is it?");
  input.set_tenant("t");
  input.set_user("u");
  input.set_session("talk");
  input.set_names_session(true);
  ask_all<remote::TaskAccepted>("workflow/t1", start);
  advance(5s);
  CHECK(status("t1") == store::log_status::completed);
  REQUIRE(given.size() == (wanted ? 1 : 0));
  CHECK(far.calls.count("t1/title/ask#1/1") == given.size());
  if (wanted) {
    CHECK(given[0].tenant.value == "t");
    CHECK(given[0].user.value == "u");
    CHECK(given[0].session.value == "talk");
    CHECK(given[0].title == "the answer");
  }
}

TEST_CASE_METHOD(workflow_world, "token deltas keep no other mail out") {
  far.answers = false;
  REQUIRE(submit("t1"));
  REQUIRE(kill("workflow/t1"));
  run(); // It comes back after a pause.
  for (int i = 0; i < 3'000; ++i) {
    auto mail = std::make_shared<envelope>();
    mail->to = {"workflow/t1"};
    mail->body = remote::LlmDelta{};
    addresses.deliver(mail);
  }
  remote::CancelTask cancel;
  cancel.set_task("t1");
  auto got = ask_all<remote::CancelAck>("workflow/t1", cancel);
  REQUIRE(got.size() == 1);
  CHECK(got[0]);
}
