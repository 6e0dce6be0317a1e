// Files of sessions and of users over HTTP, from real folders.

#include "actors/gateway/resources/file_json.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/kit/workspace/workspace.hpp"
#include "protocols/accounts.hpp"
#include "tests/gateway/gateway_fixture.hpp"
#include "tests/kit/temp_folder.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <string>
#include <sys/stat.h>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using gateway::json_in;
namespace fs = std::filesystem;

namespace {

json_in body_of(const raw_response& answer) {
  return json_in::parse(answer.body, nullptr, false);
}

std::string user_named(const std::string& name) {
  return gateway::named_uuid(name);
}

/// A gateway over folders of its own, and what ann's session `talk` holds.
struct files_fixture {
  test::temp_folder folder;
  config::tool_settings settings = [this] {
    config::tool_settings out;
    out.workspace_dir = folder.path() + "/workspaces";
    out.memory_dir = folder.path() + "/memory";
    out.file_bytes_max = 64 * 1024;
    out.listed_files_max = 5;
    return out;
  }();
  gateway_fixture gateway{quick_settings(), true, {}, settings};

  fs::path make_folder(const std::string& root, const kit::owner_path& owner) {
    return kit::workspace::open(root, owner, {})->path();
  }
  fs::path workspace_of(const std::string& user, const std::string& session) {
    return make_folder(settings.workspace_dir,
                       {accounts::first_tenant, user_named(user), session});
  }
  static void put(const fs::path& where, const std::string& bytes) {
    fs::create_directories(where.parent_path());
    std::ofstream{where, std::ios::binary} << bytes;
  }
  std::string submit(const std::string& user, const std::string& session) {
    auto answer = gateway.ask(post(
        "/api/v1/tasks", R"({"query":"q","session_id":")" + session + "\"}",
        "X-User-Id: " + user_named(user) + "\r\n"));
    REQUIRE(answer.status == 200);
    auto all = gateway.ask(
        get("/api/v1/sessions", "X-User-Id: " + user_named(user) + "\r\n"));
    return body_of(all)["sessions"][0]["session_id"];
  }
  raw_response ask(const std::string& path, const std::string& user = "ann",
                   const std::string& more = {}) {
    return gateway.ask(
        get(path, "X-User-Id: " + user_named(user) + "\r\n" + more));
  }
};

const std::string talk = "/api/v1/sessions/talk/files";

} // namespace

TEST_CASE_METHOD(files_fixture, "a session's files are listed and read") {
  auto id = submit("ann", "talk");
  auto empty = ask(talk);
  CHECK(empty.status == 200);
  CHECK(body_of(empty) == json_in::parse(R"({"success":true,"files":[]})"));
  auto top = workspace_of("ann", "talk");
  put(top / "notes.md", "# Grüße\n");
  put(top / "data" / "picture.png", std::string("\x89PNG\0\x01", 6));
  put(top / "lost+found" / "x", "x");
  for (const auto& session : {std::string{"talk"}, id}) {
    auto files = body_of(ask("/api/v1/sessions/" + session + "/files"));
    CHECK(files["success"] == true);
    REQUIRE(files["files"].size() == 2);
    CHECK(files["files"][0]
          == json_in::parse(R"({"name":"data","path":"data","is_dir":true,
                                "size_bytes":0})"));
    CHECK(files["files"][1]["path"] == "notes.md");
    CHECK(files["files"][1]["size_bytes"] == 10);
    CHECK_FALSE(files.contains("truncated"));
  }
  auto inner = body_of(ask(talk + "?path=data"));
  REQUIRE(inner["files"].size() == 1);
  CHECK(inner["files"][0]["path"] == "data/picture.png");
  auto notes = ask(talk + "/notes.md");
  CHECK(notes.status == 200);
  CHECK(body_of(notes)
        == json_in::parse(R"({"success":true,"content":"# Grüße\n",
               "content_type":"text/markdown","size_bytes":10})"));
  auto picture = body_of(ask(talk + "/data/picture.png"));
  CHECK(picture["content_type"] == "image/png");
  CHECK(picture["content"] == "iVBORwAB");
  CHECK(picture["size_bytes"] == 6);
  CHECK(body_of(ask(talk + "?path=nowhere"))["files"].empty());
}

TEST_CASE_METHOD(files_fixture,
                 "files of other users and tenants do not exist") {
  auto id = submit("ann", "talk");
  put(workspace_of("ann", "talk") / "secret.txt", "mine");
  auto stranger = "X-Tenant-Id: " + gateway::named_uuid("others") + "\r\n";
  for (const auto& path :
       {talk, talk + "/secret.txt", "/api/v1/sessions/" + id + "/files",
        "/api/v1/sessions/" + id + "/files/secret.txt"}) {
    INFO(path);
    for (const auto& refused : {ask(path, "bob"), ask(path, "ann", stranger)}) {
      CHECK(refused.status == 404);
      CHECK(body_of(refused)["error"] == "session not found");
    }
  }
  // A session of one's own by the same name is another one.
  submit("bob", "talk");
  CHECK(body_of(ask(talk, "bob"))["files"].empty());
  CHECK(ask(talk + "/secret.txt", "bob").status == 404);
  CHECK(ask(talk + "/secret.txt").status == 200);
}

