// Effects go to whoever has room, here or on another node; none is lost without
// a word when a worker goes, and nothing waits at a worker.

#include "actors/cluster/mail_router.hpp"
#include "actors/dispatch/dispatcher.hpp"
#include "actors/dispatch/grantor.hpp"
#include "metrics/registry.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/browser.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "protocols/work.hpp"
#include "tests/dispatch/two_nodes.hpp"

#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

namespace shannon::dispatch {

namespace {

using namespace std::chrono_literals;

/// Carries out what it is given when the test says so.
class fake_worker final : public kit::actor_base {
public:
  struct control {
    std::vector<envelope> taken;
    std::vector<std::string> cancelled;
    std::vector<std::string> closed;
    std::function<void(std::size_t)> answer;
    std::function<void(std::size_t, error)> refuse;
  };

  fake_worker(caf::actor_config& cfg, kit::actor_env& shared, control& what)
      : actor_base(cfg, shared, {"tool/worker"}), control_(what) {
    control_.answer = [this](std::size_t i) {
      remote::ToolResult done;
      done.set_success(true);
      reply(control_.taken.at(i), std::move(done));
    };
    control_.refuse = [this](std::size_t i, error why) {
      refuse(control_.taken.at(i), std::move(why));
    };
  }

protected:
  kit::handlers make_handlers() override {
    return {
        kit::on<remote::ToolRun>(
            [this](auto& mail, auto&) { control_.taken.push_back(mail); }),
        kit::on<remote::BrowserRun>(
            [this](auto& mail, auto&) { control_.taken.push_back(mail); }),
        kit::on<remote::CancelEffect>([this](auto&, auto& m) {
          control_.cancelled.push_back(m.attempt_key());
        }),
        kit::on<remote::BrowserClose>(
            [this](auto&, auto& m) { control_.closed.push_back(m.session()); }),
        kit::on<remote::ListTools>(
            [this](auto& mail, auto&) { reply(mail, remote::ToolList{}); }),
    };
  }

private:
  control& control_;
};

/// Outlives the actors.
struct seen {
  metrics::registry registry;
  metrics::dispatch_metrics metrics{registry};
  fake_worker::control near, far;
  std::vector<std::optional<result<remote::ToolResult>>> answers;
  std::optional<result<remote::ToolList>> listed;
  std::optional<result<remote::BrowserResult>> closed;
};

/// A dispatcher on the first node; workers and grants where a test wants them.
struct world : seen, test::two_nodes {
  explicit world(effect_queue::limits limits = {}) {
    host([this, limits](auto& parent) {
      dispatcher_args args{env, "tool", metrics};
      args.limits = limits;
      return spawn_dispatcher(parent, args);
    });
  }

  template <class Start>
  caf::actor host(Start start) {
    caf::scoped_actor parent{system};
    auto made = start(*parent.ptr());
    keep(made);
    run();
    return made;
  }

  void worker_here(std::uint64_t capacity) {
    keep(system.spawn<fake_worker>(env, near));
    host([&](auto& parent) {
      return spawn_grantor(parent, {env, "tool", capacity});
    });
  }
  void worker_there(std::uint64_t capacity) {
    keep(system.spawn<fake_worker>(second_env, far));
    host([&](auto& parent) {
      return spawn_grantor(parent, {second_env, "tool", capacity});
    });
  }

  /// What SHARD OWNER says each second.
  void tell_members(const std::vector<std::string>& names) {
    cluster::members_changed msg{node_id{"n1#1"}, {}};
    for (const auto& name : names) {
      cluster::member one;
      one.id = node_id{name};
      one.roles = {"tool"};
      msg.members.push_back(one);
    }
    tell("tool", std::move(msg));
    run();
  }

  void tell(const std::string& to, message_body body) {
    auto mail = std::make_shared<envelope>();
    mail->to = {to};
    mail->body = std::move(body);
    REQUIRE(addresses.deliver(mail));
  }

  static std::string key(std::size_t i) {
    return "task/tool#" + std::to_string(i) + "/1";
  }

