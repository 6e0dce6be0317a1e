// Tenants, users, keys and refresh tokens in a real database.

#include "actors/store/records/account_records.hpp"
#include "protocols/accounts.hpp"
#include "tests/kit/postgres_fixture.hpp"
#include "tests/store/records_node.hpp"
#include "tests/store/sql.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <future>
#include <set>
#include <string>
#include <vector>

namespace shannon::store {

namespace {

using namespace accounts;
using namespace std::chrono_literals;

constexpr auto day = 24h;

std::string uuid(int number) {
  auto digits = std::to_string(number);
  return "10000000-0000-0000-0000-" + std::string(12 - digits.size(), '0')
         + digits;
}

std::string hash_of(int number) {
  auto text = std::to_string(number);
  return text + std::string(32 - text.size(), '.');
}

struct bank {
  std::string dsn = test::fresh_database();
  test::records_node node{dsn, {records::account_lines()}};

  template <class Answer>
  Answer must(message_body what) {
    auto got = node.ask<Answer>(std::move(what));
    INFO((got ? std::string{} : got.error().text));
    REQUIRE(got);
    return std::move(*got);
  }

  /// A user number n in tenant number t.
  account user(int t, int n) {
    account who;
    who.tenant = tenant_id{uuid(1'000 + t)};
    who.user = user_id{uuid(n)};
    who.email = "User" + std::to_string(n) + "@example.org";
    who.username = "user" + std::to_string(n);
    return must<account_made>(make_account{who, "$argon2id$"}).who;
  }

  make_key key_of(const account& who, int number) {
    new_key key;
    key.id = uuid(number);
    key.lookup = "lookup" + std::to_string(number);
    key.digest = hash_of(number);
    key.prefix = "sk_12345";
    key.name = "key " + std::to_string(number);
    key.scopes = {"workflows:read", "workflows:write"};
    return {who.tenant, who.user, key};
  }

  bool opens(int number) {
    return must<key_found>(find_key{"lookup" + std::to_string(number)})
        .key.has_value();
  }

  void sql(const std::string& text) {
    auto db = test::connect(dsn);
    test::run_sql(db, text);
  }
};

using outcome = refresh_used::outcome;

} // namespace

TEST_CASE("a database begins with one tenant and one user") {
  bank at;
  auto got = at.must<account_found>(
      find_account{tenant_id{first_tenant}, user_id{first_user}});
  REQUIRE(got.who);
  CHECK(got.who->role == "admin");
  CHECK(got.who->tier == "free");
  CHECK(got.who->epoch == 1);
  // It has no password, so nobody can log in as it.
  CHECK_FALSE(at.must<login_found>(find_login{"admin@localhost"}).who);
}

TEST_CASE("a key is found by what it is looked up by, with its owner") {
  bank at;
  auto ann = at.user(1, 1);
  auto made = at.must<key_made>(at.key_of(ann, 10)).key;
  CHECK(made.name == "key 10");
  CHECK_FALSE(made.expires_at);
  CHECK_FALSE(made.last_used_at);
  auto got = at.must<key_found>(find_key{"lookup10"}).key;
  REQUIRE(got);
  CHECK(got->id == uuid(10));
  CHECK(got->digest == hash_of(10));
  CHECK(got->who.user == ann.user);
  CHECK(got->who.tenant == ann.tenant);
  CHECK(got->who.email == "User1@example.org");
  CHECK(got->scopes
        == std::vector<std::string>{"workflows:read", "workflows:write"});
  CHECK_FALSE(got->left);
  CHECK_FALSE(at.opens(11));
}

TEST_CASE("a key made twice under one id is one key") {
  bank at;
  auto ann = at.user(1, 1);
  auto one = at.must<key_made>(at.key_of(ann, 10)).key;
  auto two = at.must<key_made>(at.key_of(ann, 10)).key;
  CHECK(one.created_at == two.created_at);
  CHECK(at.must<key_list>(list_keys{ann.tenant, ann.user}).keys.size() == 1);
  // Another secret under the same id is refused.
  auto forged = at.key_of(ann, 10);
  forged.key.digest = hash_of(99);
  CHECK_FALSE(at.node.ask<key_made>(forged));
  CHECK(at.must<key_found>(find_key{"lookup10"}).key->digest == hash_of(10));
}

TEST_CASE("a key of nobody is not made") {
  bank at;
  auto ann = at.user(1, 1);
  auto bob = at.user(2, 2);
  auto what = at.key_of(ann, 10);
  what.tenant = bob.tenant; // Ann is in another tenant.
  auto got = at.node.ask<key_made>(what);
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::not_found);
}

TEST_CASE("an expired or revoked key, or one of a closed user or tenant, "
          "opens nothing") {
  bank at;
  auto ann = at.user(1, 1);
  auto soon = at.key_of(ann, 10);
  soon.key.lifetime = day;
  at.must<key_made>(soon);
  auto left = at.must<key_found>(find_key{"lookup10"}).key->left;
  REQUIRE(left);
  CHECK(*left > 23h);
  CHECK(*left <= day);
  at.sql("update api_keys set expires_at = now()");
  CHECK_FALSE(at.opens(10));

  at.must<key_made>(at.key_of(ann, 11));
  CHECK(at.must<key_revoked>(revoke_key{ann.tenant, ann.user, uuid(11), {}})
            .lookup
        == "lookup11");
  CHECK_FALSE(at.opens(11));
  CHECK_FALSE(
      at.must<key_revoked>(revoke_key{ann.tenant, ann.user, uuid(11), {}})
          .found);

  at.must<key_made>(at.key_of(ann, 12));
  CHECK(at.opens(12));
  at.sql("update users set closed_at = now()");
  CHECK_FALSE(at.opens(12));
  at.sql("update users set closed_at = null; update tenants set closed_at = "
         "now()");
  CHECK_FALSE(at.opens(12));
}

TEST_CASE("nobody revokes, rotates, lists or touches keys of others") {
  bank at;
  auto ann = at.user(1, 1);
  auto bob = at.user(1, 2);
  auto eve = at.user(2, 3);
  at.must<key_made>(at.key_of(ann, 10));
  for (const auto& who : {bob, eve}) {
    CHECK_FALSE(
        at.must<key_revoked>(revoke_key{who.tenant, who.user, uuid(10), {}})
            .found);
    CHECK(at.must<key_list>(list_keys{who.tenant, who.user}).keys.empty());
    auto next = at.key_of(who, 20);
    auto got = at.node.ask<key_made>(
        rotate_key{who.tenant, who.user, uuid(10), next.key, day});
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::not_found);
    CHECK_FALSE(at.opens(20));
  }
  CHECK(at.opens(10));
}

TEST_CASE("a key is revoked only by who may do as much") {
  bank at;
  auto ann = at.user(1, 1);
  at.must<key_made>(at.key_of(ann, 10));
  using list = std::vector<std::string>;
  CHECK_FALSE(at.must<key_revoked>(revoke_key{ann.tenant, ann.user, uuid(10),
                                              list{"workflows:read"}})
                  .found);
  CHECK(at.must<key_revoked>(
              revoke_key{ann.tenant, ann.user, uuid(10),
                         list{"workflows:write", "workflows:read", "x"}})
            .found);
}

TEST_CASE("a key that another one replaces opens until the overlap is over") {
  bank at;
  auto ann = at.user(1, 1);
  auto old = at.key_of(ann, 10);
  old.key.lifetime = 48h;
  at.must<key_made>(old);
  rotate_key what{ann.tenant, ann.user, uuid(10), at.key_of(ann, 11).key, 1h};
  what.key.name = "ignored";
  auto made = at.must<key_made>(what).key;
  CHECK(made.name == "key 10");
  CHECK(made.scopes == old.key.scopes);
  CHECK(at.opens(10));
  CHECK(at.opens(11));
  CHECK(*at.must<key_found>(find_key{"lookup10"}).key->left <= 1h);
  CHECK(*at.must<key_found>(find_key{"lookup11"}).key->left > 47h);
  // Asked again, as after a lost connection, it is the same key.
  auto again = at.must<key_made>(what).key;
  CHECK(again.id == made.id);
  CHECK(at.must<key_list>(list_keys{ann.tenant, ann.user}).keys.size() == 2);
  // An overlap never makes a key live longer than it would have.
  rotate_key longer{ann.tenant, ann.user, uuid(11), at.key_of(ann, 12).key,
                    day * 300};
  at.must<key_made>(longer);
  CHECK(*at.must<key_found>(find_key{"lookup11"}).key->left <= 48h);
  at.sql("update api_keys set expires_at = now() where id = '" + uuid(10)
         + "'");
  CHECK_FALSE(at.opens(10));
}

TEST_CASE("the use of a key is written at most once a minute") {
  bank at;
  auto ann = at.user(1, 1);
  at.must<key_made>(at.key_of(ann, 10));
  auto used = [&] {
    at.node.ask<pong>(touch_key{ann.tenant, uuid(10)});
    return at.must<key_list>(list_keys{ann.tenant, ann.user})
        .keys.front()
        .last_used_at;
  };
  auto first = used();
  REQUIRE(first);
  CHECK(used() == first);
  at.sql("update api_keys set last_used_at = now() - interval '61 s'");
  CHECK(*used() > *first);
}

TEST_CASE("keys are listed newest first, the revoked with them") {
  bank at;
  auto ann = at.user(1, 1);
  for (int n : {10, 11, 12})
    at.must<key_made>(at.key_of(ann, n));
  at.must<key_revoked>(revoke_key{ann.tenant, ann.user, uuid(11), {}});
  auto keys = at.must<key_list>(list_keys{ann.tenant, ann.user}).keys;
  REQUIRE(keys.size() == 3);
  CHECK(keys[0].id == uuid(12));
  CHECK(keys[1].revoked_at);
  CHECK_FALSE(keys[2].revoked_at);
}

TEST_CASE("whoever makes a tenant owns it, whoever joins it does not") {
  bank at;
  CHECK(at.user(1, 1).role == "owner");
  CHECK(at.user(1, 2).role == "user");
  CHECK(at.user(2, 3).role == "owner");
}

TEST_CASE("an address has one account, in whatever tenant and spelling") {
  bank at;
  auto ann = at.user(1, 1);
  account other = ann;
  other.user = user_id{uuid(7)};
  other.tenant = tenant_id{uuid(1'002)};
  other.email = "USER1@EXAMPLE.ORG";
  auto got = at.node.ask<account_made>(make_account{other, "$argon2id$"});
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::conflict);
  // The tenant that would have been made with it is not there.
  CHECK(at.user(2, 8).role == "owner");
  // Made again under its own id it is the same account.
  CHECK(at.must<account_made>(make_account{ann, "$argon2id$"}).who.user
        == ann.user);
}

TEST_CASE("a login is found by its address, whatever its case") {
  bank at;
  auto ann = at.user(1, 1);
  auto got = at.must<login_found>(find_login{"uSER1@example.org"});
  REQUIRE(got.who);
  CHECK(got.who->user == ann.user);
  CHECK(got.password_hash == "$argon2id$");
  CHECK_FALSE(at.must<login_found>(find_login{"nobody@example.org"}).who);
}

TEST_CASE("raising a user's epoch is seen by who looks the user up") {
  bank at;
  auto ann = at.user(1, 1);
  CHECK(at.must<epoch_raised>(raise_epoch{ann.tenant, ann.user}).found);
  CHECK(at.must<account_found>(find_account{ann.tenant, ann.user}).who->epoch
        == 2);
  CHECK_FALSE(
      at.must<epoch_raised>(raise_epoch{tenant_id{uuid(1'009)}, ann.user})
          .found);
}

TEST_CASE("a refresh token opens once, and asked again gives the same") {
  bank at;
  auto ann = at.user(1, 1);
  at.must<refresh_kept>(
      keep_refresh{ann.tenant, ann.user, "family", hash_of(1), day});
  use_refresh first{hash_of(1), hash_of(2), day};
  auto got = at.must<refresh_used>(first);
  CHECK(got.what == outcome::taken);
  CHECK(got.who.user == ann.user);
  CHECK(got.who.email == ann.email);
  // The connection was lost behind the commit: the store asks once more.
  CHECK(at.must<refresh_used>(first).what == outcome::taken);
  CHECK(at.must<refresh_used>({use_refresh{hash_of(2), hash_of(3), day}}).what
        == outcome::taken);
}

TEST_CASE("a refresh token used twice ends its whole family, and no other") {
  bank at;
  auto ann = at.user(1, 1);
  at.must<refresh_kept>(
      keep_refresh{ann.tenant, ann.user, "one", hash_of(1), day});
  at.must<refresh_kept>(
      keep_refresh{ann.tenant, ann.user, "two", hash_of(11), day});
  at.must<refresh_used>(use_refresh{hash_of(1), hash_of(2), day});
  at.must<refresh_used>(use_refresh{hash_of(2), hash_of(3), day});
  // Whoever comes with the first one now has a copy.
  CHECK(at.must<refresh_used>(use_refresh{hash_of(1), hash_of(9), day}).what
        == outcome::reused);
  CHECK(at.must<refresh_used>(use_refresh{hash_of(3), hash_of(4), day}).what
        == outcome::refused);
  CHECK(at.must<refresh_used>(use_refresh{hash_of(9), hash_of(5), day}).what
        == outcome::refused);
  CHECK(at.must<refresh_used>(use_refresh{hash_of(11), hash_of(12), day}).what
        == outcome::taken);
}

TEST_CASE("of many who use one refresh token at once one gets the next, and "
          "then none has it") {
  bank at;
  auto ann = at.user(1, 1);
  for (int round = 0; round < 20; ++round) {
    auto family = "family" + std::to_string(round);
    auto base = 100 * (round + 1);
    at.must<refresh_kept>(
        keep_refresh{ann.tenant, ann.user, family, hash_of(base), day});
    std::vector<std::future<result<refresh_used>>> all;
    for (int i = 1; i <= 4; ++i)
      all.push_back(at.node.start<refresh_used>(
          use_refresh{hash_of(base), hash_of(base + i), day}));
    int taken = 0;
    for (auto& one : all) {
      auto got = one.get();
      REQUIRE(got);
      taken += got->what == outcome::taken ? 1 : 0;
    }
    CHECK(taken == 1);
    // The others were copies: the family is revoked, its newest token too.
    for (int i = 1; i <= 4; ++i)
      CHECK(at.must<refresh_used>(
                  use_refresh{hash_of(base + i), hash_of(base + 50 + i), day})
                .what
            == outcome::refused);
  }
}

TEST_CASE("an expired refresh token, and one of a closed user, open nothing") {
  bank at;
  auto ann = at.user(1, 1);
  at.must<refresh_kept>(
      keep_refresh{ann.tenant, ann.user, "f", hash_of(1), day});
  at.sql("update refresh_tokens set expires_at = now()");
  CHECK(at.must<refresh_used>(use_refresh{hash_of(1), hash_of(2), day}).what
        == outcome::refused);
  at.sql("update refresh_tokens set expires_at = now() + interval '1 day';"
         "update users set closed_at = now()");
  CHECK(at.must<refresh_used>(use_refresh{hash_of(1), hash_of(2), day}).what
        == outcome::refused);
}

TEST_CASE("the tables of accounts are behind the wall") {
  bank at;
  auto ann = at.user(1, 1);
  auto eve = at.user(2, 2);
  at.must<key_made>(at.key_of(ann, 10));
  at.must<refresh_kept>(
      keep_refresh{ann.tenant, ann.user, "f", hash_of(1), day});
  auto db = test::connect(at.dsn);
  test::run_sql(db, wall_sql);
  for (const char* table : {"tenants", "users", "api_keys", "refresh_tokens"}) {
    auto count = [&](const std::string& tenant) {
      test::run_sql(db, "set shannon.tenant = '" + tenant + "'");
      return test::run_sql(db, std::string{"select count(*) from "} + table
                                   + " where tenant = '" + ann.tenant.value
                                   + "'")
          .text(0, 0);
    };
    INFO(table);
    CHECK(count(ann.tenant.value) == "1");
    CHECK(count("*") == "1");
    CHECK(count(eve.tenant.value) == "0");
    CHECK(count("") == "0");
  }
}

namespace {

/// A person of a provider, for whom account and key number `n` are brought.
accounts::enter person(const std::string& subject, const std::string& email,
                       int n) {
  accounts::enter what;
  what.provider = "google";
  what.subject = subject;
  what.who.tenant = tenant_id{uuid(5'000 + n)};
  what.who.user = user_id{uuid(6'000 + n)};
  what.who.email = email;
  what.who.username = "somebody";
  what.key.id = uuid(7'000 + n);
  what.key.lookup = "lookup" + std::to_string(7'000 + n);
  what.key.digest = hash_of(n);
  what.key.prefix = "sk_12345";
  what.key.name = "default";
  what.key.scopes = {"workflows:read"};
  return what;
}

} // namespace

TEST_CASE("a person of a provider is made once, with a tenant and a key") {
  bank at;
  auto first = at.must<entered>(person("117", "ada@example.com", 1));
  REQUIRE(first.who);
  CHECK(first.is_new);
  CHECK(first.who->user.value == uuid(6'001));
  CHECK(first.who->tenant.value == uuid(5'001));
  CHECK(first.who->role == "owner");
  CHECK(first.who->tier == "free");
  CHECK(at.opens(7'001));
  // The same message again, as after a connection that was lost.
  auto repeated = at.must<entered>(person("117", "ada@example.com", 1));
  CHECK(repeated.is_new);
  CHECK(repeated.who->user == first.who->user);
  // Later, under another address: what is brought for somebody new is unused.
  auto later = at.must<entered>(person("117", "ada@example.net", 2));
  CHECK_FALSE(later.is_new);
  CHECK(later.who->user == first.who->user);
  CHECK(later.who->email == "ada@example.com");
  CHECK_FALSE(at.opens(7'002));
  // Of another provider it is another person.
  auto other = person("117", "other@example.com", 3);
  other.provider = "elsewhere";
  CHECK(at.must<entered>(other).is_new);
}

TEST_CASE("an address that an account has is not given to a person of a "
          "provider, and nothing of them stays") {
  bank at;
  at.user(1, 1);
  auto got = at.node.ask<entered>(person("117", "user1@Example.org", 1));
  REQUIRE_FALSE(got);
  CHECK(got.error().code == errc::conflict);
  CHECK_FALSE(at.opens(7'001));
  auto db = test::connect(at.dsn);
  auto left = db.run({"count_left", "select count(*) from tenants where tenant "
                                    "= $1::text"},
                     {uuid(5'001)});
  REQUIRE(left);
  CHECK(left->int8(0, 0) == 0);
}

TEST_CASE("a person whose account or tenant is closed is told as one") {
  bank at;
  at.must<entered>(person("117", "ada@example.com", 1));
  at.sql("update users set closed_at = now() where subject = '117'");
  auto got = at.must<entered>(person("117", "ada@example.com", 2));
  CHECK_FALSE(got.who);
  CHECK_FALSE(got.is_new);
  at.sql("update users set closed_at = null where subject = '117'");
  at.sql("update tenants set closed_at = now() where tenant = '" + uuid(5'001)
         + "'");
  CHECK_FALSE(at.must<entered>(person("117", "ada@example.com", 3)).who);
}

TEST_CASE("of those who come at once with one subject one is new") {
  bank at;
  std::vector<std::future<result<entered>>> all;
  for (int i = 1; i <= 12; ++i)
    all.push_back(
        at.node.start<entered>(person("118", "grace@example.com", i)));
  int fresh = 0;
  std::set<std::string> users;
  for (auto& one : all) {
    auto got = one.get();
    REQUIRE(got);
    REQUIRE(got->who);
    fresh += got->is_new ? 1 : 0;
    users.insert(got->who->user.value);
  }
  CHECK(fresh == 1);
  CHECK(users.size() == 1);
}

} // namespace shannon::store
