#include "metrics/actor_metrics.hpp"
#include "protocols/inspector.hpp"
#include "tests/kit/actor_fixture.hpp"
#include "tests/kit/scripted_child.hpp"

#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

namespace shannon::kit {

using namespace std::chrono_literals;
using inspector::child_state;
using inspector::tree_node;

namespace {

struct fixture {
  journal seen;
  actor_fixture world;

  caf::actor start(supervisor_spec spec) {
    return world.keep(
        spawn_supervisor(world.system, world.env, std::move(spec)));
  }

  supervisor_spec three(strategy how) {
    return {.name = "s",
            .how = how,
            .children
            = {scripted(world.env, "a", seen), scripted(world.env, "b", seen),
               scripted(world.env, "c", seen)}};
  }

  void tell(const std::string& to, message_body body) {
    auto mail = std::make_shared<envelope>();
    mail->to = {to};
    mail->body = std::move(body);
    REQUIRE(world.addresses.deliver(mail));
    world.run();
  }

  /// What happened since the last call.
  journal happened() {
    return std::exchange(seen, {});
  }

  tree_node tree(const std::string& name) {
    auto got
        = world.ask_all<tree_node>("supervisor/" + name, inspector::get_tree{});
    REQUIRE(got.size() == 1);
    if (!got[0])
      FAIL(got[0].error().text);
    return *got[0];
  }

