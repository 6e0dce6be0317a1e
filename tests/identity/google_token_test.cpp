#include "actors/gateway/identity/google_keys.hpp"
#include "actors/gateway/identity/google_token.hpp"
#include "tests/identity/google_tokens.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

namespace shannon::gateway {

namespace {

using nlohmann::json;
using test::google_claims;
using test::google_client;
using test::google_signer;
using namespace std::chrono_literals;

constexpr std::int64_t now_seconds = 1'800'000'000;
const std::chrono::system_clock::time_point now{
    std::chrono::seconds{now_seconds}};

/// Keys take a while to make.
const google_signer& google() {
  static const google_signer one{"g1"};
  return one;
}
const google_signer& mallory() {
  static const google_signer one{"g1"};
  return one;
}

result<google_person> verified(const std::string& token,
                               const std::string& client = google_client,
                               std::chrono::seconds after = 0s) {
  static const auto keys = *parse_google_keys(google().jwk_set());
  return verify_google_token(token, *keys.at("g1"), client, now + after, 60s);
}

json claims() {
  return google_claims("117", "ada@example.com", now_seconds);
}

json claims_but(const char* name, json value) {
  auto out = claims();
  out[name] = std::move(value);
  return out;
}

std::string why_not(const json& body) {
  auto got = verified(google().sign(body));
  return got ? "(believed)" : got.error().text;
}

} // namespace

// -- tokens -------------------------------------------------------------------

TEST_CASE("what Google signed of a person is believed") {
  auto got = verified(google().sign(claims()));
  REQUIRE(got);
  CHECK(got->subject == "117");
  CHECK(got->email == "ada@example.com");
  CHECK(got->name == "Ada Lovelace");
  CHECK(got->picture == "https://pictures.example.com/ada");
  CHECK(verified(google().sign(claims_but("iss", "accounts.google.com"))));
  auto plain = claims();
  plain.erase("name");
  plain.erase("picture");
  got = verified(google().sign(plain));
  REQUIRE(got);
  CHECK(got->name.empty());
  CHECK(got->picture.empty());
}

TEST_CASE("what is not signed by Google's key is not believed") {
  auto good = google().sign(claims());
  CHECK_FALSE(verified(mallory().sign(claims())));
  auto bent = good;
  bent[bent.find('.') + 5] ^= 1;
  CHECK_FALSE(verified(bent));
  bent = good;
  bent[bent.rfind('.') + 5] = bent[bent.rfind('.') + 5] == 'A' ? 'B' : 'A';
  CHECK_FALSE(verified(bent));
  CHECK_FALSE(verified(good.substr(0, good.rfind('.') + 1)));
  CHECK_FALSE(verified(good + ".x"));
  CHECK_FALSE(verified(""));
  // Somebody else's body under a good signature.
  auto other = google().sign(claims_but("sub", "118"));
  CHECK_FALSE(verified(other.substr(0, other.rfind('.'))
                       + good.substr(good.rfind('.'))));
}

TEST_CASE("the header chooses neither algorithm nor key") {
  for (const json& alg : {json("none"), json("HS256"), json("RS512"),
                          json("rs256"), json(nullptr), json(1)}) {
    auto header = google().header();
    header["alg"] = alg;
    INFO(alg);
    CHECK_FALSE(verified(google().sign(header, claims())));
  }
  auto header = google().header();
  header["crit"] = json::array({"b64"});
  CHECK_FALSE(verified(google().sign(header, claims())));
  header = google().header();
  header["jwk"] = mallory().jwk();
  header["jku"] = "https://mallory.example.com/keys";
  CHECK_FALSE(verified(mallory().sign(header, claims())));
  CHECK(verified(google().sign(header, claims())));
}

TEST_CASE("a token for somebody else, from somebody else or without a verified "
          "address is not believed") {
  CHECK(why_not(claims_but("iss", "https://accounts.google.com.example.com"))
        == "iss");
  CHECK(why_not(claims_but("iss", nullptr)) == "iss");
  CHECK(why_not(claims_but("aud", "another.apps.example.com")) == "aud");
  CHECK(why_not(claims_but("aud", json::array({google_client, "another"})))
        == "aud");
  CHECK_FALSE(verified(google().sign(claims_but("aud", "")), ""));
  CHECK(why_not(claims_but("email_verified", false)) == "email");
  CHECK(why_not(claims_but("email_verified", "true")) == "email");
  CHECK(why_not(claims_but("email_verified", 1)) == "email");
  CHECK(why_not(claims_but("email", "")) == "email");
  CHECK(why_not(claims_but("sub", "")) == "sub");
  CHECK(why_not(claims_but("sub", 117)) == "sub");
  CHECK(why_not(claims_but("sub", std::string(256, 's'))) == "sub");
}

TEST_CASE("a token is good for its time, and a leeway") {
  auto token = google().sign(claims());
  auto at = [&](std::chrono::seconds after) {
    return verified(token, google_client, after).has_value();
  };
  CHECK(at(3'659s));
  CHECK_FALSE(at(3'660s));
  CHECK(at(-60s));
  CHECK_FALSE(at(-61s));
  CHECK(why_not(claims_but("exp", now_seconds + 90'000)) == "lifetime");
  CHECK(why_not(claims_but("exp", "tomorrow")) == "iat or exp");
  CHECK(why_not(claims_but("exp", nullptr)) == "iat or exp");
  CHECK(why_not(claims_but("exp", -1)) == "iat or exp");
}

// -- keys ---------------------------------------------------------------------

TEST_CASE("of a JWK Set what can verify RS256 is kept") {
  auto with = [](const char* name, json value) {
    auto key = google().jwk();
    key["kid"] = "other";
    key[name] = std::move(value);
    return parse_google_keys(
        json{{"keys", {google().jwk(), std::move(key)}}}.dump());
  };
  CHECK(with("kid", "g2")->size() == 2);
  for (auto [name, value] :
       std::vector<std::pair<const char*, json>>{{"kty", "EC"},
                                                 {"use", "enc"},
                                                 {"alg", "RS512"},
                                                 {"kid", nullptr},
                                                 {"n", "!"},
                                                 {"n", nullptr},
                                                 {"n", std::string(3'000, 'A')},
                                                 {"e", "Ag"}}) {
    INFO(name << " " << value);
    auto got = with(name, value);
    REQUIRE(got);
    CHECK(got->size() == 1);
  }
  google_signer small{"small", 1'024};
  CHECK_FALSE(parse_google_keys(small.jwk_set()));
  for (const char* text : {"", "[]", "{}", R"({"keys":{}})", R"({"keys":[]})",
                           R"({"keys":[1]})", "<html>"})
    CHECK_FALSE(parse_google_keys(text));
  json many{{"keys", json::array()}};
  for (int i = 0; i < 40; ++i) {
    auto key = google().jwk();
    key["kid"] = "k" + std::to_string(i);
    many["keys"].push_back(key);
  }
  CHECK(parse_google_keys(many.dump())->size() == 16);
}

TEST_CASE("how long an answer may be kept stands in its head") {
  CHECK(good_for("public, max-age=19008, must-revalidate, no-transform", "")
        == 19'008s);
  CHECK(good_for("Max-Age=100", "30") == 70s);
  CHECK(good_for("max-age=100", "300") == 0s);
  CHECK(good_for("max-age=100, no-store", "") == 0s);
  CHECK(good_for("max-age=x", "") == 0s);
  CHECK(good_for("max-age=-1", "") == 0s);
  CHECK(good_for("s-maxage=100", "") == 0s);
  CHECK(good_for("", "") == 0s);
}

namespace {

/// Keys on a clock of the test's, from a Google that answers when told to.
struct kept_keys {
  google_keys::clock_point at{1'000s};
  int fetches = 0;
  google_keys::fetch_done answer;
  google_keys keys{[this](google_keys::fetch_done done) {
                     ++fetches;
                     answer = std::move(done);
                   },
                   [this] { return at; }};
  std::vector<std::string> heard;

  void ask(const std::string& id) {
    keys.find(id, [this](const result<rsa_key_ptr>& got) {
      heard.emplace_back(!got   ? got.error().code == errc::overloaded ? "full"
                                                                       : "away"
                         : *got ? "key"
                                : "none");
    });
  }
  void succeed(std::chrono::seconds good_for = 3'600s) {
    answer(
        google_keys::fetched{*parse_google_keys(google().jwk_set()), good_for});
  }
  void break_down() {
    answer(fail(errc::failed, "status 500"));
  }
  std::vector<std::string> told() {
    return std::exchange(heard, {});
  }
};

using words = std::vector<std::string>;

} // namespace

TEST_CASE("keys are fetched for the first who asks, and kept") {
  kept_keys it;
  it.ask("g1");
  it.ask("g1");
  it.ask("g2");
  CHECK(it.fetches == 1);
  CHECK(it.told().empty());
  it.succeed();
  CHECK(it.told() == words{"key", "key", "none"});
  it.at += 3'599s;
  it.ask("g1");
  CHECK(it.told() == words{"key"});
  CHECK(it.fetches == 1);
  it.at += 1s;
  it.ask("g1");
  CHECK(it.fetches == 2);
}

TEST_CASE("an unknown key is looked for at most once a minute") {
  kept_keys it;
  it.ask("g1");
  it.succeed();
  it.told();
  for (int i = 0; i < 100; ++i)
    it.ask("x" + std::to_string(i));
  CHECK(it.fetches == 1);
  CHECK(it.told() == words(100, "none"));
  it.at += 60s;
  it.ask("x");
  CHECK(it.fetches == 2);
  // Meanwhile the known are known.
  it.ask("g1");
  CHECK(it.told() == words{"key"});
  it.succeed();
  CHECK(it.told() == words{"none"});
  it.ask("x");
  CHECK(it.fetches == 2);
}

TEST_CASE("keys are kept a minute at least and a day at most") {
  kept_keys it;
  it.ask("g1");
  it.succeed(0s);
  it.at += 59s;
  it.ask("g1");
  CHECK(it.fetches == 1);
  it.at += 1s;
  it.ask("g1");
  CHECK(it.fetches == 2);
  it.succeed(1'000'000s);
  it.at += 24h;
  it.ask("g1");
  CHECK(it.fetches == 3);
}

TEST_CASE("while the keys cannot be had nobody comes in, and they are asked "
          "for seldom") {
  kept_keys it;
  it.ask("g1");
  it.break_down();
  CHECK(it.told() == words{"away"});
  it.at += 4s;
  it.ask("g1");
  CHECK(it.told() == words{"away"});
  CHECK(it.fetches == 1);
  it.at += 1s;
  it.ask("g1");
  CHECK(it.fetches == 2);
  it.succeed();
  CHECK(it.told() == words{"key"});
  // Those that are good yet are used while an unknown one is not found.
  it.at += 60s;
  it.ask("x");
  it.break_down();
  it.ask("g1");
  CHECK(it.told() == words{"away", "key"});
}

TEST_CASE("who waits for keys is bounded") {
  kept_keys it;
  for (std::size_t i = 0; i < google_keys::waiting_max; ++i)
    it.ask("g1");
  CHECK(it.told().empty());
  it.ask("g1");
  CHECK(it.told() == words{"full"});
  it.succeed();
  CHECK(it.told().size() == google_keys::waiting_max);
}

} // namespace shannon::gateway