  /// The place of its answer.
  std::size_t ask_browser(const std::string& holder,
                          const std::string& tenant = "",
                          std::chrono::milliseconds timeout = 60s) {
    auto i = answers.size();
    answers.emplace_back();
    remote::BrowserRun what;
    what.mutable_context()->set_attempt_key(key(i));
    what.mutable_context()->set_tenant(tenant);
    what.mutable_request()->set_holder(holder);
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/" + std::to_string(i),
        [this, i, what, timeout](auto& self) {
          self.template ask<remote::ToolResult>(
              {"tool"}, what, timeout,
              [this, i](result<remote::ToolResult> got) { answers[i] = got; });
        }));
    run();
    return i;
  }

  /// The place of its answer.
  std::size_t ask(std::chrono::milliseconds timeout = 60s) {
    auto i = answers.size();
    answers.emplace_back();
    remote::ToolRun what;
    what.mutable_context()->set_attempt_key(key(i));
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/" + std::to_string(i),
        [this, i, what, timeout](auto& self) {
          self.template ask<remote::ToolResult>(
              {"tool"}, what, timeout,
              [this, i](result<remote::ToolResult> got) { answers[i] = got; });
        }));
    run();
    return i;
  }

  /// In a session that a client named. The place of its answer.
  std::size_t ask_named(const std::string& session, const std::string& holder) {
    auto i = answers.size();
    answers.emplace_back();
    remote::BrowserRun what;
    what.mutable_context()->set_attempt_key(key(i));
    what.mutable_request()->set_session(session);
    what.mutable_request()->set_holder(holder);
    what.mutable_request()->set_action("browser_click");
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/" + std::to_string(i), [this, i, what](auto& self) {
          self.template ask<remote::ToolResult>(
              {"tool"}, what, 60s,
              [this, i](result<remote::ToolResult> got) { answers[i] = got; });
        }));
    run();
    return i;
  }

  /// The session of `run-1`. The answer comes into `closed`.
  void ask_to_close(const std::string& holder) {
    remote::BrowserRun what;
    what.mutable_context()->set_attempt_key("run-1/close/1");
    what.mutable_context()->set_log("run-1");
    what.mutable_request()->set_action("browser_close");
    what.mutable_request()->set_holder(holder);
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/close", [this, what](auto& self) {
          self.template ask<remote::BrowserResult>(
              {"tool"}, what, 60s, [this](result<remote::BrowserResult> got) {
                closed = std::move(got);
              });
        }));
    run();
  }

  /// The second node's grants; true once they are drained.
  std::shared_ptr<bool> drain_there() {
    auto drained = std::make_shared<bool>(false);
    keep(system.spawn<kit::actor_fixture::asker>(
        second_env, "drainer", [drained](auto& self) {
          self.template ask<cluster::drained>(
              {"grants/tool"}, cluster::drain{}, 60s,
              [drained](const result<cluster::drained>& got) {
                *drained = got.has_value();
              });
        }));
    run();
    return drained;
  }

  /// What the tools are. The answer comes into `listed`.
  void ask_list() {
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "asker/list", [this](auto& self) {
          self.template ask<remote::ToolList>(
              {"tool"}, remote::ListTools{}, 60s,
              [this](result<remote::ToolList> got) { listed = got; });
        }));
    run();
  }
};

} // namespace

TEST_CASE("an effect is carried out on the own node where that has the role") {
  world w;
  w.worker_here(2);
  w.worker_there(2);
  w.tell_members({"n1#1", "n2#1"});
  auto one = w.ask();
  REQUIRE(w.near.taken.size() == 1);
  CHECK(w.far.taken.empty());
  w.near.answer(0);
  w.run();
  REQUIRE(w.answers[one]);
  CHECK(*w.answers[one]);
}

