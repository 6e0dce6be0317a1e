#include "actors/store/kept_postgres.hpp"
#include "actors/store/pg_connection.hpp"
#include "actors/store/private_postgres.hpp"
#include "actors/store/server_process.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

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

// -- kept running -------------------------------------------------------------

namespace {

result<kept_postgres> keep(const std::string& dir) {
  private_postgres_options options;
  options.dir = dir;
  return kept_postgres::start(std::move(options));
}

pid_t postmaster(const std::string& dir) {
  std::ifstream file{dir + "/postgres/postmaster.pid"};
  pid_t pid = 0;
  file >> pid;
  return pid;
}

/// Waits for an answer of another postmaster than this one.
void await_other(const std::string& dir, const std::string& dsn, pid_t before) {
  auto until = std::chrono::steady_clock::now() + 30s;
  while (postmaster(dir) == before || !pg_connection::open({dsn})) {
    REQUIRE(std::chrono::steady_clock::now() < until);
    std::this_thread::sleep_for(5ms);
  }
}

} // namespace

TEST_CASE("a server that dies is started again, at its place, with its data") {
  folder dir;
  auto server = keep(dir.path);
  REQUIRE(server);
  auto db = pg_connection::open({server->dsn()});
  REQUIRE(db);
  REQUIRE(db->exec("create table public.kept (n int)"));
  for (int round = 1; round <= 2; ++round) {
    db = pg_connection::open({server->dsn()});
    REQUIRE(db);
    REQUIRE(db->exec("insert into public.kept values (1)"));
    auto before = postmaster(dir.path);
    ::kill(before, SIGKILL);
    await_other(dir.path, server->dsn(), before);
    db = pg_connection::open({server->dsn()});
    REQUIRE(db);
    auto rows = db->exec("select * from public.kept");
    REQUIRE(rows);
    CHECK(rows->size() == round);
  }
  server->stop();
  CHECK(processes_in(dir.path + "/postgres", "postgres").empty());
}

TEST_CASE("a server that repairs its data is given the time it needs") {
  folder dir;
  {
    auto server = start(dir.path);
    REQUIRE(server);
    auto db = pg_connection::open({server->dsn()});
    REQUIRE(db);
    // To be written once more from the log, which takes a while.
    REQUIRE(db->exec("create table public.kept as select n, "
                     "repeat(md5(n::text), 60) as text "
                     "from generate_series(1, 60000) n"));
    ::kill(server->pid(), SIGKILL);
    server->abandon();
  }
  private_postgres_options options;
  options.dir = dir.path;
  options.ends_with_parent = true;
  options.start_timeout = 250ms;
  auto server = private_postgres::start(options);
  INFO((server ? "" : server.error().text));
  REQUIRE(server);
  CHECK(count_rows(*server) == 60'000);
}

TEST_CASE("a start that nobody waits for is given up") {
  folder dir;
  private_postgres_options options;
  options.dir = dir.path;
  options.ends_with_parent = true;
  options.go_on = [] { return false; };
  auto server = private_postgres::start(options);
  REQUIRE_FALSE(server);
  CHECK(server.error().code == errc::cancelled);
  CHECK(processes_in(dir.path + "/postgres", "postgres").empty());
}

TEST_CASE("a server that is being started again can be stopped") {
  folder dir;
  auto server = keep(dir.path);
  REQUIRE(server);
  ::kill(postmaster(dir.path), SIGKILL);
  auto begun = std::chrono::steady_clock::now();
  server->stop();
  CHECK(std::chrono::steady_clock::now() - begun < 10s);
  CHECK(processes_in(dir.path + "/postgres", "postgres").empty());
  server->stop();
}

TEST_CASE("who stands in the data's folder and is no server is left alone") {
  folder dir;
  auto server = keep(dir.path);
  REQUIRE(server);
  auto home = dir.path + "/postgres";
  auto shell = ::fork();
  if (shell == 0) {
    if (::chdir(home.c_str()) == 0)
      ::execl("/bin/sleep", "sleep", "60", nullptr);
    ::_exit(127);
  }
  auto until = std::chrono::steady_clock::now() + 10s;
  while (processes_in(home, "sleep").empty())
    REQUIRE(std::chrono::steady_clock::now() < until);
  auto before = postmaster(dir.path);
  ::kill(before, SIGKILL);
  await_other(dir.path, server->dsn(), before);
  CHECK(is_running(shell));
  ::kill(shell, SIGKILL);
  ::waitpid(shell, nullptr, 0);
}

} // namespace shannon::store
