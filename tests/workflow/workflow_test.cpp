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

TEST_CASE_METHOD(workflow_world, "cancel ends the task and its agent") {
  far.answers = false;
  REQUIRE(submit("t1"));
  advance(1s);
  remote::CancelTask cancel;
  cancel.set_task("t1");
  cancel.set_reason("enough");
  auto got = ask_all<remote::CancelAck>("workflow/t1", cancel);
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->success());
  advance(2s);
  CHECK(status("t1") == store::log_status::cancelled);
  CHECK(status("t1/agent-1") == store::log_status::cancelled);
  CHECK(summary("t1").cancel_reason() == "enough");
  CHECK(far.cancelled.size() == 1);
  auto again = ask_all<remote::CancelAck>("workflow/t1", cancel);
  REQUIRE(again.size() == 1);
  CHECK_FALSE(again[0]); // Nobody is live there any more.
}

TEST_CASE_METHOD(workflow_world, "a paused task's agent begins nothing until "
                                 "it goes on, whoever dies meanwhile") {
  auto dies = GENERATE(as<std::string>{}, "nobody", "node", "workflow/t1",
                       "agent/t1/agent-1");
  INFO(dies);
  far.turns = 4;
  far.takes = 2s;
  REQUIRE(submit("t1"));
  advance(500ms);
  auto set_paused = [this](bool paused) {
    remote::SetPaused wish;
    wish.set_run("t1");
    wish.set_paused(paused);
    auto got = ask_all<remote::SetPausedAck>("workflow/t1", wish);
    REQUIRE(got.size() == 1);
    REQUIRE(got[0]);
    return got[0]->success();
  };
  CHECK(set_paused(true));
  CHECK_FALSE(set_paused(true));
  CHECK(status("t1") == store::log_status::paused);
  if (dies == "node")
    restart_node();
  else if (dies != "nobody")
    kill(dies);
  advance(5s); // What was under way has ended, or is forgotten.
  CHECK(status("t1/agent-1") == store::log_status::paused);
  auto calls = far.calls;
  advance(60s);
  CHECK(far.calls == calls);
  CHECK(status("t1") == store::log_status::paused);
  CHECK(set_paused(false));
  CHECK_FALSE(set_paused(false));
  advance(30s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(status("t1/agent-1") == store::log_status::completed);
  check_gapless();
}

TEST_CASE_METHOD(workflow_world,
                 "while there is no room a new task is refused "
                 "and leaves nothing, and those at work go on") {
  door
      = std::make_shared<workflow::intake>(workflow::intake::limits{0us, 1, 1});
  restart_node();
  far.takes = 10s;
  REQUIRE(submit("t1"));
  CHECK(door->at_work() == 1);
  auto refused = submit("t2");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::overloaded);
  CHECK(refused.error().retry_after == 1s);
  CHECK(tables.logs.count(log_id{"t2"}) == 0);
  // Its agent is no new task, and who has accepted it says so again.
  CHECK(submit("t1")->existed());
  advance(40s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(door->at_work() == 0);
  CHECK(submit("t2"));
}

TEST_CASE_METHOD(workflow_world, "a paused task keeps no new one out, and goes "
                                 "on where there is no room") {
  door
      = std::make_shared<workflow::intake>(workflow::intake::limits{0us, 1, 1});
  restart_node();
  far.takes = 10s;
  REQUIRE(submit("t1"));
  remote::SetPaused wish;
  wish.set_paused(true);
  ask_all<remote::SetPausedAck>("workflow/t1", wish);
  advance(30s);
  CHECK(door->at_work() == 0);
  REQUIRE(submit("t2"));
  CHECK_FALSE(submit("t3"));
  wish.set_paused(false);
  auto resumed = ask_all<remote::SetPausedAck>("workflow/t1", wish);
  REQUIRE(resumed.size() == 1);
  REQUIRE(resumed[0]);
  CHECK(resumed[0]->success());
  CHECK(door->at_work() == 2);
  advance(60s);
  CHECK(status("t1") == store::log_status::completed);
  CHECK(status("t2") == store::log_status::completed);
  CHECK(door->at_work() == 0);
}

TEST_CASE_METHOD(workflow_world,
                 "what a node brings back is brought back, room "
                 "or not") {
  far.takes = 10s;
  for (const char* task : {"t1", "t2", "t3"})
    REQUIRE(submit(task));
  door
      = std::make_shared<workflow::intake>(workflow::intake::limits{0us, 1, 1});
  restart_node();
  CHECK(door->at_work() == 3);
  CHECK_FALSE(submit("t4"));
  advance(60s);
  for (const char* task : {"t1", "t2", "t3"})
    CHECK(status(task) == store::log_status::completed);
}

TEST_CASE_METHOD(workflow_world, "an unknown task is nobody's") {
  auto got = ask_all<remote::Subscribed>("workflow/none", remote::Subscribe{});
  REQUIRE(got.size() == 1);
  CHECK(got[0].error().code == errc::not_found);
}

TEST_CASE_METHOD(workflow_world,
                 "an append whose answer is lost is read back") {
  far.answers = false;
  REQUIRE(submit("t1"));
  advance(1s);
  // Written, but the run is told nobody knows: it must look, not guess.
  tables.refuse_after_writing = true;
  tables.refuse_appends = {{errc::timeout, "unknown", true, {}}};
  far.answers = true;
  kill("agent/t1/agent-1");
  advance(20s);
  CHECK(status("t1") == store::log_status::completed);
  check_gapless();
}

TEST_CASE_METHOD(workflow_world, "a store that is away is waited for") {
  tables.refuse_appends.assign(
      5, {errc::unavailable, "connection refused", true, {}});
  remote::StartTask start;
  start.set_task("t1");
  start.mutable_input()->set_query("q");
  start.mutable_input()->set_mode("simple");
  auto got = ask_all<remote::TaskAccepted>("workflow/t1", start, 10s);
  REQUIRE(got.size() == 1);
  CHECK(got[0]);
  advance(5s);
  CHECK(status("t1") == store::log_status::completed);
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

TEST_CASE_METHOD(workflow_world, "a first append in doubt is made again") {
  tables.refuse_appends = {{errc::timeout, "unknown", true, {}}};
  auto accepted = submit("t1");
  CHECK(accepted);
  advance(5s);
  CHECK(status("t1") == store::log_status::completed);
}

TEST_CASE_METHOD(workflow_world, "doubts about appends never park a run") {
  far.answers = false;
  REQUIRE(submit("t1"));
  tables.refuse_appends.assign(16, {errc::timeout, "unknown", true, {}});
  far.answers = true;
  kill("agent/t1/agent-1");
  advance(120s);
  CHECK(tables.refuse_appends.empty());
  CHECK(status("t1") == store::log_status::completed);
  check_gapless();
}

TEST_CASE_METHOD(workflow_world, "failures park a run however far apart") {
  far.answers = false;
  settings.rest_after = 1h;
  restart_node();
  REQUIRE(submit("t1"));
  for (int i = 0; i < 5; ++i) {
    CHECK(status("t1") == store::log_status::running);
    CHECK(kill("workflow/t1"));
    advance(65s);
  }
  CHECK(status("t1") == store::log_status::needs_operator);
}

namespace {

/// Takes every progress; reports only when it listens.
class deaf_parent final : public kit::actor_base {
public:
  deaf_parent(caf::actor_config& cfg, kit::actor_env& shared, bool& listens,
              int& reports)
      : actor_base(cfg, shared, {"workflow/p1"}), listens_(listens),
        reports_(reports) {}

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::AgentProgress>([this](auto& mail, auto& m) {
          remote::AgentAck ack;
          ack.set_version(m.version());
          reply(mail, std::move(ack));
        }),
        kit::on<remote::AgentEnded>([this](auto& mail, auto&) {
          if (!listens_)
            return;
          ++reports_;
          reply(mail, remote::AgentAck{});
        }),
    };
  }

private:
  bool& listens_;
  int& reports_;
};

} // namespace

