#include "actors/kit/workspace/workspace.hpp"
#include "actors/tool/sandbox/sandbox.hpp"
#include "tests/kit/temp_folder.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>
#include <unistd.h>

using namespace shannon;
using namespace shannon::kit;
namespace fs = std::filesystem;

namespace {

struct workspace_fixture {
  shannon::test::temp_folder folder;
  workspace_limits limits{1000, 64 * 1024, 50};
  workspace space
      = *workspace::open(folder.path(), {"tenant", "ann", "s1"}, limits);
  fs::path inside = space.path();
  fs::path secret = fs::path{folder.path()} / "secret";

  workspace_fixture() {
    std::ofstream{secret} << "secret";
  }

  result<std::string> read(const std::string& path) {
    auto parts = parse_path(path);
    return parts ? space.read(*parts)
                 : result<std::string>{tl::unexpect, parts.error()};
  }
  result<void> write(const std::string& path, const std::string& content,
                     bool append = false) {
    auto parts = parse_path(path);
    return parts ? space.write(*parts, content, append)
                 : result<void>{tl::unexpect, parts.error()};
  }
  std::string secret_text() {
    std::string out;
    std::ifstream{secret} >> out;
    return out;
  }
};

} // namespace

TEST_CASE_METHOD(workspace_fixture, "what is written is read again") {
  REQUIRE(write("a/b/c.txt", "one"));
  CHECK(*read("a/b/c.txt") == "one");
  REQUIRE(write("a/b/c.txt", "two"));
  REQUIRE(write("a/b/c.txt", "!", true));
  CHECK(*read("/workspace/a/b/c.txt") == "two!");
  REQUIRE(write("new", "x", true));
  CHECK(*read("new") == "x");
  auto top = space.list({});
  REQUIRE(top);
  REQUIRE(top->size() == 2);
  CHECK((*top)[0].name == "a");
  CHECK((*top)[0].is_folder);
  CHECK((*top)[1].bytes == 1);
}

TEST_CASE_METHOD(workspace_fixture, "sessions, users and tenants do not meet") {
  REQUIRE(write("x", "mine"));
  auto other = *workspace::open(folder.path(), {"tenant", "ann", "s2"}, limits);
  CHECK(other.read({"x"}).error().code == errc::not_found);
  auto user = *workspace::open(folder.path(), {"tenant", "bob", "s1"}, limits);
  CHECK(user.read({"x"}).error().code == errc::not_found);
  auto tenant = *workspace::open(folder.path(), {"other", "ann", "s1"}, limits);
  CHECK(tenant.read({"x"}).error().code == errc::not_found);
  auto again = *workspace::open(folder.path(), {"tenant", "ann", "s1"}, limits);
  CHECK(*again.read({"x"}) == "mine");
}

TEST_CASE_METHOD(workspace_fixture, "who only reads makes nothing") {
  auto missing = workspace::find(folder.path(), {"tenant", "bob"}, limits);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().code == errc::not_found);
  CHECK_FALSE(
      fs::exists(inside.parent_path().parent_path() / folder_name("bob")));
  CHECK(workspace::find(folder.path() + "/nowhere", {"t"}, limits).error().code
        == errc::not_found);
  REQUIRE(write("a/x", "12345"));
  auto found = workspace::find(folder.path(), {"tenant", "ann", "s1"}, limits);
  REQUIRE(found);
  CHECK(*found->read({"a", "x"}) == "12345");
  CHECK(found->about({"a"})->is_folder);
  CHECK(found->about({"a", "x"})->bytes == 5);
  CHECK(found->about({"b"}).error().code == errc::not_found);
}

TEST_CASE_METHOD(workspace_fixture, "what could lead out is not told of") {
  fs::create_symlink(secret, inside / "link");
  fs::create_directory_symlink(folder.path(), inside / "up");
  fs::create_hard_link(secret, inside / "hard");
  REQUIRE(mkfifo((inside / "pipe").c_str(), 0600) == 0);
  for (const path_parts& path : {path_parts{"link"}, path_parts{"up", "secret"},
                                 path_parts{"hard"}, path_parts{"pipe"}}) {
    INFO(to_text(path));
    auto told = space.about(path);
    REQUIRE_FALSE(told);
    CHECK(told.error().code == errc::denied);
  }
  fs::remove(inside / "up");
  // A folder that is a link is no folder of an owner.
  fs::create_directory_symlink(inside, fs::path{folder.path()} / "s-evil");
  CHECK_FALSE(workspace::find(folder.path(), {"evil"}, limits));
}

