// Calls that pass a DISPATCHER by: only while there is room and nobody waits,
// and counted as if they had stopped.

#include "actors/dispatch/passing_line.hpp"
#include "protocols/straight_call.hpp"
#include "tests/dispatch/dispatch_world.hpp"

#include <memory>
#include <vector>

namespace shannon::dispatch {

namespace {

class begun_or_not final : public straight::listener {
public:
  void begun(std::shared_ptr<straight::call>) override {
    begun_ = true;
  }
  bool has_begun() const noexcept override {
    return begun_;
  }
  void piece(remote::LlmDelta) override {}
  void end(result<remote::LlmResponse>) override {}

private:
  bool begun_ = false;
};

/// A worker on the first node that begins whatever passes by.
struct passing_world : world {
  explicit passing_world(std::uint64_t capacity) {
    worker_here(capacity);
    tell_members({"n1#1"});
    take_offers();
  }
  ~passing_world() {
    under_way.clear();
  }

  void take_offers() {
    addresses.bind_direct(
        {"tool/worker"}, addresses.find({"tool/worker"}).address(),
        typeid(straight::offer), [this](auto& mail) {
          const auto& what = *mail->body.template get_if<straight::offer>();
          under_way.push_back(what.place);
          what.to->begun(nullptr);
        });
  }

  /// Was it begun?
  bool pass() {
    auto to = std::make_shared<begun_or_not>();
    straight::offer what;
    what.what = std::make_shared<const remote::LlmCall>();
    what.to = to;
    tell("tool", std::move(what));
    run();
    return to->has_begun();
  }

  void end_one() {
    under_way.pop_back();
    run();
  }

  /// The first node's grants; true once they are drained.
  std::shared_ptr<bool> drain_here() {
    auto drained = std::make_shared<bool>(false);
    keep(system.spawn<kit::actor_fixture::asker>(
        env, "drainer", [drained](auto& self) {
          self.template ask<cluster::drained>(
              {"grants/tool"}, cluster::drain{}, 60s,
              [drained](const result<cluster::drained>& got) {
                *drained = got.has_value();
              });
        }));
    run();
    return drained;
  }

  std::vector<std::shared_ptr<void>> under_way;
};

} // namespace

TEST_CASE("what passes by takes room, and gives it back when it ends") {
  passing_world w{2};
  CHECK(w.pass());
  CHECK(w.pass());
  CHECK_FALSE(w.pass());
  w.end_one();
  CHECK(w.pass());
}

TEST_CASE("nobody passes those who wait, and an end lets the next of them go") {
  passing_world w{2};
  REQUIRE(w.pass());
  w.ask();
  CHECK(w.near.taken.size() == 1);
  w.ask();
  CHECK(w.near.taken.size() == 1);
  CHECK_FALSE(w.pass());
  w.end_one();
  CHECK(w.near.taken.size() == 2);
  w.near.answer(0);
  w.run();
  // Nobody waits any more.
  CHECK(w.pass());
}

TEST_CASE("tenants who wait take turns, whoever passed by before") {
  passing_world w{1};
  REQUIRE(w.pass());
  for (const auto* tenant : {"a", "a", "b"}) {
    remote::ToolRun what;
    what.mutable_context()->set_attempt_key(w.key(w.answers.size()));
    what.mutable_context()->set_tenant(tenant);
    w.ask_for(what, 60s);
  }
  w.end_one();
  REQUIRE(w.near.taken.size() == 1);
  CHECK_FALSE(w.pass());
  w.near.answer(0);
  w.run();
  REQUIRE(w.near.taken.size() == 2);
  auto second = w.near.taken[1].body.get_if<remote::ToolRun>();
  CHECK(second->context().tenant() == "b");
}

TEST_CASE("without a worker of the own node nobody passes") {
  world w;
  w.worker_there(2);
  w.tell_members({"n2#1"});
  straight::offer what;
  what.what = std::make_shared<const remote::LlmCall>();
  auto to = std::make_shared<begun_or_not>();
  what.to = to;
  w.tell("tool", std::move(what));
  w.run();
  CHECK_FALSE(to->has_begun());
}

TEST_CASE("a node that drains lets nobody pass, and waits for who has") {
  passing_world w{2};
  REQUIRE(w.pass());
  auto drained = w.drain_here();
  w.advance(3s);
  CHECK_FALSE(*drained);
  CHECK_FALSE(w.pass());
  w.end_one();
  w.advance(100ms);
  CHECK(*drained);
}

TEST_CASE("an offer whose worker is gone is left, and holds no room") {
  passing_world w{1};
  auto worker = w.addresses.find({"tool/worker"});
  w.addresses.unbind({"tool/worker"}, worker.address());
  CHECK_FALSE(w.pass());
  w.addresses.bind({"tool/worker"}, worker);
  w.take_offers();
  CHECK(w.pass());
}

TEST_CASE("what passes by is counted as under way") {
  passing_world w{4};
  for (int i = 0; i < 3; ++i)
    REQUIRE(w.pass());
  w.advance(2s);
  CHECK(w.registry.render().find("shannon_dispatch_effects{role=\"tool\","
                                 "state=\"under_way\"} 3")
        != std::string::npos);
}

TEST_CASE("a line that is shut says when a place comes back") {
  int looks = 0;
  auto line = std::make_shared<passing_line>([&] { ++looks; });
  CHECK(line->take() == nullptr);
  line->open(1);
  auto place = line->take();
  REQUIRE(place);
  CHECK(line->take() == nullptr);
  place.reset();
  CHECK(looks == 0);
  place = line->take();
  CHECK(line->shut() == 1);
  place.reset();
  CHECK(looks == 1);
  CHECK(line->taken() == 0);
}

} // namespace shannon::dispatch