TEST_CASE_METHOD(workflow_world,
                 "an agent that learns late what its parent has reports") {
  bool listens = false;
  int reports = 0;
  spawn<deaf_parent>(env, listens, reports);
  remote::StartAgent start;
  start.set_agent_log("p1/agent-1");
  start.set_parent_log("p1");
  start.mutable_brief()->set_name("agent-1");
  start.mutable_brief()->set_task("work");
  REQUIRE(ask_all<remote::AgentAck>("agent/p1/agent-1", start).size() == 1);
  advance(2s);
  REQUIRE(status("p1/agent-1") == store::log_status::completed);
  REQUIRE(kill("agent/p1/agent-1"));
  listens = true;
  // All but the end itself is on the parent's disk.
  start.set_progress_after(tables.logs[log_id{"p1/agent-1"}].head.tail.version
                           - 1);
  auto again = ask_all<remote::AgentAck>("agent/p1/agent-1", start);
  REQUIRE(again.size() == 1);
  CHECK(again[0]);
  advance(5s);
  CHECK(reports == 1);
  CHECK(addresses.find({"agent/p1/agent-1"}) == addresses.find({"agent"}));
}

TEST_CASE_METHOD(workflow_world, "an agent whose end nobody has heard is "
                                 "brought back by its row") {
  bool listens = false;
  int reports = 0;
  spawn<deaf_parent>(env, listens, reports);
  remote::StartAgent start;
  start.set_agent_log("p1/agent-1");
  start.set_parent_log("p1");
  start.mutable_brief()->set_name("agent-1");
  start.mutable_brief()->set_task("work");
  REQUIRE(ask_all<remote::AgentAck>("agent/p1/agent-1", start).size() == 1);
  advance(2s);
  REQUIRE(status("p1/agent-1") == store::log_status::completed);
  listens = true;
  restart_node();
  advance(5s);
  CHECK(reports == 1);
  CHECK(addresses.find({"agent/p1/agent-1"}) == addresses.find({"agent"}));
  restart_node();
  advance(5s);
  CHECK(reports == 1);
}