TEST_CASE_METHOD(workspace_fixture, "links lead nowhere") {
  fs::create_symlink(secret, inside / "absolute");
  fs::create_symlink("../../secret", inside / "relative");
  fs::create_symlink("loop", inside / "loop");
  fs::create_symlink("..", inside / "up");
  fs::create_symlink("/proc/self/root", inside / "magic");
  fs::create_hard_link(secret, inside / "hard");
  for (const char* path : {"absolute", "relative", "loop", "up/secret", "up",
                           "magic/etc/hostname", "hard"}) {
    INFO(path);
    CHECK_FALSE(read(path));
    CHECK_FALSE(write(path, "x"));
    CHECK_FALSE(write(path, "x", true));
  }
  CHECK_FALSE(space.list({"up"}));
  CHECK_FALSE(write("up/new", "x"));
  CHECK(secret_text() == "secret");
  CHECK_FALSE(fs::exists(inside.parent_path() / "new"));
}

TEST_CASE_METHOD(workspace_fixture, "only plain files are opened") {
  REQUIRE(mkfifo((inside / "fifo").c_str(), 0600) == 0);
  fs::create_directory(inside / "folder");
  auto fd = socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un where{};
  where.sun_family = AF_UNIX;
  auto path = (inside / "socket").string();
  REQUIRE(path.size() < sizeof where.sun_path);
  path.copy(where.sun_path, path.size());
  REQUIRE(bind(fd, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
  for (const char* name : {"fifo", "folder", "socket"}) {
    INFO(name);
    CHECK_FALSE(read(name));
    CHECK_FALSE(write(name, "x"));
    CHECK_FALSE(write(name, "x", true));
  }
  close(fd);
  CHECK_FALSE(write(".", "x"));
  REQUIRE(write("plain", "x"));
  CHECK_FALSE(read("plain/below"));
  CHECK_FALSE(write("plain/below", "x"));
}

TEST_CASE_METHOD(workspace_fixture, "a swap race does not lead out") {
  REQUIRE(write("folder/secret", "inner"));
  std::atomic<bool> stop{false};
  std::thread swapper{[&] {
    auto a = inside / "folder";
    auto b = inside / "aside";
    fs::create_symlink(fs::path{folder.path()}, inside / "link");
    std::error_code ignored;
    while (!stop) {
      fs::rename(a, b, ignored);
      fs::rename(inside / "link", a, ignored);
      fs::rename(a, inside / "link", ignored);
      fs::rename(b, a, ignored);
    }
  }};
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    auto got = read("folder/secret");
    if (got) {
      ++good;
      if (*got != "inner")
        FAIL("read through a link");
    }
    if (i % 200 == 0)
      (void)write("folder/secret", "inner");
  }
  stop = true;
  swapper.join();
  CHECK(good > 0);
  CHECK(secret_text() == "secret");
}

TEST_CASE_METHOD(workspace_fixture, "a workspace has limits") {
  CHECK_FALSE(write("big", std::string(1001, 'x')));
  REQUIRE(write("edge", std::string(1000, 'x')));
  CHECK_FALSE(write("edge", "x", true));
  CHECK(read("edge")->size() == 1000);
  int written = 0;
  while (written < 100 && write("f" + std::to_string(written), "x"))
    ++written;
  // Each file takes a block of the disk, or one of the 50 entries.
  CHECK(written < 50);
  CHECK(write("late", "x").error().text.find("full") != std::string::npos);
}

TEST_CASE_METHOD(workspace_fixture, "an append leaves no draft behind") {
  REQUIRE(write("a", "x"));
  REQUIRE(write("a", "y"));
  auto count = std::distance(fs::directory_iterator{inside}, {});
  CHECK(count == 1);
}

TEST_CASE_METHOD(workspace_fixture, "files of a root node are the sandbox's") {
  if (!sandbox_drops_user())
    return;
  REQUIRE(write("a/b", "x"));
  for (auto path : {inside, inside / "a", inside / "a" / "b"}) {
    struct stat about {};
    REQUIRE(stat(path.c_str(), &about) == 0);
    CHECK(about.st_uid == sandbox_user);
  }
}
