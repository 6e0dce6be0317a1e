// S1: every route with every kind of caller. The routes are the server's own
// table, so a new one cannot be forgotten.

#include "actors/gateway/routes/routes.hpp"
#include "protocols/accounts.hpp"
#include "tests/identity/credentials_node.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;
using gateway::access;
using gateway::route;

namespace {

/// What one tenant has: ids that others may try.
struct belongings {
  std::string task;
  std::string session;
  std::string key;
};

/// An id of the same shape that nobody has.
const belongings nothing{"task-00000000-0000-4000-8000-00000000dead",
                         "00000000-0000-4000-8000-00000000dead",
                         "00000000-0000-4000-8000-00000000dead"};

std::string method_of(const route& line) {
  return line.method.empty() ? "GET" : std::string{line.method};
}

bool has_place(const route& line) {
  return line.pattern.find('{') != std::string_view::npos
         || line.who == access::stream_client;
}

/// The route's path with what stands in its braces.
std::string path_of(const route& line, const belongings& what) {
  std::string path{line.pattern};
  auto id = what.task;
  if (path.find("/sessions/") != std::string::npos)
    id = what.session;
  else if (path.find("/api-keys/") != std::string::npos)
    id = what.key;
  path = std::regex_replace(path, std::regex{R"(\{[^}]*\})"}, id);
  return line.who == access::stream_client ? path + "?workflow_id=" + what.task
                                           : path;
}

/// A body that some routes take; none for those that take none.
std::string body_of(const route& line) {
  if (line.takes.empty() && method_of(line) == "GET")
    return {};
  return "{}";
}

struct world : credentials_node {
  world() {
    start_up({"SHANNON_IDENTITY__CACHE_FOR=0ms"});
    right = new_key();
    REQUIRE(ask("GET", "/api/v1/auth/me", right).status == 200);
    none = "";
    unknown = "sk_" + std::string(64, '0');
    auto doomed = keys({"create"});
    revoked = doomed.out.substr(0, doomed.out.find('\n'));
    REQUIRE(keys({"revoke", id_in(doomed.err)}).code == 0);
    expired = new_key({"--expires", "1ms"});
    narrow = new_key({"--scopes", "skills:dangerous"});
    auto other
        = post_admin("/api/auth/register", {{"email", "eve@example.org"},
                                            {"username", "eve"},
                                            {"password", "correct horse"},
                                            {"full_name", "Eve"}})
              .body["user"];
    stranger = new_key({"--user", other["id"].get<std::string>(), "--tenant",
                        other["tenant_id"].get<std::string>()});
    auto third = post_admin("/api/auth/register",
                            {{"email", "ned@example.org"},
                             {"username", "ned"},
                             {"password", "correct horse"},
                             {"full_name", "Ned"},
                             {"tenant_id", accounts::first_tenant}})
                     .body["user"];
    neighbour = new_key({"--user", third["id"].get<std::string>()});
    auto task = ask("POST", "/api/v1/tasks", right,
                    R"({"query":"What is 6 * 7?","session_id":"ours"})");
    REQUIRE(task.status == 200);
    ours.task = task.body["task_id"].get<std::string>();
    ours.session = "ours";
    ours.key = id_in(keys({"create", "--key-name", "object"}).err);
  }

  /// Streams are answered by a head at once; the rest may take for ever.
  answered try_route(const route& line, const belongings& what,
                     const std::string& credential) {
    auto path = path_of(line, what);
    if (line.who != access::stream_client)
      return ask(method_of(line), path, credential, body_of(line));
    raw_client one{port_of(url)};
    one.send(method_of(line) + " " + path + " HTTP/1.1\r\nHost: node\r\n"
             + shown(credential) + "\r\n");
    auto head = one.read_until("\r\n\r\n");
    REQUIRE(head);
    answered out;
    out.status = std::stoi(head->substr(9, 3));
    return out;
  }

  std::string right, none, unknown, revoked, expired, narrow, stranger,
      neighbour;
  belongings ours;
};

/// One world for all: making it takes longer than looking at it.
world& shared() {
  static world one;
  return one;
}

/// Without what tells one id from another, or one moment.
std::string without_ids(std::string text, const belongings& what) {
  for (const auto& id : {what.task, what.session, what.key})
    for (auto at = text.find(id); at != std::string::npos; at = text.find(id))
      text.replace(at, id.size(), "ID");
  return text;
}

} // namespace

