// Who is due, and what lists find by what runs say of themselves.

#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <vector>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using test::birth_of;
using test::next_of;
using test::store_node;
using moment = std::chrono::system_clock::time_point;
using ids = std::vector<log_id>;

struct listed {
  store_node node{test::fresh_database()};

  listed() {
    REQUIRE(node.claim());
  }

  log_tail append(store::append what) {
    auto got = node.ask<append_receipt>(std::move(what));
    INFO((got ? "" : got.error().text));
    REQUIRE(got);
    return got->tail;
  }

  log_tail waits(const std::string& log, std::optional<moment> until,
                 const std::string& kind = "workflow", bool idle = true) {
    auto what = birth_of(log);
    what.birth->kind = kind;
    what.schedule = log_schedule{idle, until};
    return append(what);
  }

  due_logs due(std::uint32_t limit = 100,
               const std::string& kind = "workflow") {
    auto got = node.ask<due_logs>(list_due{kind, limit});
    REQUIRE(got);
    return *got;
  }
};

/// As the database keeps it.
moment at(std::chrono::microseconds from_now) {
  return std::chrono::time_point_cast<std::chrono::microseconds>(
      std::chrono::system_clock::now() + from_now);
}

} // namespace

TEST_CASE(
    "who is due comes in the order of timers, the longest overdue first") {
  listed it;
  it.waits("b", at(-10s));
  it.waits("c", at(-30s));
  it.waits("a", at(-20s));
  it.waits("later", at(1h));
  auto got = it.due();
  CHECK(got.logs == ids{log_id{"c"}, log_id{"a"}, log_id{"b"}});
}

TEST_CASE("the first timer behind those told says when to look again") {
  listed it;
  auto soon = at(1h);
  auto second = at(-20s);
  it.waits("a", at(-30s));
  it.waits("b", second);
  it.waits("c", at(2h));
  it.waits("d", soon);
  CHECK(it.due().next == soon);
  // A page that is full: who is next is due already.
  auto page = it.due(1);
  CHECK(page.logs == ids{log_id{"a"}});
  CHECK(page.next == second);
  listed none;
  none.waits("e", at(-1s));
  CHECK(none.due().logs == ids{log_id{"e"}});
  CHECK_FALSE(none.due().next);
}

TEST_CASE("each kind has timers of its own") {
  listed it;
  it.waits("task", at(-1s));
  it.waits("agent", at(-1s), "agent");
  CHECK(it.due().logs == ids{log_id{"task"}});
  CHECK(it.due(100, "agent").logs == ids{log_id{"agent"}});
  CHECK(it.due(100, "nothing").logs.empty());
}

TEST_CASE("only who waits can be due") {
  listed it;
  it.waits("for ever", std::nullopt);
  it.waits("at work", at(-1s), "workflow", false);
  auto tail = it.waits("ended", at(-1s));
  auto end = next_of("ended", tail, "end");
  end.status = log_status::completed;
  it.append(end);
  tail = it.waits("moved", at(-1s));
  auto move = next_of("moved", tail, "later");
  auto until = at(1h);
  move.schedule = log_schedule{true, until};
  it.append(move);
  auto got = it.due();
  CHECK(got.logs.empty());
  CHECK(got.next == until);
}

TEST_CASE("the database's clock decides who is due") {
  listed it;
  auto before = std::chrono::system_clock::now();
  auto now = it.due().now;
  // One machine, one clock; what matters is that its time is told.
  CHECK(now > before - 60s);
  CHECK(now < std::chrono::system_clock::now() + 60s);
  it.waits("at once", now);
  it.waits("not yet", now + 1h);
  auto got = it.due();
  CHECK(got.logs == ids{log_id{"at once"}});
  CHECK(got.now >= now);
}

TEST_CASE("lists find runs by all the attributes asked for") {
  listed it;
  using attributes = std::map<std::string, std::string>;
  auto tagged = [&](const std::string& log, attributes what) {
    auto born = birth_of(log);
    born.attributes = std::move(what);
    return it.append(born);
  };
  tagged("one", {{"customer", "7"}, {"stage", "draft"}});
  auto two = tagged("two", {{"customer", "7"}, {"stage", "sent"}});
  tagged("three", {{"customer", "77"}, {"note", "a \"quoted\" word"}});
  it.append(birth_of("bare"));
  auto names = [&](attributes wanted) {
    list_heads what;
    what.tenant.value = "acme";
    what.attributes = std::move(wanted);
    auto got = it.node.ask<head_page>(what);
    REQUIRE(got);
    CHECK(got->total == got->heads.size());
    std::string out;
    for (const auto& head : got->heads)
      out += head.log.value + " ";
    return out;
  };
  CHECK(names({{"customer", "7"}}) == "two one ");
  CHECK(names({{"customer", "7"}, {"stage", "draft"}}) == "one ");
  CHECK(names({{"customer", "7"}, {"stage", "lost"}}).empty());
  CHECK(names({{"note", "a \"quoted\" word"}}) == "three ");
  CHECK(names({{"unheard of", "x"}}).empty());
  CHECK(names({}) == "bare three two one ");
  // What is set anew replaces what was.
  auto next = next_of("two", two, "moved on");
  next.attributes = attributes{{"customer", "8"}};
  it.append(next);
  CHECK(names({{"customer", "7"}}) == "one ");
  CHECK(names({{"stage", "sent"}}).empty());
  CHECK(names({{"customer", "8"}}) == "two ");
}

