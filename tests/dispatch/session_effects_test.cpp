// Actions of browser sessions go to the node that has the session; new ones to
// a node that has room for their tenant, or they wait.

#include "protocols/work.hpp"
#include "tests/dispatch/dispatch_world.hpp"

namespace shannon::dispatch {

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

} // namespace shannon::dispatch
