// Who is started, kept back, woken, parked and forgotten; when to look for who
// is due: without an actor or a clock.

#include "actors/workflow/activation_table.hpp"
#include "actors/workflow/database_clock.hpp"
#include "actors/workflow/due_watch.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <utility>
#include <vector>

using namespace shannon;
using namespace shannon::workflow;
using namespace std::chrono_literals;

namespace {

using table = activation_table;

/// Correlation 1 asks, 2 creates, 0 is a tell.
envelope_ptr mail_for(const std::string& log, std::uint64_t correlation = 1) {
  auto mail = std::make_shared<envelope>();
  mail->to = {"workflow/" + log};
  mail->correlation = correlation;
  return mail;
}

table make(table::limits limits = {}) {
  return {"workflow", limits, 100,
          [](const envelope& mail) { return mail.correlation == 2; }};
}

const log_id a{"a"};
const error ended{errc::not_found, "has ended", false, std::nullopt};

/// Starts `a` because it is due; its life.
std::uint64_t wake(table& all) {
  auto woken = all.wanted({a});
  REQUIRE(woken.starts.size() == 1);
  return woken.starts[0].life;
}

} // namespace

TEST_CASE("mail for a log that nobody carries has its head looked up") {
  auto all = make();
  auto first = all.mail(mail_for("a"), false);
  CHECK(first.look_ups == std::vector<log_id>{a});
  CHECK(all.mail(mail_for("a"), false).look_ups.empty());
  auto begun = all.looked_up(a, std::nullopt);
  REQUIRE(begun.starts.size() == 1);
  CHECK(begun.starts[0].mail.size() == 2);
  CHECK_FALSE(begun.starts[0].create);
  CHECK(all.active(a));
}

TEST_CASE("mail for a log that has ended is refused, and nothing is held") {
  auto all = make();
  all.mail(mail_for("a"), false);
  auto closed = all.looked_up(a, ended);
  REQUIRE(closed.refusals.size() == 1);
  CHECK(closed.refusals[0].why.code == errc::not_found);
  CHECK(all.size() == 0);
}

TEST_CASE("mail that creates starts at once, and again if it comes second") {
  auto all = make();
  auto born = all.mail(mail_for("a", 2), false);
  REQUIRE(born.starts.size() == 1);
  CHECK(born.starts[0].create);
  CHECK(born.look_ups.empty());
  auto other = make();
  other.mail(mail_for("a"), false);
  other.mail(mail_for("a", 2), false);
  auto both = other.looked_up(a, ended);
  REQUIRE(both.starts.size() == 1);
  CHECK(both.starts[0].create);
  CHECK(both.starts[0].mail.size() == 2);
}

TEST_CASE("tells are passed on to who lives, and kept for nobody") {
  auto all = make();
  CHECK(all.mail(mail_for("a", 0), false).look_ups.empty());
  CHECK(all.size() == 0);
  wake(all);
  CHECK(all.mail(mail_for("a", 0), true).forwards.size() == 1);
}

TEST_CASE("a run that waits is forgotten, and mail brings it back") {
  auto all = make();
  auto life = wake(all);
  all.settled(a, life, 7);
  all.passive(a, life);
  CHECK(all.down(a, life, table::end::done).starts.empty());
  CHECK(all.size() == 0);
  CHECK(all.failing() == 0);
  CHECK(all.mail(mail_for("a"), false).look_ups.size() == 1);
}

TEST_CASE("mail that meets a run on its way to rest is not lost") {
  auto all = make();
  auto life = wake(all);
  all.settled(a, life, 7);
  all.passive(a, life);
  CHECK(all.mail(mail_for("a"), false).starts.empty());
  auto again = all.down(a, life, table::end::done);
  REQUIRE(again.starts.size() == 1);
  CHECK(again.starts[0].mail.size() == 1);
  CHECK(again.starts[0].life != life);
}

TEST_CASE("mail that meets a run on its way to its end is looked up again") {
  auto all = make();
  auto life = wake(all);
  all.mail(mail_for("a"), false);
  CHECK(all.down(a, life, table::end::done).look_ups.size() == 1);
}

TEST_CASE("only so many logs are read at once, and mail does not wait") {
  table::limits limits;
  limits.reading_max = 2;
  auto all = make(limits);
  auto first = all.wanted({a, log_id{"b"}, log_id{"c"}, log_id{"d"}});
  CHECK(first.starts.size() == 2);
  CHECK(all.queued() == 2);
  CHECK(all.mail(mail_for("d"), false).starts.size() == 1);
  CHECK(all.queued() == 1);
  auto next = all.settled(a, first.starts[0].life, 1);
  REQUIRE(next.starts.size() == 1);
  CHECK(next.starts[0].log == log_id{"c"});
  // One that ends before it has read its log leaves its place too.
  all.down(log_id{"b"}, first.starts[1].life, table::end::done);
  CHECK(all.reading() == 1);
}

