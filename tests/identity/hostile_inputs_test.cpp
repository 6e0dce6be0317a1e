// S3: what no client should send, to every operation of the node's own
// description: wrong types, odd numbers and texts, unknown and forbidden
// fields, broken JSON, ids and parameters that are none. All of it is answered,
// nothing of it is the server's fault, and it serves on.

#include "actors/store/pg_connection.hpp"
#include "tests/identity/credentials_node.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

/// Values as they stand in JSON; some are none.
const std::vector<std::string>& odd_values() {
  static const std::vector<std::string> all{
      "null",
      "true",
      "0",
      "-1",
      "1.5",
      "1e308",
      "1e999",
      "-0.0",
      "9223372036854775808",
      "123456789012345678901234567890",
      "\"\"",
      "\" \"",
      "\"\\u0000\"",
      "\"\\u0007\\u001b[2J\"",
      "\"\\ud800\"",
      "\"\\udc00\\ud800\"",
      "\"\\u202e\\ufeff\\uffff\"",
      "\"../../../../etc/passwd\"",
      "\"'; drop table heads; --\"",
      "\"%s%n{{7*7}}${jndi:ldap://x}\"",
      '"' + std::string(64 * 1024, 'a') + '"',
      "[]",
      "[null]",
      "[[[[1]]]]",
      "{}",
      "{\"a\":{\"b\":null}}",
      "\"2026-13-45T99:99:99Z\"",
      "NaN",
      "Infinity",
      "\"\xc0\xaf\"",
      "\"\xff\xfe\"",
      "\"\xed\xa0\x80\"",
      std::string(2'000, '[') + std::string(2'000, ']'),
  };
  return all;
}

/// What only the server decides.
const std::string undue
    = R"("user_id":"00000000-0000-4000-8000-000000000002","role":"admin",)"
      R"("roles":["admin"],"is_admin":true,"tier":"admin","scopes":["*"],)"
      R"("status":"TASK_STATUS_COMPLETED","result":"mine","cost_usd":-5,)"
      R"("__proto__":{"admin":true},"constructor":{"prototype":{}})";
const std::string forbidden
    = R"("tenant_id":"00000000-0000-4000-8000-000000000001",)" + undue;

const std::vector<std::string>& odd_segments() {
  static const std::vector<std::string> all{
      "%00",          "%2e%2e%2f%2e%2e%2fetc%2fpasswd",
      "..%2f..",      "%ff%fe",
      "%c0%af",       "%0d%0aX-Evil:%201",
      "-1",           "NaN",
      "null",         "'%20or%20'1'='1",
      "%F0%9F%92%A9", std::string(4'000, 'a'),
  };
  return all;
}

const std::vector<std::string>& odd_parameters() {
  static const std::vector<std::string> all{
      "",      "-1",  "0",      "1.5",    "99999999999999999999",
      "NaN",   "abc", "%00",    "%ff",    "1%27%20or%201=1",
      "true,", "[]",  "%0d%0a", "1e9999", "-9223372036854775809"};
  return all;
}

struct world : credentials_node {
  world() {
    start_up({"SHANNON_IDENTITY__CACHE_FOR=0ms",
              "SHANNON_HTTP__RATE_TENANT_FACTOR=1000",
              "SHANNON_HTTP__RATE_ADDRESS_MINUTE=1000000",
              "SHANNON_HTTP__RATE_ROUTE_FACTOR=1000000"});
    for (int i = 0; i < 20; ++i)
      keys_.push_back(new_key({"--key-name", "key " + std::to_string(i)}));
    give_plan("admin");
    doc = ask("GET", "/openapi.json", "").body;
    REQUIRE(doc.contains("paths"));
  }

  /// Of the tenant that the keys belong to: it decides the rates.
  void give_plan(const std::string& plan) {
    std::string folder;
    std::string port;
    for (const auto& found :
         std::filesystem::recursive_directory_iterator(data))
      if (found.path().filename() == "postmaster.pid") {
        // Lines 4 and 5 of the server's own file: its port and its socket.
        std::ifstream file{found.path()};
        for (int i = 1; i <= 5; ++i)
          std::getline(file, i == 4 ? port : folder);
      }
    auto db = store::pg_connection::open(
        {"host=" + folder + " port=" + port + " user=shannon dbname=shannon"});
    INFO((db ? std::string{} : db.error().text));
    REQUIRE(db);
    static const store::pg_statement change{
        "test_plan", "update tenants set plan = $1::text"};
    REQUIRE(db->run(change, {plan}));
  }

  /// Each in turn, so that none reaches its rate.
  const std::string& key() const {
    return keys_[static_cast<std::size_t>(asked) % keys_.size()];
  }

  json resolved(const json& schema) const {
    if (auto at = schema.find("$ref"); at != schema.end()) {
      auto name = at->get<std::string>();
      return doc["components"]["schemas"][name.substr(name.rfind('/') + 1)];
    }
    return schema;
  }

  /// Something that fits, so that one field at a time can be wrong.
  json fitting(const json& given, int depth = 0) const {
    auto schema = resolved(given);
    if (schema.contains("enum"))
      return schema["enum"].front();
    for (const char* many : {"oneOf", "anyOf"})
      if (schema.contains(many))
        return fitting(schema[many].front(), depth + 1);
    auto type = schema.value("type", json("string"));
    auto is = [&](const char* name) {
      return type.is_array() ? type.front() == name : type == name;
    };
    if (is("object")) {
      json out = json::object();
      for (const auto& name : schema.value("required", json::array()))
        if (depth < 4)
          out[name.get<std::string>()] = fitting(
              schema["properties"][name.get<std::string>()], depth + 1);
      return out;
    }
    if (is("array"))
      return json::array(
          {fitting(schema.value("items", json::object()), depth + 1)});
    if (is("integer") || is("number"))
      return schema.value("minimum", json(1));
    if (is("boolean"))
      return false;
    return "x";
  }

  /// Asks, and says of the answer what must hold of any.
  void hurl(const std::string& method, const std::string& path,
            const std::string& body, bool has_body = true) {
    raw_client one{port_of(url)};
    std::string request = method + " " + path + " HTTP/1.1\r\nHost: node\r\n"
                          + shown(key()) + "Connection: close\r\n";
    if (has_body)
      request += "Content-Type: application/json\r\nContent-Length: "
                 + std::to_string(body.size()) + "\r\n";
    one.send(request + "\r\n" + body);
    auto head = one.read_until("\r\n\r\n");
    ++asked;
    if (head && head->starts_with("HTTP/1.1 ")) {
      auto status = std::stoi(head->substr(9, 3));
      ++answers[status];
      // 501: a provider that is not set up. 503: there is no room just now.
      bool fault = status >= 500 && status != 501 && status != 503;
      if (!fault && head->find("X-Evil") == std::string::npos)
        return;
    }
    INFO(method << " " << path.substr(0, 200) << "\n" << body.substr(0, 300));
    INFO((head ? *head + one.read_to_end(1s).value_or("") : "no answer"));
    CHECK(false);
  }

  std::vector<std::string> keys_;
  json doc;
  int asked = 0;
  std::map<int, int> answers;
};

/// The path with `segment` in its braces.
std::string path_with(std::string path, const std::string& segment) {
  for (auto at = path.find('{'); at != std::string::npos; at = path.find('{'))
    path.replace(at, path.find('}') - at + 1, segment);
  return path;
}

} // namespace

TEST_CASE("whatever an operation is sent is answered, and is not the server's "
          "fault") {
  world it;
  int operations = 0;
  const std::string id = "task-00000000-0000-4000-8000-00000000dead";
  for (const auto& [pattern, methods] : it.doc["paths"].items())
    for (const auto& [name, about] : methods.items()) {
      ++operations;
      std::string method = name;
      for (auto& c : method)
        c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      auto path = path_with(pattern, id);
      if (pattern.find('{') != std::string::npos)
        for (const auto& segment : odd_segments())
          it.hurl(method, path_with(pattern, segment), "{}", method != "GET");
      for (const auto& parameter : about.value("parameters", json::array()))
        if (parameter.value("in", "") == "query")
          for (const auto& value : odd_parameters())
            it.hurl(method,
                    path + "?" + parameter["name"].get<std::string>() + "="
                        + value,
                    "{}", method != "GET");
      if (!about.contains("requestBody"))
        continue;
      const auto& content = about["requestBody"]["content"];
      auto schema = it.resolved(content.begin().value()["schema"]);
      auto good = it.fitting(schema);
      std::set<std::string> names;
      auto properties = schema.value("properties", json::object());
      for (const auto& [field, of] : properties.items())
        names.insert(field);
      for (const auto& field : names) {
        auto rest = good;
        rest.erase(field);
        auto others = rest.dump();
        others = others.size() > 2 ? "," + others.substr(1) : "}";
        for (const auto& value : odd_values())
          it.hurl(method, path, "{\"" + field + "\":" + value + others);
      }
      auto whole = good.dump();
      auto end = whole.size() > 2 ? "," + whole.substr(1) : "}";
      it.hurl(method, path, "{" + forbidden + end);
      it.hurl(method, path, "{" + forbidden + "," + forbidden + end);
      for (const auto& value : odd_values())
        it.hurl(method, path, value);
      for (const auto& broken :
           {std::string{}, std::string{"{"}, whole + whole,
            whole.substr(0, whole.size() - 1), "\xef\xbb\xbf" + whole,
            "{\"" + std::string(100'000, 'k') + "\":1}"})
        it.hurl(method, path, broken);
    }
  std::string seen;
  for (auto [status, count] : it.answers)
    seen += " " + std::to_string(status) + ": " + std::to_string(count);
  WARN(operations << " operations, " << it.asked << " requests, answers"
                  << seen);
  CHECK(operations > 50);
  CHECK(it.asked > 5'000);
  // No rate stood between them and what is behind the routes.
  CHECK(it.answers[429] == 0);
  CHECK(it.ask("GET", "/health", "").status == 200);
  CHECK(it.ask("GET", "/api/v1/tasks", it.key()).status == 200);
}

TEST_CASE("nobody becomes another, or more, by saying so") {
  world it;
  // Operators register accounts, and may say of which tenant.
  auto made = it.post_admin(
      "/api/auth/register",
      json::parse(R"({"email":"mallory@example.org","username":"mallory",)"
                  R"("password":"correct horse","full_name":"M",)"
                  + undue + "}"));
  REQUIRE(made.status < 300);
  auto account = made.body["user"];
  // The first of a tenant of its own, and no more.
  CHECK(account["role"] == "owner");
  CHECK(account["id"] != "00000000-0000-4000-8000-000000000002");
  CHECK(made.text.find("\"tier\":\"admin\"") == std::string::npos);
  auto task = it.ask("POST", "/api/v1/tasks", it.key(),
                     R"({"query":"What is 6 * 7?",)" + forbidden + "}");
  REQUIRE(task.status == 200);
  auto id = task.body["task_id"].get<std::string>();
  auto seen = it.ask("GET", "/api/v1/tasks/" + id, it.key());
  CHECK(seen.status == 200);
  CHECK(seen.body.value("result", "") != "mine");
  // It belongs to whom the key belongs, and to nobody else.
  auto stranger
      = it.new_key({"--user", account["id"].get<std::string>(), "--tenant",
                    account["tenant_id"].get<std::string>()});
  CHECK(it.ask("GET", "/api/v1/tasks/" + id, stranger).status == 404);
}
