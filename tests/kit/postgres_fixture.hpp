#pragma once

#include "actors/store/migrations.hpp"
#include "actors/store/pg_connection.hpp"
#include "actors/store/private_postgres.hpp"

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <stdexcept>
#include <stdlib.h>
#include <string>
#include <utility>

namespace shannon::test {

/// One private PostgreSQL for the whole test program, in a temporary folder,
/// started when first asked for and removed at the end.
class postgres_server {
public:
  static postgres_server& shared() {
    static postgres_server one;
    return one;
  }

  std::string dsn(const std::string& database) const {
    return server_->dsn(database);
  }

  std::string data_dir() const {
    return dir_ + "/postgres";
  }

  pid_t pid() const {
    return server_->pid();
  }

  /// SIGKILL to the postmaster, as if the machine had no mercy.
  void kill() {
    ::kill(server_->pid(), SIGKILL);
  }

  /// Starts it again over the same data, after `kill` or while it runs.
  void restart() {
    server_.reset(); // gives the folder free
    start();
  }

private:
  postgres_server() {
    std::string name = "/tmp/shannon-test-XXXXXX";
    if (!::mkdtemp(name.data()))
      throw std::runtime_error{"cannot make a temporary folder"};
    dir_ = name;
    start();
  }

  ~postgres_server() {
    server_.reset();
    std::error_code ec;
    std::filesystem::remove_all(dir_, ec);
  }

  void start() {
    store::private_postgres_options options;
    options.dir = dir_;
    options.ends_with_parent = true;
    // After a kill all databases of all tests are recovered, on a busy disk.
    options.start_timeout = std::chrono::seconds{60};
    auto made = store::private_postgres::start(std::move(options));
    if (!made)
      throw std::runtime_error{made.error().text};
    server_.emplace(std::move(*made));
  }

  std::string dir_;
  std::optional<store::private_postgres> server_;
};

/// An empty database of its own on the shared server; answers its name.
inline std::string fresh_database_name() {
  static int count = 0;
  auto name = "test_" + std::to_string(++count);
  auto made
      = store::pg_connection::open({postgres_server::shared().dsn("postgres")})
            .and_then([&](store::pg_connection db) {
              return db.exec("create database " + name);
            });
  if (!made)
    throw std::runtime_error{made.error().text};
  return name;
}

/// A database with the current schema and nothing in it; answers its DSN.
inline std::string fresh_database() {
  auto dsn = postgres_server::shared().dsn(fresh_database_name());
  if (auto done = store::migrate(dsn); !done)
    throw std::runtime_error{done.error().text};
  return dsn;
}

} // namespace shannon::test
