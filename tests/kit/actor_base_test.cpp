#include "metrics/actor_metrics.hpp"
#include "tests/kit/actor_fixture.hpp"
#include "tests/kit/scripted_child.hpp"

#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

namespace shannon::kit {

using namespace std::chrono_literals;

namespace {

struct fixture {
  journal seen;
  actor_fixture world;

  caf::actor spawn_child(const std::string& name,
                         std::size_t mailbox_max = 10'000) {
    return world.spawn<scripted_child>(world.env, name, seen, mailbox_max);
  }

  void tell(const std::string& to, message_body body) {
    auto mail = std::make_shared<envelope>();
    mail->to = {to};
    mail->body = std::move(body);
    world.addresses.deliver(mail);
    world.run();
  }
};

/// Keeps a message until it is told to answer, as an activator would.
class slow_child final : public actor_base {
public:
  slow_child(caf::actor_config& cfg, actor_env& shared)
      : actor_base(cfg, shared, {"slow"}) {}

protected:
  handlers make_handlers() override {
    return {on<echo>([this](const envelope& mail, const echo& what) {
      auto number = what.number;
      after(300ms, [this, mail, number] { reply(mail, echo{number}); });
    })};
  }
};

/// Stands at the bare kind: gets what has no receiver of its own.
class kind_child final : public actor_base {
public:
  kind_child(caf::actor_config& cfg, actor_env& shared)
      : actor_base(cfg, shared, {"child"}) {}

protected:
  handlers make_handlers() override {
    return {on<echo>(
        [this](const envelope& mail, const echo& what) { reply(mail, what); })};
  }
};

} // namespace

TEST_CASE_METHOD(fixture, "an ask is answered exactly once") {
  spawn_child("a");
  auto got = world.ask_all<echo>("child/a", echo{42});
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->number == 42);
}

TEST_CASE_METHOD(fixture, "a message nobody handles is refused exactly once") {
  spawn_child("a");
  struct unheard_of {};
  auto got = world.ask_all<echo>("child/a", unheard_of{});
  REQUIRE(got.size() == 1);
  REQUIRE(!got[0]);
  CHECK(got[0].error().code == errc::invalid_argument);
}

TEST_CASE_METHOD(fixture, "an ask without an answer times out exactly once") {
  spawn_child("a");
  auto got = world.ask_all<echo>("child/a", stay_silent{}, 200ms);
  REQUIRE(got.size() == 1);
  REQUIRE(!got[0]);
  CHECK(got[0].error().code == errc::timeout);
}

TEST_CASE_METHOD(fixture, "an answer after the deadline is dropped") {
  world.spawn<slow_child>(world.env);
  auto got = world.ask_all<echo>("slow", echo{1}, 100ms);
  REQUIRE(got.size() == 1);
  REQUIRE(!got[0]);
  CHECK(got[0].error().code == errc::timeout);
}

TEST_CASE_METHOD(fixture, "an answer within the deadline is not") {
  world.spawn<slow_child>(world.env);
  auto got = world.ask_all<echo>("slow", echo{1}, 400ms);
  REQUIRE(got.size() == 1);
  CHECK(got[0]);
}

TEST_CASE_METHOD(fixture, "asking nobody fails exactly once") {
  auto got = world.ask_all<echo>("child/none", echo{1});
  REQUIRE(got.size() == 1);
  REQUIRE(!got[0]);
  CHECK(got[0].error().code == errc::unavailable);
  CHECK(got[0].error().retryable);
}

TEST_CASE_METHOD(fixture, "an answer of another type is a failure") {
  spawn_child("a");
  auto got = world.ask_all<crash>("child/a", echo{1});
  REQUIRE(got.size() == 1);
  REQUIRE(!got[0]);
  CHECK(got[0].error().code == errc::failed);
}

TEST_CASE_METHOD(fixture, "an address without an actor goes to its kind") {
  world.spawn<slow_child>(world.env);
  CHECK(world.ask_all<echo>("slow/42", echo{1}).at(0));
}