TEST_CASE("what the own node has no room for goes to another") {
  world w;
  w.worker_here(1);
  w.worker_there(2);
  w.tell_members({"n1#1", "n2#1"});
  w.ask();
  auto two = w.ask();
  REQUIRE(w.near.taken.size() == 1);
  REQUIRE(w.far.taken.size() == 1);
  CHECK(w.far.taken[0].from.value == "tool@n1#1");
  w.far.answer(0);
  w.run();
  REQUIRE(w.answers[two]);
  CHECK(*w.answers[two]);
}

TEST_CASE("nothing waits at a worker: the third of two goes when one ends") {
  world w;
  w.worker_there(2);
  w.tell_members({"n2#1"});
  for (int i = 0; i < 3; ++i)
    w.ask();
  w.advance(500ms);
  CHECK(w.far.taken.size() == 2);
  w.far.answer(0);
  w.run();
  CHECK(w.far.taken.size() == 3);
}

TEST_CASE("when the way to a worker is cut its effects are refused at once") {
  world w;
  w.worker_there(2);
  w.tell_members({"n2#1"});
  auto one = w.ask();
  REQUIRE(w.far.taken.size() == 1);
  w.cut_link();
  w.run();
  REQUIRE(w.answers[one]);
  REQUIRE_FALSE(*w.answers[one]);
  CHECK((*w.answers[one]).error().code == errc::unavailable);
  CHECK((*w.answers[one]).error().retryable);
  // The next waits, and goes where somebody is.
  auto two = w.ask();
  w.advance(100ms);
  CHECK_FALSE(w.answers[two]);
  w.worker_here(1);
  w.tell_members({"n1#1", "n2#1"});
  CHECK(w.near.taken.size() == 1);
}

TEST_CASE("a worker whose windows stop coming is given nothing more") {
  world w;
  w.worker_there(5);
  w.tell_members({"n2#1"});
  w.cut = true;
  w.advance(4s);
  w.ask();
  CHECK(w.far.taken.empty());
  w.cut = false;
  w.advance(2s);
  CHECK(w.far.taken.size() == 1);
}

TEST_CASE("without any worker an effect is refused after a while") {
  world w;
  w.tell_members({});
  auto one = w.ask();
  w.advance(9s);
  CHECK_FALSE(w.answers[one]);
  w.advance(2s);
  REQUIRE(w.answers[one]);
  REQUIRE_FALSE(*w.answers[one]);
  CHECK((*w.answers[one]).error().code == errc::unavailable);
}

TEST_CASE("a node that begins answers what its tools are once a worker is "
          "there") {
  world w;
  w.ask_list();
  w.tell_members({"n1#1"});
  w.advance(2s);
  CHECK_FALSE(w.listed);
  w.worker_here(1);
  w.advance(2s);
  REQUIRE(w.listed);
  CHECK(*w.listed);
}

TEST_CASE("what the tools are is refused when no worker comes, and at once by "
          "a node that drains") {
  world w;
  w.tell_members({});
  w.ask_list();
  w.advance(9s);
  CHECK_FALSE(w.listed);
  auto drains = GENERATE(false, true);
  if (drains)
    w.tell("tool", cluster::drain{});
  w.advance(drains ? 0s : 2s);
  REQUIRE(w.listed);
  REQUIRE_FALSE(*w.listed);
  CHECK(w.listed->error().code == errc::unavailable);
  CHECK(w.listed->error().retryable);
}

TEST_CASE("a cancel reaches an effect at its worker, or before it begins") {
  world w;
  w.worker_there(1);
  w.tell_members({"n2#1"});
  auto one = w.ask();
  auto two = w.ask();
  for (auto i : {one, two}) {
    remote::CancelEffect stop;
    stop.set_attempt_key(world::key(i));
    w.tell("tool", std::move(stop));
  }
  w.run();
  CHECK(w.far.cancelled
        == std::vector<std::string>{world::key(one), world::key(two)});
  REQUIRE(w.answers[two]);
  REQUIRE_FALSE(*w.answers[two]);
  CHECK((*w.answers[two]).error().code == errc::cancelled);
}

