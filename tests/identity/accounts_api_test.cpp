// Keys, tokens and accounts through the real program.

#include "protocols/accounts.hpp"
#include "tests/identity/credentials_node.hpp"
#include "tests/nodes/process.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <regex>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace fs = std::filesystem;

namespace {

/// One node for all tests that change nothing about it; each has an owner of
/// its own.
credentials_node& shared() {
  static credentials_node one;
  if (!one.node)
    one.start_up();
  return one;
}

/// A key of a user of a tenant that nobody else has.
struct owner {
  explicit owner(const std::string& name) {
    auto body = json{{"email", name + "@example.net"},
                     {"username", name},
                     {"password", "correct horse"},
                     {"full_name", name}};
    auto user = shared().post_admin("/api/auth/register", body).body["user"];
    user_id = user["id"].get<std::string>();
    tenant_id = user["tenant_id"].get<std::string>();
  }
  std::vector<std::string> as(std::vector<std::string> what) const {
    what.insert(what.end(), {"--user", user_id, "--tenant", tenant_id});
    return what;
  }
  std::string key(std::vector<std::string> more = {}) const {
    return shared().new_key(as(std::move(more)));
  }
  std::string user_id;
  std::string tenant_id;
};

json account(const std::string& name) {
  return {{"email", name + "@example.org"},
          {"username", name},
          {"password", "correct horse " + name},
          {"full_name", "The " + name}};
}

json login_of(const std::string& name) {
  return {{"email", name + "@example.org"},
          {"password", "correct horse " + name}};
}

} // namespace

TEST_CASE("without a credential a node answers 401, with the first key it "
          "serves") {
  credentials_node it;
  it.start_up();
  auto none = it.ask("GET", "/api/v1/tasks", "");
  CHECK(none.status == 401);
  CHECK(none.body == json{{"error", "Authentication required"}});
  CHECK(none.fields["www-authenticate"] == R"(Bearer realm="Shannon API")");
  auto wrong = it.ask("GET", "/api/v1/tasks", "sk_test_123456");
  CHECK(wrong.status == 401);
  CHECK(wrong.body == json{{"error", "Invalid token"}});
  CHECK(it.ask("GET", "/health", "").status == 200);
  CHECK(it.node->err().find("EVERYBODY") == std::string::npos);

  auto key = it.new_key();
  CHECK(std::regex_match(key, std::regex{"sk_[0-9a-f]{64}"}));
  auto me = it.ask("GET", "/api/v1/auth/me", key);
  REQUIRE(me.status == 200);
  CHECK(me.body["user_id"] == accounts::first_user);
  CHECK(me.body["tenant_id"] == accounts::first_tenant);
  CHECK(me.body["tier"] == "free");
  CHECK(me.body["rate_limits"]["minute"]["limit"] == 60);
  auto told = it.client({"submit", "What is 6 * 7?", "--wait"});
  CHECK(told.code != 0);
  auto with_key
      = run_shannon({"--url", it.url, "submit", "What is 6 * 7?", "--wait"},
                    {"SHANNON_API_KEY=" + key});
  INFO(with_key.err);
  CHECK(with_key.code == 0);
  CHECK(with_key.out.find("42") != std::string::npos);

  // It stands nowhere: not in the log, not in the database, not in any file.
  auto ended = it.stop();
  CHECK(ended.err.find(key) == std::string::npos);
  int files = 0;
  for (const auto& entry : fs::recursive_directory_iterator{it.data})
    if (entry.is_regular_file()) {
      std::ifstream in{entry.path(), std::ios::binary};
      std::string text{std::istreambuf_iterator<char>{in}, {}};
      INFO(entry.path().string());
      CHECK(text.find(key) == std::string::npos);
      ++files;
    }
  CHECK(files > 100);
}

TEST_CASE("with --dev a node serves whoever asks, says so, and to this machine "
          "alone") {
  credentials_node it;
  it.dev = true;
  it.start_up();
  CHECK(it.node->err().find("EVERYBODY ON THIS MACHINE") != std::string::npos);
  CHECK(it.node->err().find("dev-mode") != std::string::npos);
  auto me = it.ask("GET", "/api/v1/auth/me", "");
  CHECK(me.status == 200);
  CHECK(me.body["user_id"] == accounts::first_user);
  CHECK(it.ask("POST", "/api/v1/auth/refresh-key", "").body["error"]
        == "api_key_required");
  it.stop();

  auto refused
      = run_shannon({"up", "--dev", "--data", it.data, "--http", "0.0.0.0:0"});
  CHECK(refused.code == 1);
  CHECK(refused.err.find("loopback") != std::string::npos);
}