TEST_CASE_METHOD(fixture, "a late answer is not taken for a successor's") {
  world.spawn<slow_child>(world.env);
  spawn_child("a");
  int answers = 0;
  using asker = actor_fixture::asker;
  auto ask = [&](const std::string& to, message_body body) {
    return world.spawn<asker>(
        world.env, "same", [&answers, to, body](asker& self) {
          self.ask({to}, body, 1'000ms,
                   [&](auto got) { answers += got ? 1 : 0; });
        });
  };
  auto first = ask("slow", echo{1});
  caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
  world.run();
  ask("child/a", stay_silent{});
  world.advance(600ms); // The answer to the first arrives meanwhile.
  CHECK(answers == 0);
}

TEST_CASE_METHOD(fixture, "a full mailbox refuses asks and is counted") {
  metrics::registry registry;
  metrics::actor_metrics counted{registry};
  world.env.metrics = &counted;
  auto child = spawn_child("a", 3);
  // Nothing runs between these, so they pile up.
  for (int i = 0; i < 5; ++i) {
    auto mail = std::make_shared<envelope>();
    mail->to = {"child/a"};
    mail->body = stay_silent{};
    world.addresses.deliver(mail);
  }
  std::vector<envelope_ptr> answers;
  caf::scoped_actor asker{world.system};
  world.addresses.bind({"test"}, caf::actor_cast<caf::actor>(asker.address()));
  auto mail = std::make_shared<envelope>();
  mail->to = {"child/a"};
  mail->from = {"test"};
  mail->correlation = 7;
  mail->body = echo{1};
  world.addresses.deliver(mail);
  asker->receive(
      [&](const envelope_ptr& answer) { answers.push_back(answer); });
  world.run();
  REQUIRE(answers.size() == 1);
  CHECK(answers[0]->is_reply);
  CHECK(answers[0]->correlation == 7);
  CHECK(answers[0]->status.code == errc::overloaded);
  CHECK(answers[0]->status.retryable);
  // Then it works again.
  CHECK(world.ask_all<echo>("child/a", echo{1}).at(0));
  CHECK(
      registry.render().find("shannon_mailbox_rejected_total{kind=\"child\"} 3")
      != std::string::npos);
  auto* actor
      = dynamic_cast<actor_base*>(caf::actor_cast<caf::abstract_actor*>(child));
  CHECK(actor->stats().depth == 0);
  CHECK(actor->stats().rejected == 3);
  CHECK(actor->stats().processed == 4);
  world.addresses.clear();
}

TEST_CASE_METHOD(fixture, "an exit message passes a full mailbox") {
  auto child = spawn_child("a", 1);
  for (int i = 0; i < 3; ++i) {
    auto mail = std::make_shared<envelope>();
    mail->to = {"child/a"};
    mail->body = stay_silent{};
    world.addresses.deliver(mail);
  }
  caf::anon_send_exit(child, caf::exit_reason::user_shutdown);
  world.run();
  CHECK(seen == journal{"+a", "-a"});
}

TEST_CASE_METHOD(fixture, "a throw ends the actor with its text as reason") {
  auto child = spawn_child("a");
  caf::scoped_actor watcher{world.system};
  watcher->monitor(child);
  tell("child/a", crash{"the disk is on fire"});
  caf::error reason;
  watcher->receive([&](const caf::down_msg& down) { reason = down.reason; });
  REQUIRE(reason.context().match_elements<std::string>());
  CHECK(reason.context().get_as<std::string>(0) == "the disk is on fire");
  CHECK(seen == journal{"+a", "-a"});
  CHECK(!world.addresses.find({"child/a"}));
}

TEST_CASE_METHOD(fixture, "an actor is bound as soon as it is spawned") {
  auto child = world.system.spawn<scripted_child>(world.env, "a", seen);
  // It has not run yet.
  CHECK(seen.empty());
  CHECK(world.addresses.find({"child/a"}) == child);
  world.keep(child);
}