TEST_CASE_METHOD(workflow_world, "an agent that is told to stop says so once "
                                 "that is on disk") {
  far.answers = false;
  REQUIRE(submit("t1"));
  advance(1s);
  // Its next append is not written.
  tables.refuse_appends.assign(3, {errc::unavailable, "away", true, {}});
  remote::CancelAgent stop;
  stop.set_agent_log("t1/agent-1");
  std::vector<bool> stored;
  spawn<asker>(env, "asker", [&](asker& self) {
    self.ask<remote::AgentAck>(
        {"agent/t1/agent-1"}, stop, 10s, [&](const auto& got) {
          REQUIRE(got);
          facts::Fact last;
          last.ParseFromString(
              tables.logs[log_id{"t1/agent-1"}].facts.back().bytes);
          stored.push_back(last.has_run_cancelled()
                           || last.has_cancel_requested());
        });
  });
  CHECK(stored.empty());
  advance(5s);
  CHECK(stored == std::vector<bool>{true});
}

namespace {

/// Ends, and refuses what its agent has to tell, as soon as that is being
/// cancelled; from then on appends are late.
class ending_parent final : public kit::actor_base {
public:
  ending_parent(caf::actor_config& cfg, kit::actor_env& shared,
                kit::memory_tables& tables)
      : actor_base(cfg, shared, {"workflow/p1"}), tables_(tables) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::AgentProgress>([this](auto& mail, auto& m) {
      if (m.event().type() == "WORKFLOW_CANCELLING") {
        tables_.refuse_appends.assign(2, {errc::unavailable, "away", true, {}});
        return refuse(mail, {errc::not_found, "ended", false, {}});
      }
      remote::AgentAck ack;
      ack.set_version(m.version());
      reply(mail, std::move(ack));
    })};
  }

private:
  kit::memory_tables& tables_;
};

} // namespace

TEST_CASE_METHOD(workflow_world, "an agent that nobody waits for any more is "
                                 "forgotten, also if that is told while its "
                                 "end is on its way to the disk") {
  far.answers = false;
  spawn<ending_parent>(env, tables);
  remote::StartAgent start;
  start.set_agent_log("p1/agent-1");
  start.set_parent_log("p1");
  start.mutable_brief()->set_name("agent-1");
  start.mutable_brief()->set_task("work");
  REQUIRE(ask_all<remote::AgentAck>("agent/p1/agent-1", start).size() == 1);
  advance(1s);
  remote::CancelAgent stop;
  stop.set_agent_log("p1/agent-1");
  ask_all<remote::AgentAck>("agent/p1/agent-1", stop);
  advance(5s);
  CHECK(status("p1/agent-1") == store::log_status::cancelled);
  CHECK_FALSE(tables.logs[log_id{"p1/agent-1"}].owes_end);
  CHECK(far.cancelled.size() == 1);
}