TEST_CASE("lists find what somebody, or another log, has started") {
  listed it;
  auto born = [&](const std::string& log, const std::string& kind,
                  const std::string& user, const std::string& parent = {},
                  const std::string& tenant = "acme") {
    auto what = birth_of(log);
    what.birth->kind = kind;
    what.birth->user.value = user;
    what.birth->parent.value = parent;
    what.birth->tenant.value = tenant;
    it.append(what);
  };
  born("daily", "schedule", "ann");
  born("hourly", "schedule", "bob");
  born("weekly", "schedule", "ann");
  born("elsewhere", "schedule", "ann", {}, "other");
  born("run-1", "workflow", "ann", "daily");
  born("run-2", "workflow", "ann", "daily");
  born("run-3", "workflow", "bob", "hourly");
  born("run-4", "workflow", "ann", "daily", "other");
  born("task", "workflow", "ann");
  auto names = [&](const std::string& kind, std::optional<std::string> user,
                   std::optional<std::string> parent, std::uint32_t limit = 20,
                   std::uint32_t offset = 0) {
    list_heads what;
    what.kind = kind;
    what.tenant.value = "acme";
    if (user)
      what.user = user_id{*user};
    if (parent)
      what.parent = log_id{*parent};
    what.limit = limit;
    what.offset = offset;
    auto got = it.node.ask<head_page>(what);
    REQUIRE(got);
    std::string out = std::to_string(got->total) + ":";
    for (const auto& head : got->heads)
      out += " " + head.log.value;
    return out;
  };
  CHECK(names("schedule", "ann", {}) == "2: weekly daily");
  CHECK(names("schedule", "ann", {}, 1, 1) == "2: daily");
  CHECK(names("schedule", "eve", {}) == "0:");
  CHECK(names("schedule", {}, {}) == "3: weekly hourly daily");
  CHECK(names("workflow", {}, "daily") == "2: run-2 run-1");
  CHECK(names("workflow", "ann", "daily", 1) == "2: run-2");
  CHECK(names("workflow", "bob", "daily") == "0:");
  CHECK(names("workflow", {}, "") == "1: task");
  CHECK(names("workflow", "ann", {}) == "3: task run-2 run-1");
}

TEST_CASE("pages of logs that have not ended hold each once, as they wait") {
  listed it;
  auto wake = at(1h);
  it.waits("a", wake);
  it.waits("b", std::nullopt, "agent", false);
  auto tail = it.waits("gone", std::nullopt);
  auto end = next_of("gone", tail, "end");
  end.status = log_status::completed;
  it.append(end);
  it.waits("c", std::nullopt);
  using number = std::optional<std::int64_t>;
  auto page
      = [&](number after, std::uint32_t limit, const std::string& kind = {}) {
          auto got = it.node.ask<open_logs>(list_open{kind, after, limit});
          REQUIRE(got);
          return *got;
        };
  auto all = page({}, 10);
  REQUIRE(all.logs.size() == 3);
  CHECK_FALSE(all.next);
  CHECK(all.logs[0].log == log_id{"a"});
  CHECK(all.logs[0].kind == "workflow");
  CHECK(all.logs[0].version == 1);
  CHECK(all.logs[0].schedule == log_schedule{true, wake});
  CHECK(all.logs[0].updated_at >= all.logs[0].created_at);
  CHECK(all.logs[1].log == log_id{"b"});
  CHECK_FALSE(all.logs[1].schedule.idle);
  ids seen;
  number after;
  do {
    auto one = page(after, 1);
    for (const auto& row : one.logs)
      seen.push_back(row.log);
    if (seen.size() == 1)
      it.waits("d", std::nullopt); // Born meanwhile: it comes last.
    after = one.next;
  } while (after);
  CHECK(seen == ids{log_id{"a"}, log_id{"b"}, log_id{"c"}, log_id{"d"}});
  CHECK(page({}, 10, "agent").logs.size() == 1);
  CHECK(page({}, 10, "nothing").logs.empty());
}

} // namespace shannon::store
