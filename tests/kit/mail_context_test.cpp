#include "actors/kit/mail_context.hpp"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "tests/kit/actor_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace shannon::kit {

using namespace std::chrono_literals;

namespace {

const std::string a_trace
    = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

struct start {};
struct question {};
struct answer {};
struct note {
  std::string when;
};

/// Who asked, and as part of what.
struct seen {
  std::string what;
  std::string tenant;
  std::string trace;
};

/// Notes what mail says of itself, and answers questions.
class listener final : public actor_base {
public:
  listener(caf::actor_config& cfg, actor_env& env, std::vector<seen>& all)
      : actor_base(cfg, env, {"listener"}), all_(all) {}

protected:
  handlers make_handlers() override {
    return {on<question>([this](auto& mail, auto&) {
              add("question", mail);
              reply(mail, answer{});
            }),
            on<note>([this](auto& mail, auto& m) { add(m.when, mail); })};
  }

private:
  void add(const std::string& what, const envelope& mail) {
    all_.push_back({what, mail.tenant.value, mail.traceparent});
  }

  std::vector<seen>& all_;
};

/// For each `start`: asks, and tells at once, after the answer, and later.
class worker final : public actor_base {
public:
  worker(caf::actor_config& cfg, actor_env& env)
      : actor_base(cfg, env, {"worker"}) {}

protected:
  handlers make_handlers() override {
    return {on<start>([this](auto&, auto&) {
      ask<answer>({"listener"}, question{}, 1s, [this](const auto&) {
        tell({"listener"}, note{"after the answer"});
        after(50ms, [this] { tell({"listener"}, note{"later"}); });
      });
      tell({"listener"}, note{"at once"});
    })};
  }
};

struct fixture {
  fixture() {
    world.spawn<listener>(world.env, all);
    world.spawn<worker>(world.env);
  }
  void start_for(const std::string& tenant, const std::string& trace) {
    auto mail = std::make_shared<envelope>();
    mail->to = {"worker"};
    mail->tenant = tenant_id{tenant};
    mail->traceparent = trace;
    mail->body = start{};
    world.addresses.deliver(mail);
  }

  std::vector<seen> all;
  actor_fixture world;
};

/// Holds its turn's worth of mail and notes the order.
class queue final : public actor_base {
public:
  queue(caf::actor_config& cfg, actor_env& env, std::size_t most,
        std::vector<std::string>& order)
      : actor_base(cfg, env, {"queue"}, most), order_(order) {}

protected:
  handlers make_handlers() override {
    return {on<note>([this](auto&, auto& m) { order_.push_back(m.when); }),
            on<remote::CancelTask>([this](auto& mail, auto&) {
              order_.push_back("cancel");
              reply(mail, answer{});
            }),
            on<remote::CancelEffect>(
                [this](auto&, auto&) { order_.push_back("cancel effect"); })};
  }

private:
  std::vector<std::string>& order_;
};

/// Fills the queue beyond its limit, then cancels.
class flooder final : public actor_base {
public:
  flooder(caf::actor_config& cfg, actor_env& env, int notes, int& answered)
      : actor_base(cfg, env, {"flooder"}), notes_(notes), answered_(answered) {}

protected:
  handlers make_handlers() override {
    return {};
  }
  void started() override {
    for (int i = 0; i < notes_; ++i)
      tell({"queue"}, note{"note"});
    tell({"queue"}, remote::CancelEffect{});
    ask<answer>({"queue"}, remote::CancelTask{}, 1s,
                [this](const auto& got) { answered_ += got ? 1 : 0; });
  }

private:
  int notes_;
  int& answered_;
};

} // namespace

TEST_CASE_METHOD(fixture,
                 "what an actor sends for a mail is on the same behalf "
                 "and of the same trace, then and later") {
  start_for("acme", a_trace);
  start_for("", "");
  world.run();
  world.advance(100ms);
  REQUIRE(all.size() == 8);
  std::vector<std::string> of_acme;
  std::vector<std::string> of_nobody;
  for (const auto& one : all) {
    CHECK(one.tenant == (one.trace.empty() ? "" : "acme"));
    CHECK((one.trace.empty() || one.trace == a_trace));
    (one.trace.empty() ? of_nobody : of_acme).push_back(one.what);
  }
  std::vector<std::string> wanted{"question", "at once", "after the answer",
                                  "later"};
  CHECK(of_acme == wanted);
  CHECK(of_nobody == wanted);
  CHECK(current_context().empty());
}

TEST_CASE("what ends work comes into a full mailbox, and an ask of it first") {
  std::vector<std::string> order;
  int answered = 0;
  actor_fixture world;
  world.spawn<queue>(world.env, 10, order);
  world.spawn<flooder>(world.env, 15, answered);
  world.run();
  CHECK(answered == 1);
  // Ten notes of fifteen had room. What cancels an effect must not come before
  // the ask that began it.
  REQUIRE(order.size() == 12);
  CHECK(order.front() == "cancel");
  CHECK(order.back() == "cancel effect");
}

TEST_CASE("a traceparent is passed on if it is one, else begun") {
  CHECK(traceparent_of(a_trace, "") == a_trace);
  const std::string id(32, 'a');
  auto begun = traceparent_of("", id);
  CHECK(begun == "00-" + id + "-" + std::string(16, 'a') + "-00");
  CHECK(mail_context{{}, begun}.trace_id() == id);
  for (std::string bad :
       {"", "00", "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"}) {
    CHECK(traceparent_of(bad, "") == "");
    CHECK(traceparent_of(bad, id) == begun);
  }
  CHECK(traceparent_of("", "my-request") == "");
}

} // namespace shannon::kit