TEST_CASE_METHOD(fixture,
                 "an actor that is started lazily takes its first turn "
                 "with its first mail, and none if it gets none") {
  auto idle = world.system.spawn<scripted_child, caf::lazy_init>(world.env, "a",
                                                                 seen);
  auto unused = world.system.spawn<scripted_child, caf::lazy_init>(world.env,
                                                                   "b", seen);
  world.run();
  CHECK(seen.empty());
  CHECK(world.addresses.find({"child/a"}) == idle);
  auto got = world.ask_all<echo>("child/a", echo{7});
  REQUIRE(got.size() == 1);
  CHECK(got[0]->number == 7);
  CHECK(seen == journal{"+a"});
  for (const auto& one : {idle, unused})
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  world.run();
  CHECK(!world.addresses.find({"child/a"}));
  CHECK(!world.addresses.find({"child/b"}));
}

TEST_CASE_METHOD(fixture, "a successor keeps the address of a late leaver") {
  auto first = spawn_child("a");
  auto second = spawn_child("a");
  caf::anon_send_exit(first, caf::exit_reason::user_shutdown);
  world.run();
  CHECK(world.addresses.find({"child/a"}) == second);
}

TEST_CASE_METHOD(fixture, "what is posted from outside runs on the actor") {
  int ran = 0;
  std::function<void(job)> post;
  class posting final : public actor_base {
  public:
    posting(caf::actor_config& cfg, actor_env& shared,
            std::function<void(job)>& out)
        : actor_base(cfg, shared, {"posting"}) {
      out = poster();
    }

  protected:
    handlers make_handlers() override {
      return {};
    }
  };
  auto who = world.spawn<posting>(world.env, post);
  post([&] { ++ran; });
  CHECK(ran == 0);
  world.run();
  CHECK(ran == 1);
  caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
  world.run();
  post([&] { ++ran; });
  world.run();
  CHECK(ran == 1);
}

TEST_CASE_METHOD(fixture, "mail its receiver has not read is refused at once") {
  auto child = spawn_child("a");
  std::vector<result<echo>> got;
  world.spawn<actor_fixture::asker>(
      world.env, "asker", [&](actor_fixture::asker& self) {
        caf::anon_send_exit(child, caf::exit_reason::kill);
        self.ask<echo>({"child/a"}, echo{1}, 5'000ms,
                       [&](result<echo> answer) { got.push_back(answer); });
      });
  REQUIRE(got.size() == 1);
  REQUIRE_FALSE(got[0]);
  CHECK(got[0].error().code == errc::unavailable);
  CHECK(got[0].error().retryable);
}

TEST_CASE_METHOD(fixture, "unread mail goes to who stands there now") {
  auto child = spawn_child("a");
  std::vector<result<echo>> got;
  world.spawn<kind_child>(world.env);
  world.spawn<actor_fixture::asker>(
      world.env, "asker", [&](actor_fixture::asker& self) {
        caf::anon_send_exit(child, caf::exit_reason::kill);
        self.ask<echo>({"child/a"}, echo{1}, 5'000ms,
                       [&](result<echo> answer) { got.push_back(answer); });
      });
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->number == 1);
}

TEST_CASE_METHOD(fixture, "mail with a direct receiver passes by the mailbox") {
  auto child = spawn_child("a");
  int direct = 0;
  auto take = [&](const envelope_ptr& mail) {
    ++direct;
    auto answer = std::make_shared<envelope>();
    answer->to = mail->from;
    answer->correlation = mail->correlation;
    answer->is_reply = true;
    answer->body = echo{7};
    world.addresses.deliver(answer);
  };
  world.addresses.bind_direct({"child/a"}, child.address(), typeid(echo), take);
  auto got = world.ask_all<echo>("child/a", echo{1});
  REQUIRE(got.size() == 1);
  REQUIRE(got[0]);
  CHECK(got[0]->number == 7);
  CHECK(direct == 1);
  // It goes with the actor it was bound for.
  caf::anon_send_exit(child, caf::exit_reason::kill);
  world.run();
  CHECK_FALSE(world.ask_all<echo>("child/a", echo{1}).at(0));
  spawn_child("a");
  CHECK(world.ask_all<echo>("child/a", echo{1}).size() == 1);
  CHECK(direct == 1);
}

} // namespace shannon::kit
