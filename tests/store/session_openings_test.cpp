// Sessions that begin with their first task: rows of records, made by the EVENT
// STORE.

#include "actors/store/migrations.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <string>
#include <vector>

namespace shannon::store {

namespace {

using test::birth_of;
using test::next_of;
using test::store_node;

errc code_of(const result<append_receipt>& got) {
  return got ? errc::ok : got.error().code;
}

} // namespace

TEST_CASE("a session opens with the birth of its first task's log, or not at "
          "all") {
  auto name = test::fresh_database_name();
  auto& server = test::postgres_server::shared();
  auto dsn = server.dsn(name);
  SECTION("by a superuser") {}
  SECTION("by an owner who is behind the wall of records") {
    auto admin = test::connect(server.dsn("postgres"));
    test::run_sql(admin, "do $$ begin create role walled login; exception when "
                         "duplicate_object then null; end $$");
    test::run_sql(admin, "alter database " + name + " owner to walled");
    dsn += " user=walled";
  }
  REQUIRE(migrate(dsn));
  store_node node{dsn};
  REQUIRE(node.claim());
  auto append = [&](store::append what) {
    return node.ask<append_receipt>(std::move(what));
  };
  auto opening = [](const std::string& log, const std::string& id) {
    auto what = birth_of(log);
    what.birth->session = session_id{id};
    what.opens = session_opening{id, "why?", R"({"role":"poet"})", "simple"};
    return what;
  };
  auto rows = [&](const std::string& where) {
    auto db = test::connect(server.dsn(name));
    return test::run_sql(
               db, "select count(*)::int4 from shannon.sessions where " + where)
        .text(0, 0);
  };
  // Several at once may be a group of many, one alone is a group of one.
  REQUIRE(append(opening("task-0", "id-0")));
  std::vector<std::future<result<append_receipt>>> many;
  for (int i = 1; i <= 20; ++i) {
    auto number = std::to_string(i);
    many.push_back(
        node.start<append_receipt>(opening("task-" + number, "id-" + number)));
  }
  for (auto& one : many)
    CHECK(one.get());
  CHECK(rows("id = name and tenant = 'acme' and user_id = 'ann' and title = "
             "'why?' and context = '{\"role\":\"poet\"}' and mode = 'simple' "
             "and since = 'epoch' and not titled and deleted_at is null")
        == "21");
  // Who loses has opened nothing; a session that is there stays as it is.
  CHECK(code_of(append(opening("task-1", "id-lost"))) == errc::conflict);
  CHECK(rows("id = 'id-lost'") == "0");
  auto again = opening("task-21", "id-1");
  again.opens->title = "another";
  CHECK(append(again));
  CHECK(rows("title = 'another'") == "0");
  // Only with a birth, and as text that the database takes.
  auto late = next_of("task-0", {1, 0}, "late");
  late.opens = session_opening{"id-late", {}, {}, {}};
  CHECK(code_of(append(late)) == errc::invalid_argument);
  auto bad = opening("task-22", "id-22");
  bad.opens->title = std::string{"a\0b", 3};
  CHECK(code_of(append(bad)) == errc::invalid_argument);
  CHECK(rows("true") == "21");
}

} // namespace shannon::store
