// Logs behind the second wall: what a connection that works for a tenant sees.

#include "actors/store/migrations.hpp"
#include "actors/store/tenant_wall.hpp"
#include "protocols/blobs.hpp"
#include "protocols/tenant_logs.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/sql.hpp"
#include "tests/store/store_client.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace shannon::store {

namespace {

using test::birth_of;
using test::hash_of;
using test::next_of;
using test::store_node;

const tenant_id acme{"acme"};
const tenant_id rival{"rival"};

/// A log of this tenant with two appends and a body of its own.
void write_log(store_node& node, const std::string& log, const tenant_id& whose,
               char body) {
  auto first = birth_of(log, "1");
  first.birth->tenant = whose;
  first.summary = "summary of " + log;
  first.blobs = {{hash_of(body), std::string(3, body)}};
  first.references = {{hash_of(body)}};
  auto at = node.ask<append_receipt>(first);
  REQUIRE(at);
  REQUIRE(node.ask<append_receipt>(next_of(log, at->tail, "2")));
}

template <class T>
errc code_of(const result<T>& got) {
  return got ? errc::ok : got.error().code;
}

/// A database of a superuser's, or of an owner who passes no policy.
struct house {
  std::string name = test::fresh_database_name();
  std::string dsn = test::postgres_server::shared().dsn(name);

  void give_to_an_owner() {
    auto admin = test::connect(test::postgres_server::shared().dsn("postgres"));
    test::run_sql(admin, "do $$ begin create role walled login; exception when "
                         "duplicate_object then null; end $$");
    test::run_sql(admin, "alter database " + name + " owner to walled");
    dsn += " user=walled";
  }
};

} // namespace

TEST_CASE("a log of another tenant is not there, nor its facts and bodies") {
  house at;
  SECTION("for a superuser") {}
  SECTION("for an owner") {
    at.give_to_an_owner();
  }
  REQUIRE(migrate(at.dsn));
  store_node node{at.dsn};
  REQUIRE(node.claim());
  write_log(node, "task-1", acme, 'a');
  write_log(node, "task-2", rival, 'r');

  auto head = node.ask<log_head>(get_tenant_head{acme, log_id{"task-1"}});
  REQUIRE(head);
  CHECK(head->summary == "summary of task-1");
  CHECK(head->tail.version == 2);
  auto page
      = node.ask<fact_page>(read_tenant_facts{acme, {log_id{"task-1"}, 0, 10}});
  REQUIRE(page);
  CHECK(page->facts.size() == 2);
  CHECK(page->version == 2);
  CHECK(node.ask<blob_body>(get_tenant_blob{acme, hash_of('a')}));

  CHECK(code_of(node.ask<log_head>(get_tenant_head{acme, log_id{"task-2"}}))
        == errc::not_found);
  CHECK(code_of(node.ask<fact_page>(
            read_tenant_facts{acme, {log_id{"task-2"}, 0, 10}}))
        == errc::not_found);
  CHECK(code_of(node.ask<blob_body>(get_tenant_blob{acme, hash_of('r')}))
        == errc::not_found);
  // Whoever forgets to say for whom is shown nothing; "*" is the node itself.
  for (const char* nobody : {"", "*"})
    CHECK(code_of(node.ask<log_head>(
              get_tenant_head{tenant_id{nobody}, log_id{"task-1"}}))
          == errc::invalid_argument);
  // Where the node asks for itself it sees both.
  CHECK(node.ask<log_head>(get_head{log_id{"task-1"}}));
  CHECK(node.ask<log_head>(get_head{log_id{"task-2"}}));
}

TEST_CASE("a query that forgets its tenant sees no rows of another") {
  house at;
  bool superuser = true;
  SECTION("for a superuser") {}
  SECTION("for an owner") {
    at.give_to_an_owner();
    superuser = false;
  }
  REQUIRE(migrate(at.dsn));
  store_node node{at.dsn};
  REQUIRE(node.claim());
  write_log(node, "task-1", acme, 'a');
  write_log(node, "task-2", rival, 'r');
  write_log(node, "task-3", rival, 'r');

  auto db = test::connect(at.dsn);
  test::run_sql(db, wall_sql);
  auto rows = [&](const std::string& table) {
    return test::run_sql(db, "select count(*) from " + table).text(0, 0);
  };
  struct {
    const char* table;
    const char* of_acme;
    const char* of_rival;
    const char* all;
  } const tables[]{{"heads", "1", "2", "3"},
                   {"active", "1", "2", "3"},
                   {"facts", "2", "4", "6"},
                   {"blob_refs", "1", "2", "3"},
                   {"blobs", "1", "1", "2"}};
  for (const auto& [table, of_acme, of_rival, all] : tables) {
    INFO(table);
    REQUIRE(enter_tenant(db, acme));
    CHECK(rows(table) == of_acme);
    REQUIRE(enter_tenant(db, rival));
    CHECK(rows(table) == of_rival);
    REQUIRE(leave_tenants(db));
    CHECK(rows(table) == all);
    REQUIRE(enter_tenant(db, tenant_id{"stranger"}));
    CHECK(rows(table) == "0");
  }
  if (!superuser)
    return;
  // The role that reads for tenants changes nothing, and reaches no part of
  // facts past their policy.
  REQUIRE(leave_tenants(db));
  for (const char* sql :
       {"delete from heads", "update heads set tenant = 'rival'",
        "insert into blobs (hash, created_at, size, codec, bytes) "
        "values ('\\x00', now(), 0, 0, '')",
        "select from facts_0"}) {
    INFO(sql);
    auto refused = db.exec(sql);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().text.find("permission denied") != std::string::npos);
  }
}

} // namespace shannon::store