TEST_CASE("a log that is active is not started a second time") {
  auto all = make();
  wake(all);
  CHECK(all.wanted({a}).starts.empty());
}

TEST_CASE("above its limit a node takes nothing new") {
  table::limits limits;
  limits.runs_max = 1;
  auto all = make(limits);
  all.mail(mail_for("a", 2), false);
  auto more = all.mail(mail_for("b", 2), false);
  REQUIRE(more.refusals.size() == 1);
  CHECK(more.refusals[0].why.code == errc::overloaded);
  CHECK(all.mail(mail_for("b"), false).look_ups.size() == 1);
  CHECK(all.mail(mail_for("c"), false).refusals.size() == 1);
  // What is due waits until there is a place.
  CHECK(all.wanted({log_id{"d"}}).starts.empty());
  CHECK(all.queued() == 1);
}

TEST_CASE("where there is no room, what would create a log is refused and "
          "nothing is held; all other mail goes on") {
  bool room = false;
  int asked = 0;
  table all{"workflow",
            {},
            100,
            [](const envelope& mail) { return mail.correlation == 2; },
            [](const log_id&) { return false; },
            [&](const envelope&) {
              ++asked;
              return room;
            }};
  auto refused = all.mail(mail_for("a", 2), false);
  REQUIRE(refused.refusals.size() == 1);
  CHECK(refused.refusals[0].why.code == errc::overloaded);
  CHECK(refused.refusals[0].why.retry_after == 1'000ms);
  CHECK(all.size() == 0);
  // What asks for a run that is there, or may be, or is due.
  CHECK(all.mail(mail_for("b"), false).look_ups.size() == 1);
  CHECK(all.wanted({log_id{"c"}}).starts.size() == 1);
  CHECK(asked == 1);
  // Who is there already is told again, room or not.
  room = true;
  CHECK(all.mail(mail_for("a", 2), false).starts.size() == 1);
  room = false;
  CHECK(all.mail(mail_for("a", 2), true).forwards.size() == 1);
  CHECK(asked == 2);
}

TEST_CASE("mail for one log has a limit") {
  table::limits limits;
  limits.waiting_max = 2;
  auto all = make(limits);
  all.mail(mail_for("a"), false);
  all.mail(mail_for("a"), false);
  CHECK(all.mail(mail_for("a"), false).refusals.size() == 1);
}

namespace {

/// Fails where it is, comes back and reads its log up to `version`.
table::start fail_and_read(table& all, std::uint64_t& life,
                           log_version version) {
  auto out = all.down(a, life, table::end::failed);
  REQUIRE(out.pauses.size() == 1);
  auto back = all.pause_over(a);
  REQUIRE(back.starts.size() == 1);
  life = back.starts[0].life;
  all.settled(a, life, version);
  return back.starts[0];
}

} // namespace

TEST_CASE("five failures at one place park a run, however far apart") {
  auto all = make();
  auto life = wake(all);
  all.settled(a, life, 7);
  for (int i = 1; i < 5; ++i) {
    CHECK_FALSE(fail_and_read(all, life, 7).park);
    // In between it may have waited, held by nobody.
    all.passive(a, life);
    all.down(a, life, table::end::done);
    CHECK(all.size() == 0);
    life = wake(all);
    all.settled(a, life, 7);
  }
  auto last = fail_and_read(all, life, 7);
  REQUIRE(last.park);
  CHECK(last.park->at == 7);
  CHECK(last.park->reason.find("5 times") != std::string::npos);
}

TEST_CASE("a run that gets on between its failures is not parked") {
  auto all = make();
  auto life = wake(all);
  // It stands still only where the failures were.
  for (int i = 1; i < 20; ++i) {
    auto begun = fail_and_read(all, life, i / 4);
    CHECK((!begun.park || (begun.park->at && begun.park->at != i / 4)));
  }
}

TEST_CASE("a run that cannot even be read is parked wherever it is") {
  auto all = make();
  auto life = wake(all);
  table::orders back;
  for (int i = 0; i < 5; ++i) {
    auto why = "reason " + std::to_string(i);
    auto pause = all.down(a, life, table::end::failed, why).pauses;
    REQUIRE(pause.size() == 1);
    CHECK(pause[0].attempt == static_cast<std::uint32_t>(i + 1));
    back = all.pause_over(a);
    life = back.starts.at(0).life;
    CHECK(back.starts[0].failures == static_cast<std::uint32_t>(i + 1));
    CHECK(back.starts[0].last_failure == why);
  }
  REQUIRE(back.starts[0].park);
  CHECK_FALSE(back.starts[0].park->at);
  CHECK_FALSE(back.starts[0].create);
}

TEST_CASE("a log that must be read again has not failed") {
  auto all = make();
  auto life = wake(all);
  for (std::uint32_t i = 1; i < 20; ++i) {
    all.settled(a, life, 7);
    auto out = all.down(a, life, table::end::reread);
    REQUIRE(out.pauses.size() == 1);
    CHECK(out.pauses[0].attempt == i);
    auto back = all.pause_over(a);
    CHECK_FALSE(back.starts.at(0).park);
    life = back.starts[0].life;
  }
  all.settled(a, life, 8);
  CHECK(all.down(a, life, table::end::reread).pauses[0].attempt == 1);
}

TEST_CASE("a run that ends leaves no memory of its failures") {
  auto all = make();
  auto life = wake(all);
  fail_and_read(all, life, 7);
  CHECK(all.failing() == 1);
  all.down(a, life, table::end::done);
  CHECK(all.failing() == 0);
}

TEST_CASE("failures of only so many logs are remembered") {
  table::limits limits;
  limits.failing_max = 3;
  auto all = make(limits);
  for (int i = 0; i < 10; ++i) {
    log_id log{std::to_string(i)};
    auto begun = all.wanted({log});
    all.down(log, begun.starts.at(0).life, table::end::failed);
  }
  CHECK(all.failing() == 3);
}

TEST_CASE("what is said of a life before this one changes nothing") {
  auto all = make();
  auto first = wake(all);
  all.down(a, first, table::end::failed);
  auto second = all.pause_over(a).starts.at(0).life;
  all.down(a, first, table::end::done);
  all.passive(a, first);
  CHECK(all.active(a));
  CHECK(all.down(a, second, table::end::done).look_ups.empty());
  CHECK(all.size() == 0);
}

TEST_CASE("an activator that ends gives all mail back") {
  auto all = make();
  all.mail(mail_for("a"), false);
  all.mail(mail_for("b"), false);
  CHECK(all.give_up().size() == 2);
  CHECK(all.size() == 0);
}

// -- when to look -------------------------------------------------------------

namespace {

const due_watch::moment start{1'000s};
const due_watch::due_time database{5'000'000s};

store::due_logs found(std::size_t logs,
                      std::optional<due_watch::due_time> next = {}) {
  store::due_logs all;
  all.now = database;
  all.next = next;
  for (std::size_t i = 0; i < logs; ++i)
    all.logs.emplace_back(std::to_string(i));
  return all;
}

} // namespace

TEST_CASE("the next look is when the earliest timer is due") {
  due_watch watch{{}};
  CHECK(watch.looked(found(0, database + 5s), 0, start) == start + 5s);
  CHECK_FALSE(watch.expect(database + 7s, database, start));
  CHECK(watch.expect(database + 2s, database, start) == start + 2s);
  CHECK(watch.stands(start + 2s));
  CHECK_FALSE(watch.stands(start + 5s));
}

TEST_CASE("without timers the store is asked once a minute") {
  due_watch watch{{}};
  CHECK(watch.looked(found(0), 0, start) == start + 60s);
  CHECK(watch.looked(found(0, database + 1h), 0, start) == start + 60s);
  // One look names it before it is due.
  CHECK_FALSE(watch.expect(database + 2h, database, start));
}

TEST_CASE("a look that found all it may take is followed by the next soon") {
  due_watch watch{{}};
  CHECK(watch.looked(found(1'000, database - 3s), 1'000, start)
        == start + 50ms);
}

TEST_CASE("a look that finds the same logs again comes later and later") {
  due_watch watch{{}};
  CHECK(watch.looked(found(9, database - 3s), 0, start) == start + 50ms);
  CHECK(watch.looked(found(9, database - 3s), 0, start) == start + 100ms);
  CHECK(watch.looked(found(9, database - 3s), 0, start) == start + 200ms);
  CHECK(watch.looked(found(9), 1, start) == start + 60s);
  CHECK(watch.failed(start) == start + 50ms);
}

TEST_CASE("a node's clock is the database's once it has heard it") {
  database_clock clock;
  CHECK_FALSE(clock.known());
  clock.heard(database, start);
  CHECK(clock.known());
  CHECK(clock.now_us(start + 3s) == 5'000'003'000'000);
}

// -- other nodes' logs --------------------------------------------------------

namespace {

constexpr shard_epoch one = 1;

/// `a` is another node's if `elsewhere` says so at the time; all of this node's
/// are under the `epoch` of the time.
table make_shared_out(const bool& elsewhere, const shard_epoch& epoch = one) {
  return {"workflow",
          {},
          100,
          [](const envelope& mail) { return mail.correlation == 2; },
          [&](const log_id& log) {
            return elsewhere && log == a ? std::nullopt : std::optional{epoch};
          }};
}

} // namespace

TEST_CASE("a log of another node is not started, and mail for it is refused") {
  bool elsewhere = true;
  auto all = make_shared_out(elsewhere);
  CHECK(all.wanted({a}).starts.empty());
  for (std::uint64_t correlation : {1, 2}) {
    auto refused = all.mail(mail_for("a", correlation), false);
    CHECK(refused.starts.empty());
    REQUIRE(refused.refusals.size() == 1);
    CHECK(refused.refusals[0].why.code == errc::unavailable);
    CHECK(refused.refusals[0].why.retryable);
  }
  CHECK(all.size() == 0);
  CHECK(all.mail(mail_for("b", 2), false).starts.size() == 1);
}

TEST_CASE("what has become another node's is ended or given up") {
  bool elsewhere = false;
  auto all = make_shared_out(elsewhere);

  SECTION("one that lives is ended, and its mail refused") {
    auto life = wake(all);
    elsewhere = true;
    CHECK(all.moved().stops == std::vector<log_id>{a});
    CHECK(all.mail(mail_for("a"), false).refusals.size() == 1);
    CHECK(all.down(a, life, table::end::done).starts.empty());
    CHECK(all.size() == 0);
  }
  SECTION("one that is looked up") {
    all.mail(mail_for("a"), false);
    elsewhere = true;
    CHECK(all.moved().refusals.size() == 1);
    CHECK(all.size() == 0);
    CHECK(all.looked_up(a, std::nullopt).starts.empty());
  }
  SECTION("one that pauses after a failure") {
    auto life = wake(all);
    all.down(a, life, table::end::failed);
    elsewhere = true;
    CHECK(all.pause_over(a).starts.empty());
    CHECK(all.size() == 0);
    CHECK(all.failing() == 0);
  }
  SECTION("one that waits for its turn") {
    table::limits one_at_a_time;
    one_at_a_time.reading_max = 1;
    table slow{
        "workflow", one_at_a_time, 100, [](const envelope&) { return false; },
        [&](const log_id& log) {
          return elsewhere && log == a ? std::nullopt : std::optional{one};
        }};
    auto first = slow.wanted({log_id{"b"}, a, log_id{"c"}});
    REQUIRE(first.starts.size() == 1);
    elsewhere = true;
    slow.moved();
    CHECK(slow.queued() == 1);
    auto next = slow.settled(log_id{"b"}, first.starts[0].life, 1);
    REQUIRE(next.starts.size() == 1);
    CHECK(next.starts[0].log == log_id{"c"});
  }
}

TEST_CASE("a life of an epoch before is stopped, and the log begun anew") {
  bool elsewhere = false;
  shard_epoch epoch = 1;
  auto all = make_shared_out(elsewhere, epoch);
  auto life = wake(all);
  CHECK(all.moved().stops.empty());
  // Lost and claimed again before anybody here was told of it.
  epoch = 3;
  auto how = GENERATE(table::end::done, table::end::failed, table::end::reread);

  SECTION("when it is told of the loss") {
    CHECK(all.moved().stops == std::vector<log_id>{a});
    CHECK(all.moved().stops.empty()); // It ends already.
  }
  SECTION("when the log is found among those that have not ended") {
    auto found = all.wanted({a});
    CHECK(found.stops == std::vector<log_id>{a});
    CHECK(found.starts.empty());
  }
  auto anew = all.down(a, life, how);
  REQUIRE(anew.starts.size() == 1);
  CHECK(anew.starts[0].log == a);
  CHECK(anew.pauses.empty());
  CHECK(all.failing() == 0);
  // It is of this epoch now.
  CHECK(all.moved().stops.empty());
  CHECK(all.settled(a, anew.starts[0].life, 1).starts.empty());
  CHECK(all.wanted({a}).stops.empty());
}

TEST_CASE("a life of an epoch before whose log moves on is given up") {
  bool elsewhere = false;
  shard_epoch epoch = 1;
  auto all = make_shared_out(elsewhere, epoch);
  auto life = wake(all);
  epoch = 3;
  REQUIRE(all.moved().stops.size() == 1);
  elsewhere = true;
  CHECK(all.down(a, life, table::end::done).starts.empty());
  CHECK(all.size() == 0);
}