TEST_CASE("neither the environment nor a manifest can leave credentials out") {
  credentials_node it;
  it.start_up({"SHANNON_DEV=1", "GATEWAY_SKIP_AUTH=1", "ENVIRONMENT=dev"});
  CHECK(it.ask("GET", "/api/v1/tasks", "").status == 401);
  it.stop();
  auto refused = run_shannon({"up", "--data", it.data, "--http", "127.0.0.1:0"},
                             {"SHANNON_HTTP__DEV=true"});
  CHECK(refused.code == 1);
  CHECK(refused.err.find("SHANNON_HTTP__DEV") != std::string::npos);
}

TEST_CASE("a secrets file that others may read keeps a node from starting") {
  credentials_node it;
  it.start_up();
  it.stop();
  fs::permissions(it.data + "/identity.secrets", fs::perms::others_read,
                  fs::perm_options::add);
  auto refused = run_shannon({"up", "--data", it.data, "--http", "127.0.0.1:0",
                              "--admin", "127.0.0.1:0"},
                             {"SHANNON_DATABASE_URL="});
  CHECK(refused.code == 1);
  CHECK(refused.err.find("chmod 600") != std::string::npos);
  fs::permissions(it.data + "/identity.secrets", fs::perms::others_read,
                  fs::perm_options::remove);
}

TEST_CASE("keys are made, listed and revoked by their owner") {
  auto& it = shared();
  owner keeper{"keeper"};
  auto admin = keeper.key();
  auto made = it.ask("POST", "/api/v1/auth/api-keys", admin,
                     R"({"name":"ci","description":"for builds"})");
  REQUIRE(made.status == 201);
  auto key = made.body["api_key"].get<std::string>();
  CHECK(made.body["key_prefix"] == key.substr(0, 8));
  CHECK(made.body.contains("warning"));
  CHECK(it.ask("GET", "/api/v1/auth/me", key).status == 200);

  auto listed = it.ask("GET", "/api/v1/auth/api-keys", admin);
  REQUIRE(listed.status == 200);
  CHECK(listed.body["total"] == 2);
  const auto& first = listed.body["keys"][0];
  CHECK(first["id"] == made.body["id"]);
  CHECK(first["name"] == "ci");
  CHECK(first["description"] == "for builds");
  CHECK(first["is_active"] == true);
  CHECK(listed.text.find(key) == std::string::npos);

  auto path = "/api/v1/auth/api-keys/" + made.body["id"].get<std::string>();
  auto gone = it.ask("DELETE", path, admin);
  CHECK(gone.status == 200);
  CHECK(gone.body["success"] == true);
  // The node that revoked it knows at once.
  CHECK(it.ask("GET", "/api/v1/auth/me", key).status == 401);
  auto again = it.ask("DELETE", path, admin);
  CHECK(again.status == 404);
  CHECK(again.body["error"] == "not_found");
  CHECK(it.ask("DELETE", "/api/v1/auth/api-keys/no-uuid", admin).status == 400);
  CHECK(
      it.ask("GET", "/api/v1/auth/api-keys", admin).body["keys"][0]["is_active"]
      == false);
}

TEST_CASE("a key needs a name of at most 100 bytes, said once") {
  auto& it = shared();
  owner namer{"namer"};
  auto admin = namer.key();
  auto ask = [&](const std::string& body) {
    return it.ask("POST", "/api/v1/auth/api-keys", admin, body);
  };
  CHECK(ask("{}").body["message"] == "Name is required");
  CHECK(ask(R"({"name":""})").status == 400);
  auto tall = ask(json{{"name", std::string(101, 'a')}}.dump());
  CHECK(tall.body["message"] == "Name must be 100 characters or less");
  CHECK(ask(json{{"name", std::string(100, 'a')}}.dump()).status == 201);
  CHECK(ask(R"({"name":1})").status == 400);
  CHECK(ask(R"({"name":"a","name":"b"})").status == 400);
  CHECK(ask("[]").status == 400);
}

TEST_CASE("a key makes no key that allows more than it, and revokes none") {
  auto& it = shared();
  owner maker{"maker"};
  auto admin = maker.key();
  auto reader = maker.key({"--scopes", "workflows:read"});
  auto made
      = it.ask("POST", "/api/v1/auth/api-keys", reader, R"({"name":"more"})");
  REQUIRE(made.status == 201);
  auto more = made.body["api_key"].get<std::string>();
  CHECK(it.ask("GET", "/api/v1/tasks", more).status == 200);
  auto denied
      = it.ask("POST", "/api/v1/tasks", more, R"({"query":"What is 1 + 1?"})");
  CHECK(denied.status == 403);
  CHECK(denied.text.find("workflows:write") != std::string::npos);

  auto all = it.ask("GET", "/api/v1/auth/api-keys", reader).body["keys"];
  REQUIRE(all.size() == 3);
  // The oldest is the admin's: it allows everything.
  auto path = "/api/v1/auth/api-keys/" + all[2]["id"].get<std::string>();
  CHECK(it.ask("DELETE", path, reader).status == 404);
  CHECK(it.ask("GET", "/api/v1/auth/me", admin).status == 200);
  CHECK(it.ask("DELETE",
               "/api/v1/auth/api-keys/" + made.body["id"].get<std::string>(),
               reader)
            .status
        == 200);
}

