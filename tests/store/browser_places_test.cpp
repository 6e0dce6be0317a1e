// Which node has a browser session that a client named, over a real database.

#include "actors/store/records/browser_place_records.hpp"
#include "protocols/browser_places.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/records_node.hpp"
#include "tests/store/sql.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace shannon::store {

namespace {

namespace places = browser_places;

struct world {
  std::string dsn = test::fresh_database();
  test::records_node node{dsn, {records::browser_place_lines()}};
  pg_connection db = test::connect(dsn);

  /// A node with a lease of one minute, or one that ran out then.
  void has_node(const std::string& name, bool lives) {
    test::run_sql(
        db, "insert into nodes (name, incarnation, cluster, roles, owns, host, "
            "api, admin, version, schema, joined_at, held_since, settles_at, "
            "flaps, expires_at) values ('"
                + name
                + "', 3, 'c', '{browser}', false, 'h', '', '', '', '', now(), "
                  "now(), now(), 0, now() "
                + (lives ? "+" : "-")
                + " interval '1 minute') on conflict (name) do update set "
                  "expires_at = excluded.expires_at");
  }
  template <class Message>
  std::string holder_after(Message what) {
    auto got = node.ask<places::place>(std::move(what));
    REQUIRE(got);
    return got->holder;
  }
  std::string find(const std::string& session) {
    return holder_after(places::find{session});
  }
};

} // namespace

TEST_CASE("of two nodes that opened a session at once, one has it") {
  world w;
  w.has_node("a", true);
  w.has_node("b", true);
  CHECK(w.find("mine").empty());
  CHECK(w.holder_after(places::claim{"mine", "a#3"}) == "a#3");
  CHECK(w.holder_after(places::claim{"mine", "b#3"}) == "a#3");
  CHECK(w.holder_after(places::claim{"mine", "a#3"}) == "a#3");
  CHECK(w.find("mine") == "a#3");
  CHECK(w.find("other").empty());
}

TEST_CASE("the session of a node without a lease is nobody's, and the next "
          "one's that opens it") {
  world w;
  w.has_node("a", true);
  w.has_node("b", true);
  w.holder_after(places::claim{"mine", "a#3"});
  SECTION("whose lease has run out") {
    w.has_node("a", false);
  }
  SECTION("which is another process by now") {
    test::run_sql(w.db, "update nodes set incarnation = 4 where name = 'a'");
  }
  SECTION("which is no node any more") {
    test::run_sql(w.db, "delete from nodes where name = 'a'");
  }
  CHECK(w.find("mine").empty());
  CHECK(w.holder_after(places::claim{"mine", "b#3"}) == "b#3");
  CHECK(w.find("mine") == "b#3");
}

TEST_CASE("only who has a session leaves it") {
  world w;
  w.has_node("a", true);
  w.has_node("b", true);
  w.holder_after(places::claim{"mine", "a#3"});
  w.holder_after(places::leave{"mine", "b#3"});
  CHECK(w.find("mine") == "a#3");
  w.holder_after(places::leave{"mine", "a#3"});
  CHECK(w.find("mine").empty());
}

TEST_CASE("places that nobody left go after two days") {
  world w;
  w.has_node("a", true);
  for (int i = 0; i < 6; ++i)
    w.holder_after(places::claim{"old" + std::to_string(i), "a#3"});
  test::run_sql(w.db, "update browser_places set claimed_at = now() "
                      "- interval '49 hours'");
  w.holder_after(places::claim{"new", "a#3"});
  w.holder_after(places::claim{"newer", "a#3"});
  auto left
      = test::run_sql(w.db, "select string_agg(session, ' ' order by session) "
                            "from browser_places");
  CHECK(left.text(0, 0) == "new newer");
}

} // namespace shannon::store