  /// Why `who` ended.
  std::string reason_of(caf::scoped_actor& watcher) {
    std::string text = "(still there)";
    watcher->receive(
        [&](const caf::down_msg& down) {
          text = down.reason.context().match_elements<std::string>()
                     ? down.reason.context().get_as<std::string>(0)
                     : world.system.render(down.reason);
        },
        caf::after(0s) >> [] {});
    return text;
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "children start in order and stop in reverse") {
  auto root = start(three(strategy::one_for_one));
  CHECK(happened() == journal{"+a", "+b", "+c"});
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  world.run();
  CHECK(happened() == journal{"-c", "-b", "-a"});
  CHECK(!world.addresses.find({"supervisor/s"}));
}

TEST_CASE_METHOD(fixture, "a child that crashes comes back after a backoff") {
  metrics::registry registry;
  metrics::actor_metrics counted{registry};
  world.env.metrics = &counted;
  start(three(strategy::one_for_one));
  happened();
  tell("child/b", crash{"boom"});
  CHECK(happened() == journal{"-b"});
  world.advance(45ms);
  CHECK(happened().empty());
  world.advance(10ms);
  CHECK(happened() == journal{"+b"});
  tell("child/b", crash{"boom"});
  world.advance(95ms);
  CHECK(happened() == journal{"-b"});
  world.advance(10ms);
  CHECK(happened() == journal{"+b"});
  CHECK(
      registry.render().find("shannon_supervisor_restarts_total{child=\"b\"} 2")
      != std::string::npos);
}

TEST_CASE_METHOD(fixture, "a child that stayed up starts its backoff anew") {
  start(three(strategy::one_for_one));
  tell("child/b", crash{"boom"});
  world.advance(60ms);
  tell("child/b", crash{"boom"});
  world.advance(110ms);
  world.advance(60'000ms);
  happened();
  tell("child/b", crash{"boom"});
  world.advance(55ms);
  CHECK(happened() == journal{"-b", "+b"});
}

TEST_CASE_METHOD(fixture,
                 "too many restarts end the supervisor with the cause") {
  auto spec = three(strategy::one_for_one);
  spec.restarts_max = 2;
  auto root = start(std::move(spec));
  caf::scoped_actor watcher{world.system};
  watcher->monitor(root);
  for (int i = 0; i < 2; ++i) {
    tell("child/b", crash{"boom"});
    world.advance(300ms);
  }
  CHECK(reason_of(watcher) == "(still there)");
  happened();
  tell("child/b", crash{"no space left"});
  auto why = reason_of(watcher);
  CHECK(why.find("supervisor s: child b") != std::string::npos);
  CHECK(why.find("no space left") != std::string::npos);
  CHECK(happened() == journal{"-b", "-c", "-a"});
}

TEST_CASE_METHOD(fixture, "restarts outside the window do not add up") {
  auto spec = three(strategy::one_for_one);
  spec.restarts_max = 1;
  spec.restart_window = 1s;
  auto root = start(std::move(spec));
  caf::scoped_actor watcher{world.system};
  watcher->monitor(root);
  for (int i = 0; i < 5; ++i) {
    tell("child/a", crash{"boom"});
    world.advance(2s);
  }
  CHECK(reason_of(watcher) == "(still there)");
}

TEST_CASE_METHOD(fixture, "escalation restarts the whole subtree") {
  supervisor_spec below{
      .name = "below",
      .restarts_max = 1,
      .children
      = {scripted(world.env, "x", seen), scripted(world.env, "y", seen)},
  };
  start({.name = "above",
         .children = {scripted(world.env, "w", seen),
                      supervised(world.env, std::move(below))}});
  CHECK(happened() == journal{"+w", "+x", "+y"});
  tell("child/x", crash{"first"});
  world.advance(60ms);
  CHECK(happened() == journal{"-x", "+x"});
  tell("child/x", crash{"second"});
  CHECK(happened() == journal{"-x", "-y"});
  world.advance(60ms);
  CHECK(happened() == journal{"+x", "+y"});
  auto all = tree("above");
  REQUIRE(all.children.size() == 2);
  CHECK(all.children[0].restarts == 0);
  CHECK(all.children[1].restarts == 1);
  CHECK(all.children[1].last_error.find("second") != std::string::npos);
  CHECK(all.children[1].children.at(0).restarts == 0);
}

TEST_CASE_METHOD(fixture, "rest for one restarts those started after") {
  start(three(strategy::rest_for_one));
  happened();
  tell("child/b", crash{"boom"});
  CHECK(happened() == journal{"-b", "-c"});
  world.advance(60ms);
  CHECK(happened() == journal{"+b", "+c"});
  tell("child/c", crash{"boom"});
  world.advance(60ms);
  CHECK(happened() == journal{"-c", "+c"});
}

TEST_CASE_METHOD(fixture, "one for all restarts every child in order") {
  start(three(strategy::one_for_all));
  happened();
  tell("child/b", crash{"boom"});
  CHECK(happened() == journal{"-b", "-c", "-a"});
  world.advance(60ms);
  CHECK(happened() == journal{"+a", "+b", "+c"});
}

TEST_CASE_METHOD(fixture, "a failure during a group restart widens the group") {
  start(three(strategy::rest_for_one));
  happened();
  tell("child/b", crash{"boom"});
  world.advance(20ms);
  CHECK(happened() == journal{"-b", "-c"});
  tell("child/a", crash{"boom"});
  CHECK(happened() == journal{"-a"});
  world.advance(45ms);
  CHECK(happened().empty()); // The first pause is over, the second is not.
  world.advance(10ms);
  CHECK(happened() == journal{"+a", "+b", "+c"});
  world.advance(500ms);
  CHECK(happened().empty());
}

TEST_CASE_METHOD(fixture, "a transient child that finished stays down") {
  start({.name = "s",
         .children = {scripted(world.env, "a", seen, restart::transient)}});
  tell("child/a", finish{});
  world.advance(10s);
  CHECK(happened() == journal{"+a", "-a"});
  CHECK(tree("s").children.at(0).state == child_state::ended);
}

TEST_CASE_METHOD(fixture, "a transient child that crashed comes back") {
  start({.name = "s",
         .children = {scripted(world.env, "a", seen, restart::transient)}});
  tell("child/a", crash{"boom"});
  world.advance(60ms);
  CHECK(happened() == journal{"+a", "-a", "+a"});
}

TEST_CASE_METHOD(fixture, "a temporary child never comes back") {
  start({.name = "s",
         .children = {scripted(world.env, "a", seen, restart::temporary)}});
  tell("child/a", crash{"boom"});
  world.advance(10s);
  CHECK(happened() == journal{"+a", "-a"});
  CHECK(tree("s").children.at(0).last_error == "boom");
}

TEST_CASE_METHOD(fixture, "a permanent child comes back after a normal end") {
  start({.name = "s", .children = {scripted(world.env, "a", seen)}});
  tell("child/a", finish{});
  world.advance(60ms);
  CHECK(happened() == journal{"+a", "-a", "+a"});
}

TEST_CASE_METHOD(fixture, "a child that does not stop is killed in time") {
  auto root
      = start({.name = "s",
               .children = {scripted(world.env, "a", seen),
                            scripted<stubborn_child>(world.env, "b", seen)}});
  happened();
  caf::anon_send_exit(root, caf::exit_reason::user_shutdown);
  world.advance(1'900ms);
  CHECK(happened().empty());
  world.advance(150ms);
  CHECK(happened() == journal{"-b", "-a"});
}

TEST_CASE_METHOD(fixture, "children of a killed supervisor end too") {
  auto root = start(three(strategy::one_for_one));
  happened();
  caf::anon_send_exit(root, caf::exit_reason::kill);
  world.run();
  CHECK(happened().size() == 3);
}

TEST_CASE_METHOD(fixture, "a child that cannot start is tried again") {
  int attempts = 0;
  start({.name = "s",
         .children = {
             {"a",
              [&](caf::local_actor& parent) -> caf::actor {
                if (++attempts < 3)
                  throw std::runtime_error{"port in use"};
                return parent.spawn<scripted_child>(world.env, "a", seen);
              }},
             scripted(world.env, "b", seen),
         }});
  CHECK(happened() == journal{"+b"});
  auto all = tree("s");
  CHECK(all.children.at(0).last_error == "port in use");
  world.advance(500ms);
  CHECK(attempts == 3);
  CHECK(happened() == journal{"+a"});
}

TEST_CASE_METHOD(fixture, "siblings that lean on each other wait for a start") {
  int attempts = 0;
  start({.name = "s",
         .how = strategy::rest_for_one,
         .children = {
             {"a",
              [&](caf::local_actor& parent) -> caf::actor {
                if (++attempts < 2)
                  return nullptr;
                return parent.spawn<scripted_child>(world.env, "a", seen);
              }},
             scripted(world.env, "b", seen),
         }});
  CHECK(happened().empty());
  world.advance(60ms);
  CHECK(happened() == journal{"+a", "+b"});
}

TEST_CASE_METHOD(fixture,
                 "a child that never starts escalates at once or later") {
  auto root = start({.name = "s",
                     .restarts_max = 0,
                     .children = {{"a", [](caf::local_actor&) -> caf::actor {
                                     throw std::runtime_error{"no database"};
                                   }}}});
  caf::scoped_actor watcher{world.system};
  watcher->monitor(root);
  world.run();
  CHECK(reason_of(watcher).find("no database") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "the tree tells restarts, errors and work done") {
  supervisor_spec below{.name = "below",
                        .children = {scripted(world.env, "x", seen)}};
  start({.name = "top",
         .children = {supervised(world.env, std::move(below)),
                      scripted(world.env, "w", seen)}});
  tell("child/x", crash{"boom"});
  world.advance(100ms);
  tell("child/w", stay_silent{});
  tell("child/w", stay_silent{});
  auto all = tree("top");
  CHECK(all.name == "top");
  CHECK(all.kind == "supervisor");
  CHECK(all.state == child_state::running);
  REQUIRE(all.children.size() == 2);
  const auto& sub = all.children[0];
  CHECK(sub.name == "below");
  CHECK(sub.kind == "supervisor");
  CHECK(sub.last_error.empty());
  REQUIRE(sub.children.size() == 1);
  CHECK(sub.children[0].name == "x");
  CHECK(sub.children[0].kind == "child");
  CHECK(sub.children[0].restarts == 1);
  CHECK(sub.children[0].last_error == "boom");
  CHECK(sub.children[0].state == child_state::running);
  const auto& leaf = all.children[1];
  CHECK(leaf.messages_total == 2);
  CHECK(leaf.mailbox_depth == 0);
  CHECK(leaf.since.time_since_epoch().count() > 0);
}

TEST_CASE_METHOD(fixture, "the tree shows who waits for a restart") {
  auto spec = three(strategy::one_for_one);
  spec.delay = {10s, 10s};
  start(std::move(spec));
  tell("child/b", crash{"boom"});
  CHECK(tree("s").children.at(1).state == child_state::backing_off);
}

TEST_CASE_METHOD(fixture, "a child may be any actor") {
  caf::actor plain;
  start({.name = "s", .children = {{"plain", [&](caf::local_actor& parent) {
                                      plain = parent.spawn(
                                          [](caf::event_based_actor*) {
                                            return caf::behavior{[](int) {}};
                                          });
                                      return plain;
                                    }}}});
  auto first = plain;
  caf::anon_send_exit(first, caf::exit_reason::kill);
  world.run();
  world.advance(60ms);
  CHECK(plain != first);
  auto all = tree("s");
  CHECK(all.children.at(0).restarts == 1);
  CHECK(all.children.at(0).messages_total == 0);
  plain = nullptr;
}

} // namespace shannon::kit