TEST_CASE("a key that is refreshed opens until the overlap is over") {
  credentials_node it;
  it.start_up({"SHANNON_IDENTITY__KEY_OVERLAP=3s",
               "SHANNON_IDENTITY__CACHE_FOR=500ms"});
  auto old = it.new_key({"--scopes", "workflows:read"});
  auto got = it.ask("POST", "/api/v1/auth/refresh-key", old);
  REQUIRE(got.status == 200);
  CHECK(got.body["previous_key_revoked"] == false);
  auto fresh = got.body["api_key"].get<std::string>();
  CHECK(it.ask("GET", "/api/v1/auth/me", fresh).status == 200);
  CHECK(it.ask("GET", "/api/v1/auth/me", old).status == 200);
  CHECK(it.await_status(401, old, 20s) < 20s);
  CHECK(it.ask("GET", "/api/v1/auth/me", fresh).status == 200);
  // It allows what the old one did.
  CHECK(it.ask("POST", "/api/v1/tasks", fresh, R"({"query":"x"})").status
        == 403);
}

TEST_CASE("a key revoked in the database opens nothing five seconds later") {
  auto& it = shared();
  auto made = it.keys({"create", "--key-name", "doomed"});
  REQUIRE(made.code == 0);
  auto key = made.out.substr(0, made.out.find('\n'));
  auto id = credentials_node::id_in(made.err);
  CHECK(it.keys({"list"}).out.find("doomed") != std::string::npos);
  CHECK(it.ask("GET", "/api/v1/auth/me", key).status == 200);
  raw_client open{credentials_node::port_of(it.url)};
  REQUIRE(
      open.send(get("/v1/ws/messages",
                    "X-API-Key: " + key
                        + "\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                          "Sec-WebSocket-Version: 13\r\n"
                          "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")));
  auto greeted = open.response(false);
  REQUIRE(greeted);
  CHECK(greeted->status == 101);
  REQUIRE(it.keys({"revoke", id}).code == 0);
  auto since = std::chrono::steady_clock::now();
  auto took = it.await_status(401, key, 10s);
  CHECK(took <= 5s);
  // What it has opened is closed, too: this is the head of a close frame.
  CHECK(open.read_until("\x88", 10s));
  CHECK(std::chrono::steady_clock::now() - since <= 6s);
  CHECK(it.keys({"revoke", id}).code == 3);
  CHECK(it.keys({"list"}).out.find("revoked") != std::string::npos);
}

TEST_CASE("keys create, rotate and list say what is wrong with what they were "
          "told") {
  auto& it = shared();
  CHECK(it.keys({"create", "--scopes", "everything"}).err.find("workflows:read")
        != std::string::npos);
  CHECK(it.keys({"create", "--expires", "tomorrow"}).code == 2);
  CHECK(it.keys({"create", "--user", "nobody"}).code == 3);
  CHECK(it.keys({"rotate"}).code == 2);
  CHECK(it.keys({"rotate", "00000000-0000-0000-0000-00000000dead"}).code == 3);
  auto made = it.keys({"create"});
  auto rotated = it.keys(
      {"rotate", credentials_node::id_in(made.err), "--overlap", "0ms"});
  INFO(rotated.err);
  REQUIRE(rotated.code == 0);
  CHECK(it.ask("GET", "/api/v1/auth/me",
               rotated.out.substr(0, rotated.out.find('\n')))
            .status
        == 200);
  CHECK(
      it.ask("GET", "/api/v1/auth/me", made.out.substr(0, made.out.find('\n')))
          .status
      == 401);
}

