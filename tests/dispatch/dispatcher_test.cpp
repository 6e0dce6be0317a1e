// Effects go to whoever has room, here or on another node; none is lost without
// a word when a worker goes, and nothing waits at a worker.

#include "actors/cluster/mail_router.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/work.hpp"
#include "tests/dispatch/dispatch_world.hpp"

#include <algorithm>
#include <memory>

namespace shannon::dispatch {

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
