// AGENT and its parent: what was told, and what still must be, when either
// dies, is deaf, or is in doubt.

#include "tests/workflow/workflow_world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

using namespace shannon;
using namespace shannon::test;

namespace {

/// `p1` wants `p1/agent-1` to work.
remote::StartAgent start_of_agent() {
  remote::StartAgent start;
  start.set_agent_log("p1/agent-1");
  start.set_parent_log("p1");
  start.mutable_brief()->set_name("agent-1");
  start.mutable_brief()->set_task("work");
  return start;
}

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
  auto start = start_of_agent();
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
  auto start = start_of_agent();
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
  auto start = start_of_agent();
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
  auto start = start_of_agent();
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
  auto start = start_of_agent();
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