TEST_CASE("an account is made and used with its password, on the admin port "
          "alone") {
  auto& it = shared();
  auto made = it.post_admin("/api/auth/register", account("ann"));
  REQUIRE(made.status == 200);
  const auto& user = made.body["user"];
  CHECK(user["email"] == "ann@example.org");
  CHECK(user["role"] == "owner");
  CHECK(it.post_admin("/api/auth/register", account("ann")).status == 400);
  auto joins = account("bob");
  joins["tenant_id"] = user["tenant_id"];
  CHECK(it.post_admin("/api/auth/register", joins).body["user"]["role"]
        == "user");

  auto login = it.post_admin("/api/auth/login", login_of("ann"));
  REQUIRE(login.status == 200);
  CHECK(login.body["token_type"] == "Bearer");
  CHECK(login.body["expires_in"] == 3'600);
  auto access = login.body["access_token"].get<std::string>();
  auto me = it.ask("GET", "/api/v1/auth/me", access);
  REQUIRE(me.status == 200);
  CHECK(me.body["user_id"] == user["id"]);
  CHECK(me.body["username"] == "ann");
  CHECK(me.body["name"] == "The ann");
  CHECK(it.ask("POST", "/api/v1/auth/refresh-key", access).status == 400);

  auto wrong = login_of("ann");
  wrong["password"] = "correct horse eve";
  auto nobody = login_of("nobody");
  auto one = it.post_admin("/api/auth/login", wrong);
  auto two = it.post_admin("/api/auth/login", nobody);
  CHECK(one.status == 401);
  CHECK(two.status == 401);
  CHECK(one.text == two.text);
  CHECK(it.post_admin("/api/auth/login", json::object()).status == 400);

  // Not where clients come in.
  CHECK(it.ask("POST", "/api/auth/login", "", login_of("ann").dump()).status
        == 404);
  CHECK(it.ask("POST", "/api/v1/auth/login", "", "{}").status == 404);
  auto google = it.ask("POST", "/api/v1/auth/register", "",
                       R"({"provider":"google","token":"x"})");
  CHECK(google.status == 400);
  CHECK(google.body["error"] == "unsupported_provider");
}

TEST_CASE("what an account needs is checked") {
  auto& it = shared();
  auto refused = [&](const char* field, json value) {
    auto body = account("dan");
    body[field] = std::move(value);
    return it.post_admin("/api/auth/register", body).status == 400;
  };
  CHECK(refused("email", ""));
  CHECK(refused("email", "ann"));
  CHECK(refused("email", "ann@x@y"));
  CHECK(refused("email", "ann @example.org"));
  CHECK(refused("username", nullptr));
  CHECK(refused("password", "1234567"));
  CHECK(refused("password", std::string(1'025, 'a')));
  CHECK(refused("full_name", 7));
  CHECK(refused("tenant_id", "*"));
  CHECK(refused("tenant_id", "not-a-uuid"));
}

TEST_CASE("a refresh token opens once; used again it ends all of its login") {
  auto& it = shared();
  REQUIRE(it.post_admin("/api/auth/register", account("ruth")).status == 200);
  auto login = [&] {
    return it.post_admin("/api/auth/login", login_of("ruth"))
        .body["refresh_token"]
        .get<std::string>();
  };
  auto refresh = [&](const std::string& token) {
    return it.ask("POST", "/api/v1/auth/refresh", "",
                  json{{"refresh_token", token}}.dump());
  };
  auto other = login();
  auto first = login();
  auto got = refresh(first);
  REQUIRE(got.status == 200);
  auto second = got.body["refresh_token"].get<std::string>();
  CHECK(second != first);
  CHECK(it.ask("GET", "/api/v1/auth/me",
               got.body["access_token"].get<std::string>())
            .status
        == 200);
  // A copy of the first comes: whoever has the second is out as well.
  auto copy = refresh(first);
  CHECK(copy.status == 401);
  CHECK(copy.body["error"] == "invalid_refresh_token");
  CHECK(refresh(second).status == 401);
  CHECK(refresh(other).status == 200);
  CHECK(refresh("").status == 400);
  CHECK(refresh("unknown").status == 401);
  // The admin port has the same route.
  auto third = login();
  CHECK(it.post_admin("/api/auth/refresh", {{"refresh_token", third}}).status
        == 200);
}

TEST_CASE("access tokens of a user that was told to be out end within five "
          "seconds") {
  auto& it = shared();
  auto user = it.post_admin("/api/auth/register", account("tom")).body["user"];
  auto access = [&] {
    return it.post_admin("/api/auth/login", login_of("tom"))
        .body["access_token"]
        .get<std::string>();
  };
  auto token = access();
  CHECK(it.ask("GET", "/api/v1/auth/me", token).status == 200);
  auto done = it.keys({"end-tokens", "--user", user["id"].get<std::string>(),
                       "--tenant", user["tenant_id"].get<std::string>()});
  INFO(done.err);
  REQUIRE(done.code == 0);
  CHECK(it.await_status(401, token, 10s) <= 5s);
  CHECK(it.ask("GET", "/api/v1/auth/me", access()).status == 200);
}
