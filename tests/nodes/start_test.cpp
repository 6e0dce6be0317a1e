#include "nodes/commands/data_dir.hpp"
#include "nodes/commands/health_check.hpp"
#include "nodes/commands/start_up.hpp"
#include "tests/nodes/scripted_server.hpp"

#include <catch2/catch.hpp>

#include <filesystem>
#include <unistd.h>

using namespace shannon;
using namespace shannon::commands;

namespace {

struct temporary_dir {
  temporary_dir() {
    std::string pattern
        = std::filesystem::temp_directory_path() / "shannon-start-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path = pattern;
  }
  ~temporary_dir() {
    std::error_code ec;
    std::filesystem::remove_all(path, ec);
  }
  std::string path;
};

const terminal plain{-1};

} // namespace

TEST_CASE("a data directory is held once, and free when its holder ends") {
  temporary_dir dir;
  auto wanted = dir.path + "/a/b";
  CHECK(data_dir::holder(wanted).empty());
  {
    auto first = data_dir::hold(wanted);
    REQUIRE(first);
    CHECK(first->path() == wanted);
    auto second = data_dir::hold(wanted);
    REQUIRE_FALSE(second);
    auto me = "process " + std::to_string(::getpid());
    CHECK(second.error().text.find(me) != std::string::npos);
    CHECK(data_dir::holder(wanted) == me);
  }
  CHECK(data_dir::holder(wanted).empty());
  CHECK(data_dir::hold(wanted));
}

TEST_CASE("a data directory that cannot be is refused by name") {
  auto held = data_dir::hold("/proc/nothing");
  REQUIRE_FALSE(held);
  CHECK(held.error().text.find("/proc/nothing") != std::string::npos);
}

TEST_CASE("a listener is free until somebody listens") {
  test::scripted_server busy{{}};
  auto taken = "127.0.0.1:" + std::to_string(busy.port());
  auto what = check_listener(taken, "--http");
  REQUIRE_FALSE(what);
  CHECK(what.error().text.find("--http") != std::string::npos);
  CHECK(check_listener("127.0.0.1:0", "--http"));
  CHECK_FALSE(check_listener("192.0.2.1:80", "--http"));
  CHECK_FALSE(check_listener("nowhere", "--http"));
}

TEST_CASE("a finding stands in one line and its remedy under it") {
  findings all{{verdict::good, "clock", "in step", ""},
               {verdict::doubtful, "models", "no key", "set one"}};
  CHECK(to_text(all, plain)
        == "ok    clock         in step\n"
           "warn  models        no key\n"
           "                    mend: set one\n");
  CHECK_FALSE(any_bad(all));
  all.push_back({verdict::bad, "data", "none", "make some"});
  CHECK(any_bad(all));
}

TEST_CASE("looking at a data directory leaves nothing behind") {
  temporary_dir dir;
  auto all = check_data(dir.path);
  CHECK(all.size() == 3);
  CHECK_FALSE(any_bad(all));
  CHECK(std::filesystem::is_empty(dir.path));
  check_data(dir.path + "/absent");
  CHECK_FALSE(std::filesystem::exists(dir.path + "/absent"));
  CHECK(any_bad(check_data("/proc/nothing")));
}
