#include "actors/inspector/inspector.hpp"
#include "actors/kit/owned_shards.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/shard_of.hpp"
#include "protocols/store.hpp"
#include "tests/kit/actor_fixture.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::inspector;

namespace {

struct scene {
  tree_node tree{"root", "supervisor", child_state::running, {}, 0, {}, 0, 0,
                 {}};
  bool store_answers = true;
  store::open_logs open;
  cluster::leases leases;
  int looks = 0;
};

class fake_root final : public kit::actor_base {
public:
  fake_root(caf::actor_config& cfg, kit::actor_env& shared, scene& what)
      : actor_base(cfg, shared, {"supervisor/root"}), scene_(what) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<get_tree>([this](auto& mail, auto&) {
      ++scene_.looks;
      reply(mail, scene_.tree);
    })};
  }
  scene& scene_;
};

class fake_store final : public kit::actor_base {
public:
  fake_store(caf::actor_config& cfg, kit::actor_env& shared, scene& what)
      : actor_base(cfg, shared, {"store"}), scene_(what) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<store::ping>([this](auto& mail, auto&) {
              scene_.store_answers
                  ? reply(mail, store::pong{})
                  : refuse(mail,
                           {errc::unavailable, "connection refused", true, {}});
            }),
            kit::on<store::list_open>([this](auto& mail, auto& wanted) {
              CHECK(wanted.after == 0x1f);
              CHECK(wanted.limit == 7);
              reply(mail, scene_.open);
            }),
            kit::on<cluster::read_leases>(
                [this](auto& mail, auto&) { reply(mail, scene_.leases); })};
  }
  scene& scene_;
};

/// A run at work, or the ACTIVATOR that would bring one to life.
class fake_run final : public kit::actor_base {
public:
  fake_run(caf::actor_config& cfg, kit::actor_env& shared, std::string self,
           int& asked)
      : actor_base(cfg, shared, {std::move(self)}), asked_(asked) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::DescribeRun>([this](auto& mail, auto& question) {
      ++asked_;
      remote::RunDescription told;
      told.set_run(question.run());
      told.set_phase("running");
      told.set_version(9);
      auto& wait = *told.add_waits();
      wait.set_kind("timer");
      wait.set_key("nap#1");
      wait.set_due_us(5'000'000);
      reply(mail, std::move(told));
    })};
  }
  int& asked_;
};

struct inspected : kit::actor_fixture {
  scene now;
  check redis{"redis", true, "ok"};

  inspected() {
    spawn<fake_root>(env, now);
    spawn<fake_store>(env, now);
    class root final : public caf::event_based_actor {
    public:
      root(caf::actor_config& cfg, std::function<void(root&)> begin)
          : event_based_actor(cfg) {
        begin(*this);
      }
      caf::behavior make_behavior() override {
        return {[](int) {}};
      }
    };
    spawn<root>([this](root& parent) {
      inspector_args args{env, {{"redis", [this](auto then) { then(redis); }}}};
      args.self = [] { return node_id{"n1#3"}; };
      keep_ = spawn_inspector(parent, std::move(args));
    });
    keep(keep_);
  }