TEST_CASE(
    "a cancel of what this node has not asked for is told to all workers, "
    "and once more to one that was away") {
  world w;
  w.worker_here(1);
  w.worker_there(1);
  w.tell_members({"n1#1", "n2#1"});
  auto cancel = [&](const std::string& key) {
    remote::CancelEffect stop;
    stop.set_attempt_key(key);
    w.tell("tool", std::move(stop));
    w.run();
  };
  auto told = [](const fake_worker::control& worker, const std::string& key) {
    return std::count(worker.cancelled.begin(), worker.cancelled.end(), key);
  };
  SECTION("who is there hears it at once, and with its next window again") {
    cancel("other/tool#1/1");
    CHECK(told(w.near, "other/tool#1/1") == 1);
    CHECK(told(w.far, "other/tool#1/1") == 1);
    w.advance(3s);
    CHECK(told(w.near, "other/tool#1/1") == 2);
    CHECK(told(w.far, "other/tool#1/1") == 2);
  }
  SECTION("who is away hears it when it is back, within a minute") {
    w.cut = true;
    cancel("other/tool#1/1");
    w.advance(50s);
    CHECK(told(w.far, "other/tool#1/1") == 0);
    w.cut = false;
    w.advance(2s);
    CHECK(told(w.far, "other/tool#1/1") >= 1);
  }
  SECTION("later it is forgotten") {
    w.cut = true;
    cancel("other/tool#1/1");
    w.advance(65s);
    w.cut = false;
    w.advance(3s);
    CHECK(told(w.far, "other/tool#1/1") == 0);
  }
  SECTION("what is asked for after all is not cancelled again") {
    w.cut = true;
    cancel(world::key(0));
    w.ask();
    w.advance(1s);
    w.cut = false;
    w.advance(3s);
    CHECK(told(w.far, world::key(0)) == 0);
  }
  SECTION("of many the oldest is forgotten") {
    w.cut = true;
    for (int i = 0; i < 1'001; ++i) {
      cancel("other/tool#" + std::to_string(i) + "/1");
      w.advance(1ms);
    }
    w.cut = false;
    w.advance(3s);
    CHECK(told(w.far, "other/tool#0/1") == 0);
    CHECK(told(w.far, "other/tool#1/1") >= 1);
    CHECK(told(w.far, "other/tool#1000/1") >= 1);
  }
}

TEST_CASE(
    "a cancel of what is under way here reaches whoever else may have it, "
    "and of what waits too") {
  world w;
  w.worker_here(1);
  w.worker_there(1);
  w.tell_members({"n1#1", "n2#1"});
  auto near = w.ask();
  auto far = w.ask();
  auto waits = w.ask();
  std::vector<std::string> keys;
  for (auto i : {near, far, waits}) {
    remote::CancelEffect stop;
    stop.set_attempt_key(world::key(i));
    keys.push_back(world::key(i));
    w.tell("tool", std::move(stop));
  }
  w.run();
  CHECK(w.near.cancelled == keys);
  CHECK(w.far.cancelled == keys);
  REQUIRE(w.answers[waits]);
  CHECK((*w.answers[waits]).error().code == errc::cancelled);
}

TEST_CASE(
    "above its limit the dispatcher refuses, and says when to come again") {
  effect_queue::limits limits;
  limits.waiting_max = 2;
  world w{limits};
  w.tell_members({});
  w.ask();
  w.ask();
  auto three = w.ask();
  REQUIRE(w.answers[three]);
  REQUIRE_FALSE(*w.answers[three]);
  CHECK((*w.answers[three]).error().code == errc::overloaded);
  CHECK((*w.answers[three]).error().retry_after);
}

TEST_CASE("who asked for an effect and waits no more keeps no room") {
  world w;
  w.worker_there(1);
  w.tell_members({"n2#1"});
  w.ask(200ms);
  w.advance(300ms);
  auto two = w.ask();
  REQUIRE(w.far.taken.size() == 2);
  w.far.answer(1);
  w.run();
  REQUIRE(w.answers[two]);
  CHECK(*w.answers[two]);
}

