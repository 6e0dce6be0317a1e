#include "actors/gateway/identity/api_key.hpp"
#include "actors/gateway/identity/authenticator.hpp"
#include "actors/gateway/identity/credential_watch.hpp"
#include "tests/identity/tokens.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;
using namespace test;

const std::string pepper(32, 'p');

struct question {
  message_body what;
  std::function<void(result<message_body>)> done;
};

/// An authenticator whose record store is the test.
struct entrance {
  explicit entrance(bool dev = false, config::identity_settings settings = {})
      : all({settings,
             dev,
             {pepper, {{"k2", token_key}, {"k1", older_token_key}}},
             [this](message_body what, auto done) {
               asked.push_back({std::move(what), std::move(done)});
             },
             [this](message_body what) { told.push_back(std::move(what)); },
             [this] { return wall; },
             [this] { return now; },
             [this](const char* outcome) { outcomes.emplace_back(outcome); }}) {
  }

  /// The verdict, once it is there.
  std::shared_ptr<std::optional<authenticator::verdict>>
  check(const http_request& request, access who = access::client,
        std::string_view scope = {}) {
    lines.push_back(std::make_unique<route>());
    lines.back()->who = who;
    lines.back()->scope = scope;
    auto got = std::make_shared<std::optional<authenticator::verdict>>();
    all.check(request, *lines.back(), [got](authenticator::verdict what) {
      CHECK_FALSE(*got);
      *got = std::move(what);
    });
    return got;
  }

  void answer(result<message_body> what) {
    auto first = std::move(asked.front());
    asked.erase(asked.begin());
    first.done(std::move(what));
  }

  std::chrono::system_clock::time_point wall{token_time};
  std::chrono::steady_clock::time_point now{1'000s};
  std::vector<question> asked;
  std::vector<message_body> told;
  std::vector<std::string> outcomes;
  std::vector<std::unique_ptr<route>> lines;
  authenticator all;
};

http_request with(std::string field, std::string value) {
  http_request out;
  out.method = "GET";
  out.path = "/api/v1/tasks";
  out.fields.emplace_back(std::move(field), std::move(value));
  return out;
}

http_request with_key(const std::string& key) {
  return with("x-api-key", key);
}

http_request with_bearer(const std::string& token) {
  return with("authorization", "Bearer " + token);
}

accounts::account account() {
  auto claims = good_claims();
  return {claims.tenant, claims.user, "ann@example.org", "ann", "Ann",
          "user",        "pro",       claims.epoch};
}

accounts::key_found row_of(const made_api_key& key) {
  accounts::live_key row;
  row.id = key.kept.id;
  row.digest = key.kept.digest;
  row.who = account();
  row.scopes = {"workflows:read"};
  return {row};
}

int status(const std::shared_ptr<std::optional<authenticator::verdict>>& got) {
  REQUIRE(*got);
  return **got ? 200 : (**got).error().status;
}

std::string field(const http_response& from, const std::string& name) {
  for (const auto& [key, value] : from.fields)
    if (key == name)
      return value;
  return {};
}

} // namespace

TEST_CASE("a request without a credential is told how to show one") {
  entrance door;
  auto got = door.check({});
  REQUIRE(status(got) == 401);
  const auto& answer = (**got).error();
  CHECK(answer.body.find(R"("error":"Authentication required")")
        != std::string::npos);
  CHECK(field(answer, "WWW-Authenticate") == R"(Bearer realm="Shannon API")");
  CHECK(door.asked.empty());
}

TEST_CASE("a good API key says who it is") {
  entrance door;
  auto key = make_api_key(pepper);
  for (const auto& request : {with_key(key.text), with_bearer(key.text),
                              with_key("sk-shannon-" + key.text.substr(3))}) {
    auto got = door.check(request);
    if (!door.asked.empty()) {
      auto* what = door.asked.front().what.get_if<accounts::find_key>();
      REQUIRE(what);
      CHECK(what->lookup == key.kept.lookup);
      door.answer(message_body{row_of(key)});
    }
    REQUIRE(status(got) == 200);
    const auto& who = ***got;
    CHECK(who.tenant == account().tenant);
    CHECK(who.user == account().user);
    CHECK(who.key == key.kept.id);
    CHECK(who.tier == "pro");
    CHECK(who.scopes == std::vector<std::string>{"workflows:read"});
  }
  CHECK(door.outcomes == std::vector<std::string>{"key", "key", "key"});
}

TEST_CASE("a key with another secret under the same public part is refused") {
  entrance door;
  auto key = make_api_key(pepper);
  auto other = make_api_key(pepper);
  other.kept.lookup = key.kept.lookup;
  auto got = door.check(with_key(key.text));
  door.answer(message_body{row_of(other)});
  REQUIRE(status(got) == 401);
  CHECK((**got).error().body.find("Invalid token") != std::string::npos);
  CHECK(door.told.empty());
}

