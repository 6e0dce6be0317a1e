// Sign-in with Google through the real program. Google is a scripted server.

#include "actors/gateway/identity/secrets.hpp"
#include "tests/identity/credentials_node.hpp"
#include "tests/identity/google_stub.hpp"
#include "tests/identity/google_tokens.hpp"

#include <catch2/catch.hpp>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <future>
#include <optional>
#include <regex>
#include <set>

using namespace shannon;
using namespace shannon::test;

namespace fs = std::filesystem;

namespace {

const std::string certs = "/oauth2/v3/certs";
const std::string tokens = "/token";

/// A node that knows a client of Google's, and its secret.
struct google_node : credentials_node {
  google_node() {
    std::ofstream{data + "/identity.secrets"}
        << gateway::fresh_secrets() << "google-client-secret s3cret&more\n";
    fs::permissions(data + "/identity.secrets",
                    fs::perms::owner_read | fs::perms::owner_write);
    google.set(certs, {200, signer.jwk_set(),
                       "Cache-Control: public, max-age=3600\r\n"});
    start_up({"SHANNON_IDENTITY__GOOGLE_CLIENT_ID=" + google_client,
              "SHANNON_IDENTITY__GOOGLE_KEYS_URL=" + google.url(certs),
              "SHANNON_IDENTITY__GOOGLE_TOKEN_URL=" + google.url(tokens),
              "SHANNON_HTTP__RATE_ROUTE_FACTOR=10"});
  }

  json claims(const std::string& subject, const std::string& email) const {
    return google_claims(subject, email, std::time(nullptr));
  }
  answered sign_in(json what) {
    what["provider"] = "google";
    return ask("POST", "/api/v1/auth/register", {}, what.dump());
  }
  answered with_token(const json& body) {
    return sign_in({{"token", signer.sign(body)}});
  }

  google_signer signer{"g1"};
  google_stub google;
};

google_node& shared() {
  static google_node one;
  return one;
}

} // namespace