TEST_CASE("a node that drains grants nothing more, and is drained when what it "
          "was given has ended") {
  world w;
  w.worker_there(3);
  w.tell_members({"n2#1"});
  w.ask();
  auto drained = w.drain_there();
  w.ask();
  w.advance(3s);
  CHECK(w.far.taken.size() == 1);
  CHECK_FALSE(*drained);
  w.far.answer(0);
  w.advance(100ms);
  CHECK(*drained);
}

TEST_CASE("a node that drains waits for actions of the sessions it holds") {
  world w;
  w.worker_there(3);
  w.tell_members({"n2#1"});
  auto held = w.ask_browser("n2#1");
  REQUIRE(w.far.taken.size() == 1);
  auto drained = w.drain_there();
  w.advance(3s);
  CHECK_FALSE(*drained);
  w.far.answer(0);
  w.advance(100ms);
  CHECK(w.answers[held]);
  CHECK(*drained);
}

TEST_CASE("a node that drains sends back what no worker has begun, also what "
          "comes later") {
  world w;
  w.worker_there(1);
  w.tell_members({"n2#1"});
  auto begun = w.ask();
  auto waits = w.ask();
  w.tell("tool", cluster::drain{});
  w.run();
  CHECK_FALSE(w.answers[begun]);
  REQUIRE(w.answers[waits]);
  REQUIRE_FALSE(*w.answers[waits]);
  CHECK((*w.answers[waits]).error().code == errc::unavailable);
  auto late = w.ask();
  REQUIRE(w.answers[late]);
  CHECK_FALSE(*w.answers[late]);
  w.far.answer(0);
  w.advance(100ms);
  REQUIRE(w.answers[begun]);
  CHECK(*w.answers[begun]);
  auto has_room = w.ask();
  w.run();
  CHECK(w.far.taken.size() == 2);
  CHECK_FALSE(w.answers[has_room]);
}

TEST_CASE(
    "an action goes to the node that holds its session, past its window") {
  world w;
  w.worker_here(1);
  w.worker_there(1);
  w.tell_members({"n1#1", "n2#1"});
  w.ask();
  w.ask(); // Both windows are full.
  auto held = w.ask_browser("n2#1");
  REQUIRE(w.far.taken.size() == 2);
  auto fresh = w.ask_browser("");
  CHECK(w.near.taken.size() + w.far.taken.size() == 3);
  w.far.answer(1);
  w.run();
  CHECK(w.answers[held]);
  // Its end has made no room that it had not taken.
  CHECK_FALSE(w.answers[fresh]);
  CHECK(w.near.taken.size() + w.far.taken.size() == 3);
  w.near.answer(0);
  w.run();
  CHECK(w.near.taken.size() + w.far.taken.size() == 4);
}

TEST_CASE("an action whose holder is no member is refused as not found") {
  world w;
  w.worker_here(1);
  w.tell_members({"n1#1"});
  auto one = w.ask_browser("n2#1");
  REQUIRE(w.answers[one]);
  REQUIRE_FALSE(*w.answers[one]);
  CHECK(w.answers[one]->error().code == errc::not_found);
  CHECK_FALSE(w.answers[one]->error().retryable);
}

TEST_CASE("a session that a client named, held by a node not known yet, is not "
          "begun and looked for again") {
  world w;
  w.worker_here(1);
  w.worker_there(1);
  w.tell_members({"n1#1"});
  auto early = w.ask_named("client:mine", "n2#1");
  REQUIRE(w.answers[early]);
  CHECK(w.answers[early]->error().code == errc::unavailable);
  CHECK(w.answers[early]->error().retryable);
  CHECK(w.answers[early]->error().retry_after);
  w.tell_members({"n1#1", "n2#1"});
  auto later = w.ask_named("client:mine", "n2#1");
  REQUIRE(w.far.taken.size() == 1);
  w.far.answer(0);
  w.run();
  REQUIRE(w.answers[later]);
  CHECK(*w.answers[later]);
  CHECK(w.near.taken.empty());
}