TEST_CASE("unknown and malformed credentials get the same answer") {
  entrance door;
  auto unknown = door.check(with_key(make_api_key(pepper).text));
  door.answer(message_body{accounts::key_found{}});
  auto malformed = door.check(with_key("password"));
  auto forged = door.check(with_bearer("a.b.c"));
  for (const auto& got : {unknown, malformed, forged}) {
    REQUIRE(status(got) == 401);
    CHECK((**got).error().body == (**unknown).error().body);
    CHECK((**got).error().fields == (**unknown).error().fields);
  }
}

TEST_CASE("a revoked key opens nothing five seconds later, however often it "
          "is used") {
  entrance door;
  auto key = make_api_key(pepper);
  door.check(with_key(key.text));
  door.answer(message_body{row_of(key)});
  // Revoked here: the store knows no such key any more.
  auto revoked = door.now;
  auto last_good = revoked;
  for (int i = 0; i < 1'000; ++i) {
    door.now += 10ms;
    auto got = door.check(with_key(key.text));
    if (!door.asked.empty())
      door.answer(message_body{accounts::key_found{}});
    if (status(got) == 200)
      last_good = door.now;
  }
  CHECK(last_good - revoked < 5s);
}

TEST_CASE("while the record store does not answer nobody new comes in") {
  entrance door;
  auto key = make_api_key(pepper);
  door.check(with_key(key.text));
  door.answer(message_body{row_of(key)});
  door.now += 3s;
  CHECK(status(door.check(with_key(key.text))) == 200);
  door.now += 2s;
  auto got = door.check(with_key(key.text));
  door.answer(fail(errc::unavailable, "database: secret detail"));
  REQUIRE(status(got) == 503);
  CHECK((**got).error().body.find("secret detail") == std::string::npos);
  CHECK_FALSE(field((**got).error(), "Retry-After").empty());
}

TEST_CASE("the use of a key is told at most once a minute") {
  entrance door;
  auto key = make_api_key(pepper);
  for (int i = 0; i < 125; ++i) {
    door.check(with_key(key.text));
    if (!door.asked.empty())
      door.answer(message_body{row_of(key)});
    door.now += 1s;
  }
  REQUIRE(door.told.size() == 3);
  auto* touched = door.told.front().get_if<accounts::touch_key>();
  REQUIRE(touched);
  CHECK(touched->id == key.kept.id);
}

TEST_CASE("a good token says who it is, with the role that the user has now") {
  entrance door;
  auto got = door.check(with_bearer(sign_token(test_issuer(), good_claims())));
  REQUIRE(door.asked.size() == 1);
  auto* what = door.asked.front().what.get_if<accounts::find_account>();
  REQUIRE(what);
  CHECK(what->tenant == good_claims().tenant);
  CHECK(what->user == good_claims().user);
  auto row = account();
  row.role = "admin";
  door.answer(message_body{accounts::account_found{row}});
  REQUIRE(status(got) == 200);
  CHECK((***got).role == "admin");
  CHECK((***got).key.empty());
  CHECK((***got).scopes == good_claims().scopes);
}

TEST_CASE("a token of an epoch before is over, and so is one of a user who is "
          "gone") {
  auto token = sign_token(test_issuer(), good_claims());
  for (auto row :
       {std::optional{account()}, std::optional<accounts::account>{}}) {
    entrance door;
    if (row)
      ++row->epoch;
    auto got = door.check(with_bearer(token));
    door.answer(message_body{accounts::account_found{row}});
    CHECK(status(got) == 401);
  }
}

TEST_CASE("a token that was not signed here asks nobody") {
  entrance door;
  auto claims = good_claims();
  auto forged = signed_text(good_header().dump(), good_body().dump(),
                            std::string(32, 'x'));
  CHECK(status(door.check(with_bearer(forged))) == 401);
  claims.expires_at = token_time - 61s;
  claims.issued_at = token_time - 1h;
  CHECK(status(door.check(with_bearer(sign_token(test_issuer(), claims))))
        == 401);
  CHECK(door.asked.empty());
}

TEST_CASE("a credential without the route's scope is refused, known as it is") {
  entrance door;
  auto key = make_api_key(pepper);
  auto got = door.check(with_key(key.text), access::client, "workflows:write");
  door.answer(message_body{row_of(key)});
  REQUIRE(status(got) == 403);
  CHECK((**got).error().body.find("workflows:write") != std::string::npos);
  CHECK(status(door.check(with_key(key.text), access::client, "workflows:read"))
        == 200);
}

TEST_CASE("a credential in the query counts on streams alone") {
  entrance door;
  auto key = make_api_key(pepper);
  http_request request;
  request.method = "GET";
  request.query = "api_key=" + key.text;
  CHECK(status(door.check(request, access::client)) == 401);
  auto got = door.check(request, access::stream_client);
  door.answer(message_body{row_of(key)});
  CHECK(status(got) == 200);
}