TEST_CASE("a person whom Google vouches for gets a tenant, a user and a key, "
          "and is the same when they come back") {
  auto& it = shared();
  auto first = it.with_token(it.claims("117", "ada@example.com"));
  INFO(first.text);
  REQUIRE(first.status == 200);
  CHECK(first.body["is_new_user"] == true);
  CHECK(first.body["tier"] == "free");
  CHECK(first.body["expires_in"] == 3'600);
  CHECK(first.body["quotas"]["rate_limit_minute"] == 60);
  CHECK(first.body["quotas"]["rate_limit_hour"] == 1'000);
  CHECK(first.body["user"]
        == json{{"email", "ada@example.com"},
                {"username", "ada"},
                {"name", "Ada Lovelace"},
                {"picture", "https://pictures.example.com/ada"}});

  // All that it was given opens the same account.
  auto key = first.body["api_key"].get<std::string>();
  CHECK(std::regex_match(key, std::regex{"sk_[0-9a-f]{64}"}));
  auto access = first.body["access_token"].get<std::string>();
  for (const auto& credential : {key, access}) {
    auto me = it.ask("GET", "/api/v1/auth/me", credential);
    REQUIRE(me.status == 200);
    CHECK(me.body["user_id"] == first.body["user_id"]);
    CHECK(me.body["tenant_id"] == first.body["tenant_id"]);
    CHECK(me.body["email"] == "ada@example.com");
  }
  auto refreshed
      = it.ask("POST", "/api/v1/auth/refresh", {},
               json{{"refresh_token", first.body["refresh_token"]}}.dump());
  CHECK(refreshed.status == 200);

  // The address may become another: who it is does not.
  auto again = it.with_token(it.claims("117", "ada@example.net"));
  REQUIRE(again.status == 200);
  CHECK(again.body["is_new_user"] == false);
  CHECK(again.body["api_key"] == "");
  CHECK(again.body["user_id"] == first.body["user_id"]);
  CHECK(again.body["tenant_id"] == first.body["tenant_id"]);
  CHECK(it.ask("GET", "/api/v1/auth/api-keys", access).body["total"] == 1);

  auto other = it.with_token(it.claims("118", "grace@example.com"));
  REQUIRE(other.status == 200);
  CHECK(other.body["user_id"] != first.body["user_id"]);
  CHECK(other.body["tenant_id"] != first.body["tenant_id"]);
  // The keys are good for an hour.
  CHECK(it.google.requests(certs).size() == 1);
}

TEST_CASE("a code is changed for a token, with the service's secret") {
  auto& it = shared();
  it.google.set(
      tokens,
      {200,
       json{{"access_token", "unused"},
            {"id_token", it.signer.sign(it.claims("200", "code@example.com"))}}
           .dump(),
       ""});
  auto got = it.sign_in({{"code", "4/0Ab c+d"},
                         {"redirect_uri", "https://app.example.com/back?x=1"}});
  INFO(got.text);
  REQUIRE(got.status == 200);
  CHECK(got.body["user"]["email"] == "code@example.com");
  CHECK(got.body["is_new_user"] == true);
  auto asked = it.google.requests(tokens);
  REQUIRE(asked.size() == 1);
  CHECK(asked[0].head.starts_with("POST /token HTTP/1.1\r\n"));
  CHECK(
      asked[0].head.find("Content-Type: application/x-www-form-urlencoded\r\n")
      != std::string::npos);
  CHECK(asked[0].body
        == "grant_type=authorization_code&code=4%2F0Ab%20c%2Bd"
           "&redirect_uri=https%3A%2F%2Fapp.example.com%2Fback%3Fx%3D1"
           "&client_id="
               + google_client + "&client_secret=s3cret%26more");

  // By a token it is the same person.
  auto again = it.with_token(it.claims("200", "code@example.com"));
  CHECK(again.body["user_id"] == got.body["user_id"]);

  it.google.set(tokens, {400, R"({"error":"invalid_grant"})", ""});
  auto used = it.sign_in({{"code", "4/0"}, {"redirect_uri", "https://a.b"}});
  CHECK(used.status == 401);
  CHECK(used.body["error"] == "invalid_token");
  it.google.set(tokens, {401, R"({"error":"invalid_client"})", ""});
  auto ours = it.sign_in({{"code", "4/0"}, {"redirect_uri", "https://a.b"}});
  CHECK(ours.status == 503);
  CHECK(ours.body["error"] == "registration_failed");
  CHECK(ours.fields["retry-after"] == "5");
  // What Google passes on is not believed either.
  auto bad = it.claims("201", "bad@example.com");
  bad["aud"] = "another";
  it.google.set(tokens,
                {200, json{{"id_token", it.signer.sign(bad)}}.dump(), ""});
  CHECK(it.sign_in({{"code", "4/0"}, {"redirect_uri", "https://a.b"}}).status
        == 401);
}

TEST_CASE("what Google does not vouch for comes in by no way") {
  auto& it = shared();
  auto refused = [&](const json& what) {
    auto got = it.sign_in(what);
    CHECK(got.body["error"] == "invalid_token");
    return got.status;
  };
  CHECK(refused({{"token", "x"}}) == 401);
  CHECK(refused({{"token", "a.b.c"}}) == 401);
  auto body = it.claims("300", "eve@example.com");
  google_signer mallory{"g1"};
  CHECK(refused({{"token", mallory.sign(body)}}) == 401);
  google_signer stranger{"unknown"};
  CHECK(refused({{"token", stranger.sign(body)}}) == 401);
  body["email_verified"] = false;
  CHECK(refused({{"token", it.signer.sign(body)}}) == 401);
  body = it.claims("300", "eve@example.com");
  body["exp"] = std::time(nullptr) - 120;
  body["iat"] = std::time(nullptr) - 3'600;
  CHECK(refused({{"token", it.signer.sign(body)}}) == 401);
  // An unknown key was no reason to ask for the keys again so soon.
  CHECK(it.google.requests(certs).size() <= 1);
}

TEST_CASE("a sign-in says what it lacks") {
  auto& it = shared();
  auto refused = [&](const json& what) {
    auto got = it.ask("POST", "/api/v1/auth/register", {}, what.dump());
    CHECK(got.status == 400);
    return got.body["error"].get<std::string>();
  };
  CHECK(refused(json::object()) == "invalid_request");
  CHECK(refused({{"provider", "github"}, {"token", "x"}})
        == "unsupported_provider");
  CHECK(refused({{"provider", "google"}}) == "invalid_request");
  CHECK(refused({{"provider", "google"}, {"code", "x"}}) == "invalid_request");
  CHECK(refused({{"provider", "google"},
                 {"code", "x"},
                 {"token", "y"},
                 {"redirect_uri", "https://a.b"}})
        == "invalid_request");
  CHECK(refused({{"provider", "google"},
                 {"code", std::string(2'049, 'c')},
                 {"redirect_uri", "https://a.b"}})
        == "invalid_request");
}

TEST_CASE("an address of an account with a password is not taken over") {
  auto& it = shared();
  REQUIRE(it.post_admin("/api/auth/register", {{"email", "kay@example.com"},
                                               {"username", "kay"},
                                               {"password", "correct horse"},
                                               {"full_name", "Kay"}})
              .status
          == 200);
  auto got = it.with_token(it.claims("400", "Kay@example.com"));
  CHECK(got.status == 409);
  CHECK(got.body["error"] == "registration_failed");
  // Nor does the account of Google's have a password.
  REQUIRE(it.with_token(it.claims("401", "lin@example.com")).status == 200);
  CHECK(it.post_admin("/api/auth/login",
                      {{"email", "lin@example.com"}, {"password", ""}})
            .status
        == 400);
  CHECK(it.post_admin("/api/auth/login",
                      {{"email", "lin@example.com"}, {"password", "x"}})
            .status
        == 401);
}

TEST_CASE("who signs in twice at once is one person") {
  auto& it = shared();
  auto token = it.signer.sign(it.claims("500", "twin@example.com"));
  auto request = post("/api/v1/auth/register",
                      json{{"provider", "google"}, {"token", token}}.dump());
  // Nothing is asserted on these threads.
  std::vector<std::future<std::optional<raw_response>>> all;
  for (int i = 0; i < 6; ++i)
    all.push_back(std::async(std::launch::async, [&] {
      raw_client one{credentials_node::port_of(it.url)};
      one.send(request);
      return one.response();
    }));
  int fresh = 0;
  std::set<std::string> users;
  for (auto& one : all) {
    auto got = one.get();
    REQUIRE(got);
    CHECK(got->status == 200);
    auto body = json::parse(got->body);
    users.insert(body["user_id"].get<std::string>());
    fresh += body["is_new_user"] == true ? 1 : 0;
  }
  CHECK(users.size() == 1);
  CHECK(fresh == 1);
}

TEST_CASE("while Google's keys cannot be had a sign-in is refused for now") {
  google_node it;
  it.google.set(certs, {500, "no", ""});
  auto got = it.with_token(it.claims("600", "late@example.com"));
  CHECK(got.status == 503);
  CHECK(got.body["error"] == "registration_failed");
  CHECK(got.fields["retry-after"] == "5");
  CHECK(it.google.requests(certs).size() == 1);
}
