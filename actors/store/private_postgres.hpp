#pragma once

#include "protocols/errc.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <sys/types.h>

namespace shannon::store {

struct private_postgres_options {
  /// The cluster lives in `dir/postgres`, its log in `dir/postgres.log`.
  std::string dir;
  /// Silence while it starts. A first initdb is not counted, nor is the
  /// recovery of a server that was killed: however long that takes, to end it
  /// would mean to begin it again.
  std::chrono::milliseconds start_timeout{20'000};
  /// Asked while it starts; false gives up with `cancelled`.
  std::function<bool()> go_on{};
  /// End the server when the thread that started it ends. For tests.
  bool ends_with_parent = false;
};

/// A PostgreSQL of our own: made with initdb on first use, reached through a
/// unix socket only, its data kept. Started by root it runs as the user
/// `postgres`, which then owns the data; directories above it that this user
/// could not pass are opened for passing (o+x).
///
/// A server that outlived a killed parent is found and taken over; what such
/// a server left behind is cleared away. One process at a time holds `dir`.
class private_postgres {
public:
  static result<private_postgres> start(private_postgres_options options);

  static result<private_postgres> start(const std::string& dir) {
    return start(private_postgres_options{dir});
  }

  private_postgres(private_postgres&&) noexcept;
  private_postgres& operator=(private_postgres&&) noexcept;
  /// Stops the server.
  ~private_postgres();

  /// For libpq; the database `shannon` exists after the start.
  std::string dsn(std::string_view database = "shannon") const;

  /// The postmaster.
  pid_t pid() const noexcept;

  /// For one that has ended by itself: over the same data, at the same place.
  result<void> start_again();

  /// Fast shutdown, at most 7 s: sessions end, committed work is kept.
  void stop();

  /// Leaves the server running and the folder free, as a killed process does.
  void abandon();

private:
  struct server;

  explicit private_postgres(std::unique_ptr<server> running);

  std::unique_ptr<server> server_;
};

} // namespace shannon::store
