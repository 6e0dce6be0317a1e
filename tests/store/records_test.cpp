// RECORD STORE: subjects, and the wall between tenants.

#include "actors/store/records/record_store.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/records_node.hpp"
#include "tests/store/sql.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <memory>
#include <string>
#include <vector>

namespace shannon::store {

namespace {

using test::connect;
using test::records_node;
using test::run_sql;

struct put_note {
  tenant_id tenant;
  std::string text;
};
struct note_put {};

/// Its query forgets the tenant: the database must not.
struct list_notes {
  tenant_id tenant;
};
struct count_notes {};
/// Its query keeps its connection until somebody lets it go.
struct hold {
  std::shared_ptr<std::promise<void>> taken;
  std::shared_future<void> let_go;
};
struct notes {
  std::vector<std::string> texts;
  std::string user;
};

constexpr pg_statement put_sql{
    "put_note", "insert into notes (tenant, text) values ($1::text, $2::text)"};
constexpr pg_statement list_sql{
    "list_notes", "select text, current_user::text from notes order by text"};

result<note_put> put(pg_connection& db, const put_note& msg) {
  return db.run(put_sql, {msg.tenant.value, msg.text}).map([](pg_rows&&) {
    return note_put{};
  });
}

result<notes> read(pg_connection& db) {
  return db.run(list_sql, {}).map([](pg_rows&& rows) {
    notes out;
    for (int i = 0; i < rows.size(); ++i) {
      out.texts.push_back(rows.text(i, 0));
      out.user = rows.text(i, 1);
    }
    return out;
  });
}

result<notes> list(pg_connection& db, const list_notes&) {
  return read(db);
}
result<notes> count(pg_connection& db, const count_notes&) {
  return read(db);
}
result<notes> keep(pg_connection&, const hold& msg) {
  msg.taken->set_value();
  msg.let_go.wait();
  return notes{};
}

records::subject notes_subject() {
  return {records::within_tenant("put_note", put),
          records::within_tenant("list_notes", list),
          records::across_tenants("count_notes", count),
          records::across_tenants("hold", keep)};
}

pg_rows sql(const std::string& dsn, const std::string& text) {
  auto db = connect(dsn);
  return run_sql(db, text);
}

/// A database with a table of records that the product does not have.
std::string database_with_notes() {
  auto dsn = test::fresh_database();
  sql(dsn, "create table shannon.notes (tenant text not null, text text);"
           "select shannon.wall_off('shannon.notes')");
  return dsn;
}

std::vector<std::string> texts(const result<notes>& got) {
  INFO((got ? std::string{} : got.error().text));
  REQUIRE(got);
  return got->texts;
}

using lines = std::vector<std::string>;

} // namespace

TEST_CASE("a query that forgets its tenant sees that tenant's rows alone") {
  records_node node{database_with_notes(), {notes_subject()}};
  REQUIRE(node.ask<note_put>(put_note{tenant_id{"a"}, "one"}));
  REQUIRE(node.ask<note_put>(put_note{tenant_id{"b"}, "two"}));
  CHECK(texts(node.ask<notes>(list_notes{tenant_id{"a"}})) == lines{"one"});
  CHECK(texts(node.ask<notes>(list_notes{tenant_id{"b"}})) == lines{"two"});
  CHECK(texts(node.ask<notes>(list_notes{tenant_id{"c"}})).empty());
  CHECK(texts(node.ask<notes>(count_notes{})) == lines{"one", "two"});
}

TEST_CASE("a connection of a superuser works under a role that rows are "
          "walled off for") {
  records_node node{database_with_notes(), {notes_subject()}};
  REQUIRE(node.ask<note_put>(put_note{tenant_id{"a"}, "one"}));
  auto got = node.ask<notes>(list_notes{tenant_id{"a"}});
  REQUIRE(got);
  CHECK(got->user == "shannon_records");
}

TEST_CASE("a row of another tenant cannot be written") {
  auto dsn = database_with_notes();
  records_node node{
      dsn,
      {{records::within_tenant<put_note, note_put>(
          "put_elsewhere", +[](pg_connection& db, const put_note& msg) {
            return put(db, {tenant_id{"victim"}, msg.text});
          })}}};
  auto got = node.ask<note_put>(put_note{tenant_id{"a"}, "forged"});
  REQUIRE_FALSE(got);
  CHECK(got.error().text.find("row-level security") != std::string::npos);
  CHECK(sql(dsn, "select count(*) from shannon.notes").text(0, 0) == "0");
}

TEST_CASE("the star is no tenant") {
  records_node node{database_with_notes(), {notes_subject()}};
  auto star = node.ask<notes>(list_notes{tenant_id{"*"}});
  REQUIRE_FALSE(star);
  CHECK(star.error().code == errc::invalid_argument);
  auto none = node.ask<notes>(list_notes{tenant_id{}});
  REQUIRE_FALSE(none);
  CHECK(none.error().code == errc::invalid_argument);
}

TEST_CASE("an owner that is no superuser is behind the wall as well") {
  auto name = test::fresh_database_name();
  auto& server = test::postgres_server::shared();
  sql(server.dsn("postgres"),
      "create role plain login; alter database " + name + " owner to plain");
  auto dsn = server.dsn(name) + " user=plain";
  REQUIRE(migrate(dsn));
  sql(dsn, "create table shannon.notes (tenant text not null, text text);"
           "select shannon.wall_off('shannon.notes')");
  records_node node{dsn, {notes_subject()}};
  REQUIRE(node.ask<note_put>(put_note{tenant_id{"a"}, "one"}));
  auto own = node.ask<notes>(list_notes{tenant_id{"a"}});
  REQUIRE(own);
  CHECK(own->texts == lines{"one"});
  CHECK(own->user == "plain");
  CHECK(texts(node.ask<notes>(list_notes{tenant_id{"b"}})).empty());
}

TEST_CASE("records come back after their database was away") {
  records_node node{database_with_notes(), {notes_subject()}};
  REQUIRE(node.ask<note_put>(put_note{tenant_id{"a"}, "one"}));
  test::postgres_server::shared().kill();
  auto waiting = node.start<notes>(list_notes{tenant_id{"a"}});
  test::postgres_server::shared().restart();
  CHECK(texts(waiting.get()) == lines{"one"});
}

TEST_CASE("above its limit a record query is refused overloaded") {
  config::store_settings settings;
  settings.record_connections = 1;
  settings.read_queue_max = 1;
  records_node node{database_with_notes(), {notes_subject()}, settings};
  hold first{std::make_shared<std::promise<void>>(), {}};
  std::promise<void> go;
  first.let_go = go.get_future().share();
  auto taken = first.taken->get_future();
  auto at_work = node.start<notes>(first);
  taken.wait();
  auto waits = node.start<notes>(count_notes{});
  auto refused = node.ask<notes>(count_notes{});
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::overloaded);
  go.set_value();
  CHECK(at_work.get());
  CHECK(waits.get());
}

} // namespace shannon::store