namespace {

/// A browser session that `acme` may not have, as it has all it may.
struct full_world : world {
  explicit full_world(effect_queue::limits limits = {}) : world(limits) {
    worker_here(2);
    tell_members({"n1#1"});
    waiting = ask_browser("", "acme");
    refuse_last();
  }
  void refuse_last() {
    near.refuse(near.taken.size() - 1,
                {errc::overloaded, "the tenant has all it may", true, 2s});
    run();
  }
  void cancel(std::size_t i) {
    remote::CancelEffect stop;
    stop.set_attempt_key(key(i));
    tell("tool", std::move(stop));
    run();
  }
  std::size_t waiting;
};

} // namespace

TEST_CASE("a session that its tenant may not have yet waits, and keeps nobody "
          "else waiting") {
  full_world w;
  CHECK_FALSE(w.answers[w.waiting]);
  auto other = w.ask_browser("", "globex");
  auto third = w.ask_browser("", "globex");
  REQUIRE(w.near.taken.size() == 3); // All the room there is.
  w.near.answer(1);
  w.near.answer(2);
  w.run();
  CHECK(w.answers[other]);
  CHECK(w.answers[third]);
  w.advance(1s);
  CHECK(w.near.taken.size() == 3);
  SECTION("until its worker has more room") {
    w.tell("grants/tool", work::capacity_is{3});
    w.advance(100ms);
  }
  SECTION("or for two seconds") {
    w.advance(1500ms);
  }
  REQUIRE(w.near.taken.size() == 4);
  w.near.answer(3);
  w.run();
  REQUIRE(w.answers[w.waiting]);
  CHECK(*w.answers[w.waiting]);
}

TEST_CASE("a session that one node has no room for is opened on another") {
  full_world w;
  w.worker_there(1);
  w.tell_members({"n1#1", "n2#1"});
  w.advance(100ms);
  REQUIRE(w.far.taken.size() == 1);
  CHECK(w.near.taken.size() == 1);
}

TEST_CASE("who waits for a session can be cancelled") {
  full_world w;
  SECTION("while it waits") {
    w.cancel(w.waiting);
  }
  SECTION("while it is asked for at a worker that has not begun it") {
    w.advance(2500ms);
    REQUIRE(w.near.taken.size() == 2);
    w.cancel(w.waiting);
    w.refuse_last();
  }
  REQUIRE(w.answers[w.waiting]);
  REQUIRE_FALSE(*w.answers[w.waiting]);
  CHECK(w.answers[w.waiting]->error().code == errc::cancelled);
  auto before = w.near.taken.size();
  w.advance(5s);
  CHECK(w.near.taken.size() == before);
}

TEST_CASE("who waits for a session waits no longer than its deadline") {
  full_world w;
  auto brief = w.ask_browser("", "acme", 1s);
  w.advance(1500ms);
  REQUIRE(w.answers[brief]);
  CHECK(w.answers[brief]->error().code == errc::timeout);
  w.advance(2s);
  // The one that waits still is asked for again, and it alone.
  CHECK(w.near.taken.size() == 2);
}

TEST_CASE("a tenant that has too many sessions waiting is told so") {
  effect_queue::limits limits;
  limits.tenant_waiting_max = 2;
  full_world w{limits};
  w.ask_browser("", "acme");
  auto third = w.ask_browser("", "acme");
  REQUIRE(w.answers[third]);
  REQUIRE_FALSE(*w.answers[third]);
  CHECK(w.answers[third]->error().code == errc::overloaded);
  CHECK(w.answers[third]->error().text.find("this tenant's")
        != std::string::npos);
  CHECK(w.answers[third]->error().retry_after);
  w.ask_browser("", "globex");
  CHECK(w.near.taken.size() == 2);
}

TEST_CASE("a node that drains sends back who waits for a session") {
  full_world w;
  w.tell("tool", cluster::drain{});
  w.run();
  REQUIRE(w.answers[w.waiting]);
  CHECK(w.answers[w.waiting]->error().code == errc::unavailable);
}