TEST_CASE_METHOD(files_fixture, "no path leads out of a session's folder") {
  submit("ann", "talk");
  auto top = workspace_of("ann", "talk");
  put(fs::path{folder.path()} / "secret", "secret");
  put(top / "in.txt", "in");
  fs::create_symlink(fs::path{folder.path()} / "secret", top / "link");
  fs::create_directory_symlink(folder.path(), top / "up");
  fs::create_hard_link(fs::path{folder.path()} / "secret", top / "hard");
  REQUIRE(mkfifo((top / "pipe").c_str(), 0600) == 0);
  struct line {
    const char* path;
    int status;
    const char* error;
  };
  for (const auto& one : std::vector<line>{
           {"/%2e%2e/%2e%2e/secret", 400, "invalid path: cannot contain '..'"},
           {"/..%2f..%2fsecret", 400, "invalid path: cannot contain '..'"},
           {"/a/%2e%2e/in.txt", 400, "invalid path: cannot contain '..'"},
           {"?path=..", 400, "invalid path: cannot contain '..'"},
           {"?path=a/../..", 400, "invalid path: cannot contain '..'"},
           {"?path=/etc", 400, "path escapes workspace"},
           {"/%2fetc%2fpasswd", 400, "path escapes workspace"},
           {"/link", 400, "path escapes workspace"},
           {"/up/secret", 400, "path escapes workspace"},
           {"?path=up", 400, "path escapes workspace"},
           {"/hard", 400, "path escapes workspace"},
           {"/pipe", 400, "path escapes workspace"},
           {"/", 400, "file path is required"},
           {"/%2e", 400, "file path is required"},
           {"/in.txt/x", 404, "file not found"},
           {"/nothing", 404, "file not found"},
       }) {
    INFO(one.path);
    auto refused = ask(talk + one.path);
    CHECK(refused.status == one.status);
    CHECK(body_of(refused)["error"] == one.error);
    CHECK(refused.body.find("secret") == std::string::npos);
  }
  for (const auto* path : {"/a%00b", "/a%5cb", "/a%0ab", "/%ff"}) {
    INFO(path);
    CHECK(ask(talk + path).status == 400);
  }
  // A client that asks for `..` in clear is sent to where that leads.
  CHECK(ask(talk + "/../../talk/files").status == 301);
  // Names that only look like it are names.
  put(top / "..a", "x");
  CHECK(ask(talk + "/..a").status == 200);
}

TEST_CASE_METHOD(files_fixture, "what is too long is cut, or refused") {
  submit("ann", "talk");
  auto top = workspace_of("ann", "talk");
  for (int i = 0; i < 5; ++i)
    put(top / std::to_string(i), "x");
  auto all = body_of(ask(talk));
  CHECK(all["files"].size() == 5);
  CHECK_FALSE(all.contains("truncated"));
  put(top / "6", "x");
  auto cut = body_of(ask(talk));
  CHECK(cut["files"].size() == 5);
  CHECK(cut["truncated"] == true);
  put(top / "0", std::string(settings.file_bytes_max, 'x'));
  CHECK(body_of(ask(talk + "/0"))["size_bytes"] == settings.file_bytes_max);
  put(top / "0", std::string(settings.file_bytes_max + 1, 'x'));
  CHECK(ask(talk + "/0").status == 413);
  fs::create_directory(top / "d");
  auto folder_read = ask(talk + "/d");
  CHECK(folder_read.status == 400);
  CHECK(
      body_of(folder_read)
      == json_in::parse(R"({"success":false,"error":"path is a directory"})"));
  CHECK(ask(talk + "?path=1").status == 400);
}

TEST_CASE_METHOD(files_fixture, "a user's memory is shown to that user alone") {
  CHECK(body_of(ask("/api/v1/memory/files"))
        == json_in::parse(R"({"success":true,"files":[]})"));
  auto top = make_folder(settings.memory_dir,
                         {accounts::first_tenant, user_named("ann")});
  put(top / "MEMORY.md", "likes tea");
  put(top / "topics" / "tea.json", "{}");
  auto files = body_of(ask("/api/v1/memory/files"));
  REQUIRE(files["files"].size() == 2);
  CHECK(files["files"][0]["name"] == "MEMORY.md");
  CHECK(body_of(ask("/api/v1/memory/files?path=topics"))["files"][0]["path"]
        == "topics/tea.json");
  auto one = body_of(ask("/api/v1/memory/files/MEMORY.md"));
  CHECK(one["content"] == "likes tea");
  CHECK(body_of(ask("/api/v1/memory/files/topics/tea.json"))["content_type"]
        == "application/json");
  CHECK(ask("/api/v1/memory/files/MEMORY.md", "bob").status == 404);
  CHECK(body_of(ask("/api/v1/memory/files", "bob"))["files"].empty());
  auto elsewhere = "X-Tenant-Id: " + gateway::named_uuid("others") + "\r\n";
  CHECK(ask("/api/v1/memory/files/MEMORY.md", "ann", elsewhere).status == 404);
}

TEST_CASE("what a file claims to be is held against its bytes") {
  using gateway::media_type_of;
  CHECK(media_type_of("a.MD", "x") == "text/markdown");
  CHECK(media_type_of("a.txt", "\xff") == "application/octet-stream");
  CHECK(media_type_of("a.json", std::string("a\0b", 3))
        == "application/octet-stream");
  CHECK(media_type_of("Makefile", "all:") == "text/plain");
  CHECK(media_type_of("a.bin", "\x80") == "application/octet-stream");
  CHECK(media_type_of("a.png", "text") == "image/png");
}
