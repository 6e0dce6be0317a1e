// Sessions and recorded answers, over a real database.

#include "actors/store/records/answer_records.hpp"
#include "actors/store/records/session_records.hpp"
#include "protocols/answers.hpp"
#include "protocols/sessions.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/records_node.hpp"
#include "tests/store/sql.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <string>
#include <thread>
#include <vector>

namespace shannon::store {

namespace {

using test::records_node;
using namespace std::chrono_literals;

sessions::open opening(const std::string& tenant, const std::string& user,
                       const std::string& id, const std::string& name) {
  sessions::session what;
  what.id = id;
  what.name = session_id{name};
  what.user = user_id{user};
  what.title = "first words";
  return {tenant_id{tenant}, what};
}

sessions::find finding(const std::string& tenant, const std::string& user,
                       const std::string& key) {
  return {tenant_id{tenant}, user_id{user}, key};
}

} // namespace

TEST_CASE("a session that is opened is young again, for the sweep") {
  auto dsn = test::fresh_database();
  records_node node{dsn, {records::session_lines()}};
  auto db = test::connect(dsn);
  auto opened = [&] {
    auto got = node.ask<sessions::opened>(opening("a", "ann", "id-1", "talk"));
    REQUIRE(got);
    return *got;
  };
  auto first = opened();
  CHECK(opened().what.updated_at == first.what.updated_at);
  test::run_sql(db, "update sessions set updated_at = now() - interval '11 "
                    "minutes', title = 'kept'");
  auto again = opened();
  CHECK_FALSE(again.is_new);
  CHECK(again.what.title == "kept");
  CHECK(again.what.created_at == first.what.created_at);
  CHECK(again.what.updated_at >= first.what.updated_at);
}

TEST_CASE("a session is made once, and belongs to one user of one tenant") {
  records_node node{test::fresh_database(), {records::session_lines()}};
  auto first = node.ask<sessions::opened>(opening("a", "ann", "id-1", "talk"));
  REQUIRE(first);
  CHECK(first->is_new);
  auto again = node.ask<sessions::opened>(opening("a", "ann", "id-1", "talk"));
  REQUIRE(again);
  CHECK_FALSE(again->is_new);
  CHECK(again->what.created_at == first->what.created_at);
  // The same name is another session for another user; the same id is not.
  CHECK(node.ask<sessions::opened>(opening("a", "bob", "id-2", "talk")));
  auto taken = node.ask<sessions::opened>(opening("a", "bob", "id-1", "id-1"));
  REQUIRE_FALSE(taken);
  CHECK(taken.error().code == errc::not_found);
  CHECK(node.ask<sessions::opened>(opening("b", "bob", "id-1", "id-1")));
  for (const char* key : {"id-1", "talk"})
    CHECK(node.ask<sessions::session>(finding("a", "ann", key))->id == "id-1");
  CHECK_FALSE(node.ask<sessions::session>(finding("a", "bob", "id-1")));
  CHECK_FALSE(node.ask<sessions::session>(finding("b", "ann", "id-1")));
}

TEST_CASE("a session is given one title by its tasks, and none that a person "
          "has given") {
  auto dsn = test::fresh_database();
  records_node node{dsn, {records::session_lines()}};
  auto open = [&](const std::string& name) {
    auto got = node.ask<sessions::opened>(opening("a", "ann", name, name));
    REQUIRE(got);
    return got->what;
  };
  auto give
      = [&](const std::string& name, const std::string& title,
            const std::string& tenant = "a", const std::string& user = "ann") {
          return node.ask<sessions::named>(sessions::name{
              tenant_id{tenant}, user_id{user}, session_id{name}, title});
        };
  CHECK_FALSE(open("talk").titled);
  CHECK(give("talk", "First")->done);
  CHECK(open("talk").title == "First");
  CHECK(open("talk").titled);
  CHECK(give("talk", "First")->done); // A repeat.
  CHECK_FALSE(give("talk", "Second")->done);
  CHECK(open("talk").title == "First");

  open("mine");
  REQUIRE(node.ask<sessions::session>(
      sessions::rename{tenant_id{"a"}, user_id{"ann"}, "mine", "My own"}));
  CHECK_FALSE(give("mine", "Another")->done);
  CHECK(open("mine").title == "My own");
  REQUIRE(node.ask<sessions::removed>(
      sessions::remove{tenant_id{"a"}, user_id{"ann"}, "mine"}));
  CHECK(give("mine", "Another").error().code == errc::not_found);
  CHECK_FALSE(open("mine").titled); // It begins anew.

  CHECK(give("talk", "Hers", "a", "bob").error().code == errc::not_found);
  CHECK(give("talk", "Hers", "b").error().code == errc::not_found);
}

TEST_CASE("a deleted session is gone until its name is used again") {
  records_node node{test::fresh_database(), {records::session_lines()}};
  auto begun = node.ask<sessions::opened>(opening("a", "ann", "i", "talk"));
  REQUIRE(begun);
  REQUIRE(node.ask<sessions::session>(
      sessions::rename{tenant_id{"a"}, user_id{"ann"}, "talk", "renamed"}));
  sessions::remove remove{tenant_id{"a"}, user_id{"ann"}, "talk"};
  CHECK(node.ask<sessions::removed>(remove));
  CHECK(node.ask<sessions::removed>(remove));
  CHECK_FALSE(node.ask<sessions::session>(finding("a", "ann", "talk")));
  sessions::list list{tenant_id{"a"}, user_id{"ann"}};
  CHECK(node.ask<sessions::page>(list)->total == 0);
  auto anew = node.ask<sessions::opened>(opening("a", "ann", "i", "talk"));
  REQUIRE(anew);
  CHECK(anew->is_new);
  CHECK(anew->what.title == "first words");
  // Its tasks from before are not its any more.
  CHECK(anew->what.created_at > begun->what.created_at);
  CHECK(begun->what.since == sessions::time{});
  CHECK(anew->what.since == anew->what.created_at);
  auto later = node.ask<sessions::opened>(opening("a", "ann", "i", "talk"));
  CHECK(later->what.since == anew->what.since);
  CHECK(node.ask<sessions::session>(finding("a", "ann", "i"))->since
        == anew->what.since);
  CHECK(node.ask<sessions::page>(list)->total == 1);
}

TEST_CASE("a key is claimed by one request; its answer is for all of them") {
  using outcome = answers::claimed::outcome;
  records_node node{test::fresh_database(), {records::answer_lines()}};
  auto claim = [&](const std::string& digest, const std::string& claimer,
                   const std::string& tenant = "a",
                   std::chrono::milliseconds lease = 60s) {
    auto got = node.ask<answers::claimed>(
        answers::claim{tenant_id{tenant}, "key", digest, claimer, lease});
    REQUIRE(got);
    return *got;
  };
  std::vector<std::future<result<answers::claimed>>> all;
  for (int i = 0; i < 16; ++i)
    all.push_back(node.start<answers::claimed>(
        answers::claim{tenant_id{"a"}, "key", "d", "c" + std::to_string(i)}));
  int mine = 0;
  std::string owner;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto got = all[i].get();
    REQUIRE(got);
    CHECK((got->how == outcome::mine || got->how == outcome::under_way));
    if (got->how == outcome::mine && ++mine > 0)
      owner = "c" + std::to_string(i);
  }
  CHECK(mine == 1);
  CHECK(claim("d", owner).how == outcome::mine); // Told again.
  CHECK(claim("other", "x").how == outcome::other_body);
  CHECK(claim("d", "x", "b").how == outcome::mine); // Of another tenant.
  answers::answer answer{202, {{"X-A", "1"}}, std::string{"{\"a\":\0}", 7}};
  // Who does not hold the claim changes nothing.
  CHECK(node.ask<answers::settled_ack>(
      answers::settle{tenant_id{"a"}, "key", "stranger", {500, {}, "no"}}));
  CHECK(claim("d", "x").how == outcome::under_way);
  CHECK(node.ask<answers::settled_ack>(
      answers::settle{tenant_id{"a"}, "key", owner, answer}));
  auto settled = claim("d", "x");
  CHECK(settled.how == outcome::settled);
  CHECK(settled.what.status == 202);
  CHECK(settled.what.fields == answer.fields);
  CHECK(settled.what.body == answer.body);
  CHECK(claim("other", "x").how == outcome::other_body);
}

TEST_CASE("a claim that was given up or has run out is free") {
  using outcome = answers::claimed::outcome;
  records_node node{test::fresh_database(), {records::answer_lines()}};
  auto claim
      = [&](const std::string& claimer, std::chrono::milliseconds lease) {
          return node
              .ask<answers::claimed>(
                  answers::claim{tenant_id{"a"}, "key", "d", claimer, lease})
              ->how;
        };
  CHECK(claim("one", 60s) == outcome::mine);
  CHECK(node.ask<answers::settled_ack>(
      answers::give_up{tenant_id{"a"}, "key", "one"}));
  CHECK(claim("two", 1ms) == outcome::mine);
  std::this_thread::sleep_for(20ms); // The claim's own time is what is tested.
  CHECK(claim("three", 60s) == outcome::mine);
  // Who comes late with the work of a claim that was taken over is not heard.
  CHECK(node.ask<answers::settled_ack>(
      answers::settle{tenant_id{"a"}, "key", "two", {200, {}, "late"}}));
  CHECK(claim("four", 60s) == outcome::under_way);
}

} // namespace shannon::store