TEST_CASE("every route asks for what its line says, of every caller") {
  auto& it = shared();
  int asked = 0;
  for (const auto& line : gateway::routes()) {
    if (line.by == gateway::doors::admin || line.who == access::operator_)
      continue;
    INFO(method_of(line) << " " << line.pattern);
    auto open = line.who == access::anybody;
    std::map<std::string, std::string> refused{{"none", it.none},
                                               {"unknown", it.unknown},
                                               {"revoked", it.revoked},
                                               {"expired", it.expired}};
    for (const auto& [name, credential] : refused) {
      INFO(name);
      auto got = it.try_route(line, it.ours, credential);
      if (open) {
        CHECK(got.status != 401);
        CHECK(got.status != 403);
      } else {
        CHECK(got.status == 401);
      }
      ++asked;
    }
    if (open)
      continue;
    // A credential in the query opens streams, and nothing else.
    auto in_query = path_of(line, nothing);
    in_query += (in_query.find('?') == std::string::npos ? "?" : "&");
    in_query += "api_key=" + it.unknown;
    CHECK(it.ask(method_of(line), in_query, "", body_of(line)).status == 401);
    auto narrow = it.try_route(line, nothing, it.narrow);
    if (line.scope.empty())
      CHECK(narrow.status != 403);
    else
      CHECK(narrow.status == 403);
    asked += 2;
  }
  CHECK(asked > 60);
}

TEST_CASE("of another user's things only what a task tells is a tenant's own") {
  using enum gateway::endpoint;
  // Whoever knows a task's id may look at it; nobody else's hand is on it.
  const std::set<gateway::endpoint> told{get_task, get_events, get_timeline,
                                         redirect_stream, stream_sse};
  auto& it = shared();
  int looked_at = 0;
  for (const auto& line : gateway::routes()) {
    if (line.by == gateway::doors::admin || line.who == access::anybody
        || line.who == access::operator_ || !has_place(line))
      continue;
    INFO(method_of(line) << " " << line.pattern);
    auto theirs = it.try_route(line, it.ours, it.neighbour);
    auto absent = it.try_route(line, nothing, it.neighbour);
    if (told.count(line.leads_to) != 0) {
      CHECK(theirs.status < 400);
      ++looked_at;
      continue;
    }
    CHECK(theirs.status == absent.status);
    // That the task is there may be known.
    if (line.leads_to != get_review)
      CHECK(without_ids(theirs.text, it.ours)
            == without_ids(absent.text, nothing));
  }
  CHECK(looked_at > 0);
  auto decided = [&](const std::string& task) {
    return it.ask("POST", "/api/v1/approvals/decision", it.neighbour,
                  R"({"approval_id":"a","approved":true,"workflow_id":")" + task
                      + "\"}");
  };
  CHECK(decided(it.ours.task).text == decided(nothing.task).text);
}

TEST_CASE("what belongs to another tenant is answered as what is not there") {
  auto& it = shared();
  for (const auto& line : gateway::routes()) {
    if (line.by == gateway::doors::admin || line.who == access::anybody
        || line.who == access::operator_ || !has_place(line))
      continue;
    INFO(method_of(line) << " " << line.pattern);
    auto theirs = it.try_route(line, it.ours, it.stranger);
    auto absent = it.try_route(line, nothing, it.stranger);
    CHECK(theirs.status == absent.status);
    CHECK(without_ids(theirs.text, it.ours)
          == without_ids(absent.text, nothing));
    CHECK(theirs.status != 403);
  }
  // Nothing of it has changed for whom it belongs to.
  CHECK(it.ask("GET", "/api/v1/tasks/" + it.ours.task, it.right).status == 200);
  CHECK(
      it.ask("DELETE", "/api/v1/auth/api-keys/" + it.ours.key, it.right).status
      == 200);
  // And in no list is anything of it.
  for (const auto& line : gateway::routes())
    if (line.by != gateway::doors::admin && line.who == access::client
        && method_of(line) == "GET" && !has_place(line)) {
      INFO(line.pattern);
      auto got = it.try_route(line, it.ours, it.stranger);
      CHECK(got.text.find(it.ours.task) == std::string::npos);
      CHECK(got.text.find(it.ours.key) == std::string::npos);
    }
}

TEST_CASE("a credential in the query opens a stream") {
  auto& it = shared();
  raw_client one{credentials_node::port_of(it.url)};
  one.send("GET /api/v1/stream/sse?workflow_id=" + it.ours.task
           + "&api_key=" + it.right + " HTTP/1.1\r\nHost: node\r\n\r\n");
  auto head = one.read_until("\r\n\r\n");
  REQUIRE(head);
  CHECK(head->find("200 OK") != std::string::npos);
}