TEST_CASE("a route for anybody asks for no credential and takes none") {
  entrance door;
  auto got = door.check(with_key("password"), access::anybody);
  REQUIRE(status(got) == 200);
  CHECK((***got).user.empty());
  CHECK_FALSE((***got).may("workflows:read"));
}

TEST_CASE("without --dev X-User-Id and X-Tenant-Id say nothing") {
  entrance door;
  auto key = make_api_key(pepper);
  auto request = with_key(key.text);
  request.fields.emplace_back("x-user-id",
                              "00000000-0000-0000-0000-0000000000cc");
  request.fields.emplace_back("x-tenant-id",
                              "00000000-0000-0000-0000-0000000000dd");
  auto got = door.check(request);
  door.answer(message_body{row_of(key)});
  REQUIRE(status(got) == 200);
  CHECK((***got).user == account().user);
  CHECK((***got).tenant == account().tenant);
}

TEST_CASE("with --dev everybody is the first user, or whom they say") {
  entrance door{true};
  auto got = door.check(with_key("password"), access::client, "tenant:manage");
  REQUIRE(status(got) == 200);
  CHECK((***got).user.value == accounts::first_user);
  CHECK((***got).tenant.value == accounts::first_tenant);
  CHECK((***got).role == "admin");
  CHECK((***got).key.empty());

  http_request named;
  named.fields = {{"x-user-id", "00000000-0000-0000-0000-0000000000cc"},
                  {"x-tenant-id", "not a uuid"}};
  got = door.check(named);
  REQUIRE(status(got) == 200);
  CHECK((***got).user.value == "00000000-0000-0000-0000-0000000000cc");
  CHECK((***got).tenant.value == accounts::first_tenant);
  CHECK(door.asked.empty());
}

TEST_CASE("a key that was changed here is asked about again") {
  entrance door;
  auto key = make_api_key(pepper);
  door.check(with_key(key.text));
  door.answer(message_body{row_of(key)});
  door.all.forget_key(key.kept.lookup);
  auto got = door.check(with_key(key.text));
  REQUIRE(door.asked.size() == 1);
  door.answer(message_body{accounts::key_found{}});
  CHECK(status(got) == 401);
}

TEST_CASE("what a key keeps open ends within five seconds of its revocation") {
  entrance door;
  credential_watch watch{door.all};
  auto key = make_api_key(pepper);
  auto other = make_api_key(pepper);
  route line;
  line.who = access::stream_client;
  int ended = 0;
  int others_ended = 0;
  auto first = watch.add(with_key(key.text), line, [&] { ++ended; });
  watch.add(with_key(key.text), line, [&] { ++ended; });
  auto gone = watch.add(with_key(key.text), line, [&] { ended += 100; });
  watch.remove(gone);
  watch.add(with_key(other.text), line, [&] { ++others_ended; });
  bool revoked = false;
  auto answer_all = [&] {
    while (!door.asked.empty()) {
      auto lookup
          = door.asked.front().what.get_if<accounts::find_key>()->lookup;
      if (lookup == other.kept.lookup)
        door.answer(message_body{row_of(other)});
      else
        door.answer(
            message_body{revoked ? accounts::key_found{} : row_of(key)});
    }
  };
  for (int i = 0; i < 20; ++i) {
    watch.look();
    CHECK(door.asked.size() <= 2); // Once for each key, not for each stream.
    answer_all();
    door.now += 500ms;
  }
  CHECK(ended == 0);
  revoked = true;
  auto since = door.now;
  while (ended == 0 && door.now - since < 10s) {
    watch.look();
    answer_all();
    door.now += 500ms;
  }
  CHECK(ended == 2);
  CHECK(door.now - since <= 5s);
  CHECK(others_ended == 0);
  watch.remove(first); // It has ended already.
  CHECK_FALSE(watch.empty());
}

TEST_CASE("while nobody can say whether a key is good, what is open stays") {
  entrance door;
  credential_watch watch{door.all};
  auto key = make_api_key(pepper);
  route line;
  line.who = access::stream_client;
  bool ended = false;
  watch.add(with_key(key.text), line, [&] { ended = true; });
  for (int i = 0; i < 10; ++i) {
    watch.look();
    watch.look(); // One that is being asked for is not asked for again.
    REQUIRE(door.asked.size() == 1);
    door.answer(fail(errc::unavailable, "away"));
    door.now += 5s;
  }
  CHECK_FALSE(ended);
}

TEST_CASE("what a token keeps open ends with the token") {
  entrance door;
  credential_watch watch{door.all};
  route line;
  line.who = access::stream_client;
  bool ended = false;
  watch.add(with_bearer(sign_token(test_issuer(), good_claims())), line,
            [&] { ended = true; });
  watch.look();
  REQUIRE(door.asked.size() == 1);
  door.answer(message_body{accounts::account_found{account()}});
  CHECK_FALSE(ended);
  door.wall = good_claims().expires_at + 1h;
  watch.look();
  CHECK(ended);
  CHECK(watch.empty());
}

} // namespace shannon::gateway
