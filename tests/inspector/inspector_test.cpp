#include "actors/inspector/inspector.hpp"
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
          : refuse(mail, {errc::unavailable, "connection refused", true, {}});
    })};
  }
  scene& scene_;
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
      keep_ = spawn_inspector(
          parent, {env, {{"redis", [this](auto then) { then(redis); }}}});
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