namespace {

/// Has all of its agent's facts on disk, and says so.
class informed_parent final : public kit::actor_base {
public:
  informed_parent(caf::actor_config& cfg, kit::actor_env& shared, int& told)
      : actor_base(cfg, shared, {"workflow/p1"}), told_(told) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::AgentProgress>([this](auto& mail, auto& m) {
      ++told_;
      has_ = std::max<std::int64_t>(has_, m.version());
      remote::AgentAck ack;
      ack.set_version(has_);
      reply(mail, std::move(ack));
    })};
  }

private:
  int& told_;
  std::int64_t has_ = 0;
};

} // namespace

TEST_CASE_METHOD(workflow_world,
                 "an agent that comes back asks first what its parent has") {
  int told = 0;
  spawn<informed_parent>(env, told);
  far.turns = 3;
  far.takes = 10s;
  remote::StartAgent start;
  start.set_agent_log("p1/agent-1");
  start.set_parent_log("p1");
  start.mutable_brief()->set_name("agent-1");
  start.mutable_brief()->set_task("work");
  REQUIRE(ask_all<remote::AgentAck>("agent/p1/agent-1", start).size() == 1);
  advance(25s);
  REQUIRE(status("p1/agent-1") == store::log_status::running);
  auto before = told;
  REQUIRE(before > 3);
  REQUIRE(kill("agent/p1/agent-1"));
  advance(2s);
  CHECK(told == before + 1);
}

namespace {

/// Takes every progress. While it `holds`, the answer waits for `let_go`.
class holding_parent final : public kit::actor_base {
public:
  struct state {
    bool holds = false;
    std::vector<envelope> held;
    std::int64_t has = 0;
    int reports = 0;
  };

  holding_parent(caf::actor_config& cfg, kit::actor_env& shared, state& what)
      : actor_base(cfg, shared, {"workflow/p1"}), state_(what) {}

  /// From outside of this actor: as its answers would come.
  static void let_go(kit::directory& addresses, state& what) {
    for (const auto& mail : std::exchange(what.held, {})) {
      auto answer = std::make_shared<envelope>();
      answer->to = mail.from;
      answer->from = mail.to;
      answer->correlation = mail.correlation;
      answer->is_reply = true;
      remote::AgentAck ack;
      ack.set_version(what.has);
      answer->body = std::move(ack);
      addresses.deliver(std::move(answer));
    }
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::AgentProgress>([this](auto& mail, auto& m) {
          state_.has = std::max<std::int64_t>(state_.has, m.version());
          state_.held.push_back(mail);
          if (!state_.holds)
            let_go(env().addresses, state_);
        }),
        kit::on<remote::AgentEnded>([this](auto& mail, auto&) {
          ++state_.reports;
          reply(mail, remote::AgentAck{});
        }),
    };
  }

private:
  state& state_;
};

} // namespace

TEST_CASE_METHOD(workflow_world, "an agent whose parent answers while it reads "
                                 "its log again tells the rest") {
  holding_parent::state parent;
  spawn<holding_parent>(env, parent);
  far.answers = false;
  settings.rest_after = 1h;
  restart_node();
  remote::StartAgent start;
  start.set_agent_log("p1/agent-1");
  start.set_parent_log("p1");
  start.mutable_brief()->set_name("agent-1");
  start.mutable_brief()->set_task("work");
  REQUIRE(ask_all<remote::AgentAck>("agent/p1/agent-1", start).size() == 1);
  for (int i = 0; i < 5; ++i) {
    CHECK(kill("agent/p1/agent-1"));
    advance(5s);
  }
  REQUIRE(status("p1/agent-1") == store::log_status::needs_operator);
  // It says that it goes on, and reads its log; then comes the answer.
  far.answers = true;
  parent.holds = true;
  std::size_t held = 0;
  tables.opening = [&](const log_id&) {
    held += parent.held.size();
    parent.holds = false;
    holding_parent::let_go(addresses, parent);
  };
  auto got
      = ask_all<remote::ResumeAck>("agent/p1/agent-1", remote::ResumeRun{});
  tables.opening = [](const log_id&) {};
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(held == 1);
  advance(20s);
  CHECK(status("p1/agent-1") == store::log_status::completed);
  CHECK(parent.reports == 1);
  // The report says the end itself.
  CHECK(parent.has == tables.logs[log_id{"p1/agent-1"}].head.tail.version - 1);
}