TEST_CASE("an action that its session has no room for is told so") {
  world w;
  w.worker_here(2);
  w.tell_members({"n1#1"});
  auto held = w.ask_browser("n1#1", "acme");
  w.near.refuse(0, {errc::overloaded, "too many actions wait", true, 1s});
  w.run();
  REQUIRE(w.answers[held]);
  CHECK(w.answers[held]->error().code == errc::overloaded);
}

TEST_CASE("closing a session is carried out by its holder, and told to all "
          "others, who may have one that nobody has heard of") {
  world w;
  w.worker_here(1);
  w.worker_there(1);
  w.tell_members({"n1#1", "n2#1"});
  SECTION("whose holder is known") {
    w.ask_to_close("n2#1");
    REQUIRE(w.far.taken.size() == 1);
    CHECK(w.far.closed.empty());
    CHECK_FALSE(w.closed);
  }
  SECTION("whose holder is not") {
    w.ask_to_close("");
    CHECK(w.far.taken.empty());
    CHECK(w.far.closed == std::vector<std::string>{"run-1"});
    REQUIRE(w.closed);
    CHECK((*w.closed)->result().success());
  }
  CHECK(w.near.taken.empty());
  CHECK(w.near.closed == std::vector<std::string>{"run-1"});
}

TEST_CASE("a role says how much room there is") {
  world w;
  w.worker_here(1);
  w.tell_members({"n1#1"});
  w.tell("grants/tool", work::capacity_is{0});
  w.ask();
  CHECK(w.near.taken.empty());
  w.tell("grants/tool", work::capacity_is{2});
  w.advance(2s);
  CHECK(w.near.taken.size() == 1);
  w.ask();
  CHECK(w.near.taken.size() == 2);
}

TEST_CASE("mail for a run goes to the node that owns its shard") {
  auto shards = std::make_shared<kit::owned_shards>(4);
  std::vector<std::string> sent;
  bool linked = true;
  cluster::mail_router router{
      shards, {"workflow"}, [&](const node_id& to, const envelope_ptr&) {
        if (linked)
          sent.push_back(to.value);
        return linked;
      }};
  auto mail_for = [](const std::string& to, const std::string& from) {
    auto mail = std::make_shared<envelope>();
    mail->to = {to};
    mail->from = {from};
    return mail;
  };
  using verdict = kit::outbound::verdict;
  auto mail = mail_for("workflow/task-1", "gateway");
  // Nobody has said who owns what.
  CHECK(router.carry(mail) == verdict::here);
  shards->see(std::vector<node_id>(4, node_id{"n2#7"}));
  shards->told();
  CHECK(router.carry(mail) == verdict::carried);
  CHECK(sent == std::vector<std::string>{"n2#7"});
  CHECK(router.carry(mail_for("llm", "agent/a")) == verdict::here);
  CHECK(router.carry(mail_for("workflow", "shard-owner")) == verdict::here);
  CHECK(router.carry(mail_for("stream/1@n3#1", "workflow/task-1"))
        == verdict::carried);
  CHECK(sent.back() == "n3#1");
  SECTION("but not on from there, or two nodes might send it in a circle") {
    CHECK(router.carry(mail_for("workflow/task-1", "gateway@n3#1"))
          == verdict::here);
  }
  SECTION("and stays where it owns the shard itself") {
    std::vector<kit::owned_shards::place> all;
    for (std::uint32_t i = 0; i < 4; ++i)
      all.push_back({i, 1});
    shards->gain(all);
    shards->hold_until(std::chrono::steady_clock::now() + 1h);
    CHECK(router.carry(mail) == verdict::here);
  }
  SECTION("and is refused here where there is no link to its owner") {
    linked = false;
    CHECK(router.carry(mail) == verdict::here);
    CHECK(router.carry(mail_for("stream/1@n3#1", "workflow/task-1"))
          == verdict::lost);
  }
}

} // namespace shannon::dispatch
