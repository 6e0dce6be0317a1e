#include "actors/store/pg_connection.hpp"
#include "actors/store/private_postgres.hpp"
#include "actors/store/server_process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;

struct folder {
  std::string path = "/tmp/shannon-test-XXXXXX";
  folder() {
    REQUIRE(::mkdtemp(path.data()));
  }
  ~folder() {
    for (auto left : processes_in(path + "/postgres"))
      ::kill(left, SIGKILL);
    std::filesystem::remove_all(path);
  }
};

result<private_postgres> start(const std::string& dir) {
  private_postgres_options options;
  options.dir = dir;
  options.ends_with_parent = true;
  return private_postgres::start(std::move(options));
}

int count_rows(const private_postgres& server) {
  auto db = pg_connection::open({server.dsn()});
  REQUIRE(db);
  auto rows = db->exec("select * from public.kept");
  return rows ? rows->size() : -1;
}

void write_row(const private_postgres& server) {
  auto db = pg_connection::open({server.dsn()});
  REQUIRE(db);
  REQUIRE(db->exec("create table if not exists public.kept (n int);"
                   "insert into public.kept values (1)"));
}

} // namespace

TEST_CASE("a private server keeps its data over stop and start") {
  folder dir;
  {
    auto server = start(dir.path);
    REQUIRE(server);
    write_row(*server);
    auto pid = server->pid();
    server->stop();
    CHECK_FALSE(is_running(pid));
  }
  auto server = start(dir.path);
  REQUIRE(server);
  CHECK(count_rows(*server) == 1);
}

TEST_CASE("a folder serves one process at a time") {
  folder dir;
  auto first = start(dir.path);
  REQUIRE(first);
  auto second = start(dir.path);
  REQUIRE_FALSE(second);
  CHECK_THAT(second.error().text, Catch::Contains("another process"));
  CHECK(is_running(first->pid()));
}

TEST_CASE("a server that outlived its parent is taken over") {
  folder dir;
  int done[2];
  REQUIRE(::pipe(done) == 0);
  // The parent that dies is a process of its own.
  auto parent = ::fork();
  if (parent == 0) {
    auto server = private_postgres::start(dir.path);
    if (server)
      write_row(*server);
    pid_t pid = server ? server->pid() : 0;
    [[maybe_unused]] auto sent = ::write(done[1], &pid, sizeof(pid));
    ::kill(::getpid(), SIGKILL);
  }
  pid_t orphan = 0;
  REQUIRE(::read(done[0], &orphan, sizeof(orphan)) == sizeof(orphan));
  wait_process(parent, 5s);
  REQUIRE(is_running(orphan));
  auto server = start(dir.path);
  REQUIRE(server);
  CHECK(server->pid() == orphan);
  CHECK(count_rows(*server) == 1);
  server->stop();
  CHECK_FALSE(is_running(orphan));
}

TEST_CASE("a killed postmaster is started again over its data") {
  folder dir;
  auto server = start(dir.path);
  REQUIRE(server);
  write_row(*server);
  auto session = pg_connection::open({server->dsn()});
  REQUIRE(session);
  ::kill(server->pid(), SIGKILL);
  server = fail(errc::cancelled, "ended"); // gives the folder free
  auto next = start(dir.path);
  REQUIRE(next);
  CHECK(count_rows(*next) == 1);
}

TEST_CASE("a server that does not answer is replaced") {
  folder dir;
  auto server = private_postgres::start(dir.path);
  REQUIRE(server);
  write_row(*server);
  auto pid = server->pid();
  ::kill(pid, SIGSTOP);
  server->abandon(); // as if this process had been killed
  auto next = start(dir.path);
  INFO((next ? std::string{} : next.error().text));
  REQUIRE(next);
  CHECK(next->pid() != pid);
  CHECK(count_rows(*next) == 1);
}

TEST_CASE("a number left by a dead postmaster may name any process") {
  folder dir;
  {
    auto server = start(dir.path);
    REQUIRE(server);
    write_row(*server);
  }
  std::ofstream{dir.path + "/postgres/postmaster.pid"}
      << ::getpid() << "\n"
      << dir.path << "/postgres\n0\n5432\n\n\n";
  auto server = start(dir.path);
  REQUIRE(server);
  CHECK(count_rows(*server) == 1);
}

TEST_CASE("a path too long for a socket is no obstacle") {
  folder dir;
  auto server = start(dir.path + "/" + std::string(100, 'd') + "/it's");
  REQUIRE(server);
  write_row(*server);
  CHECK(count_rows(*server) == 1);
}

TEST_CASE("a half-made cluster is made anew") {
  folder dir;
  std::filesystem::create_directories(dir.path + "/postgres.new/base");
  std::ofstream{dir.path + "/postgres.new/PG_VERSION"} << "15\n";
  auto server = start(dir.path);
  REQUIRE(server);
  write_row(*server);
  CHECK(count_rows(*server) == 1);
}

} // namespace shannon::store