  health_report health() {
    auto got = ask_all<health_report>("inspector", get_health{},
                                      milliseconds{3'000});
    REQUIRE(got.size() == 1);
    REQUIRE(got[0]);
    return *got[0];
  }

  caf::actor keep_;
};

} // namespace

TEST_CASE_METHOD(inspected, "a whole tree and a store that answers are ready") {
  auto report = health();
  CHECK(report.ready);
  CHECK(report.checks.size() == 3);
}

TEST_CASE_METHOD(inspected, "the part that is not ready is named") {
  now.tree.children.push_back({"llm",
                               "actor",
                               child_state::backing_off,
                               {},
                               3,
                               "models.yaml is gone",
                               0,
                               0,
                               {}});
  auto report = health();
  CHECK_FALSE(report.ready);
  CHECK(report.checks[2].text
        == "root/llm: backing off after a failure, models.yaml is gone");
}

TEST_CASE_METHOD(inspected, "a store that is away makes the node not ready") {
  now.store_answers = false;
  auto report = health();
  CHECK_FALSE(report.ready);
  CHECK(report.checks[1].text == "connection refused");
}

TEST_CASE_METHOD(inspected, "a failed probe makes the node not ready") {
  redis = {"redis", false, "no answer"};
  CHECK_FALSE(health().ready);
}

TEST_CASE_METHOD(inspected, "the tree counts who is in no supervisor's care") {
  env.actors = &everyone;
  auto stray = spawn<asker>(env, "stray/1", [](asker&) {});
  auto got = ask_all<tree_node>("inspector", get_tree{}, milliseconds{3'000});
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->name == "root");
  // The one who asks stands beside it, and was started by nobody either.
  REQUIRE(got[0]->groups.size() == 1);
  CHECK(got[0]->groups[0].actors == 2);
  CHECK(now.looks == 1);
}

TEST_CASE_METHOD(inspected, "an unknown parent is refused by its name") {
  env.actors = &everyone;
  get_actors wanted;
  wanted.parent = "nobody/1";
  auto got = ask_all<actor_page>("inspector", wanted, milliseconds{3'000});
  REQUIRE(got.size() == 1);
  REQUIRE_FALSE(got[0]);
  CHECK(got[0].error().code == errc::not_found);
  CHECK(got[0].error().text.find("nobody/1") != std::string::npos);
}

TEST_CASE_METHOD(inspected, "a node that keeps no roster says so") {
  auto got
      = ask_all<actor_page>("inspector", get_actors{}, milliseconds{3'000});
  REQUIRE(got.size() == 1);
  CHECK(got[0].error().code == errc::unavailable);
}

TEST_CASE_METHOD(inspected, "of the runs in the table those of this node are "
                            "told, and only those at work are asked") {
  env.actors = &everyone;
  kit::owned_shards shards{256};
  auto shard_of
      = [](const char* log) { return store::shard_of(log_id{log}, 256); };
  REQUIRE(shard_of("task-a") != shard_of("task-c"));
  REQUIRE(shard_of("task-b") != shard_of("task-c"));
  shards.gain({{shard_of("task-a"), 4}, {shard_of("task-b"), 5}});
  shards.told();
  shards.hold_until(kit::owned_shards::clock::now() + std::chrono::hours{1});
  env.shards = &shards;
  for (const auto* log : {"task-a", "task-b", "task-c"}) {
    store::open_log_row row;
    row.log = log_id{log};
    row.kind = "workflow";
    row.status = store::log_status::running;
    row.schedule.idle = true;
    now.open.logs.push_back(row);
  }
  now.open.next = 0x2e;
  int asked = 0;
  int woken = 0;
  spawn<fake_run>(env, "workflow/task-a", asked);
  spawn<fake_run>(env, "workflow", woken);
  get_runs wanted;
  wanted.cursor = "1f";
  wanted.limit = 7;
  auto got = ask_all<run_page>("inspector", wanted, milliseconds{3'000});
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  const auto& runs = got[0]->runs;
  REQUIRE(runs.size() == 2);
  CHECK(got[0]->next == "2e");
  CHECK(runs[0].log == log_id{"task-a"});
  CHECK(runs[0].phase == "running");
  CHECK(runs[0].waits_for == "timer nap#1");
  CHECK(runs[0].version == 9);
  CHECK(runs[0].wake_at
        == std::chrono::system_clock::time_point{std::chrono::seconds{5}});
  CHECK(runs[0].owner == node_id{"n1#3"});
  CHECK(runs[0].shard == shard_of("task-a"));
  CHECK(runs[0].epoch == 4);
  CHECK(runs[0].lease_holds);
  CHECK(runs[1].phase == "rests");
  CHECK(asked == 1);
  CHECK(woken == 0);

  wanted.phase = "rests";
  got = ask_all<run_page>("inspector", wanted, milliseconds{3'000});
  REQUIRE(got[0]);
  REQUIRE(got[0]->runs.size() == 1);
  CHECK(got[0]->runs[0].log == log_id{"task-b"});
  // They stay its own after its lease has ended, and that is said.
  shards.hold_until(kit::owned_shards::clock::now());
  got = ask_all<run_page>("inspector", wanted, milliseconds{3'000});
  REQUIRE(got[0]);
  REQUIRE(got[0]->runs.size() == 1);
  CHECK_FALSE(got[0]->runs[0].lease_holds);
  env.shards = nullptr;
}

TEST_CASE_METHOD(inspected, "leases are told as this node has its own, and the "
                            "database all") {
  kit::owned_shards shards{4};
  shards.gain({{1, 7}, {2, 8}});
  shards.hold_until(kit::owned_shards::clock::now() + std::chrono::hours{1});
  env.shards = &shards;
  now.leases.shards.resize(4);
  auto got
      = ask_all<lease_report>("inspector", get_leases{}, milliseconds{3'000});
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->self == node_id{"n1#3"});
  CHECK(got[0]->shards_owned == 2);
  CHECK(got[0]->lease_left > std::chrono::minutes{59});
  CHECK(got[0]->all.shards.size() == 4);
  env.shards = nullptr;
}

TEST_CASE_METHOD(inspected, "the busiest are told with what all do together") {
  env.actors = &everyone;
  for (int i = 0; i < 3; ++i)
    spawn<asker>(env, "stray/" + std::to_string(i), [](asker&) {});
  get_top wanted;
  wanted.limit = 2;
  auto got = ask_all<top_page>("inspector", wanted, milliseconds{3'000});
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->actors == 4); // With the one who asks.
  CHECK(got[0]->rows.size() == 2);
  wanted.limit = 0;
  got = ask_all<top_page>("inspector", wanted, milliseconds{3'000});
  REQUIRE_FALSE(got[0]);
  CHECK(got[0].error().text == "limit: expected 1 to 1000; found 0");
}
