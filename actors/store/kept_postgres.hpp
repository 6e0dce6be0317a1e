#pragma once

#include "actors/store/private_postgres.hpp"

#include <atomic>
#include <memory>
#include <string>
#include <thread>

namespace shannon::store {

/// A private PostgreSQL that is started again when it dies, by a thread that
/// waits for nothing else: at once, then with growing pauses while it cannot
/// be. Says so in the log. Whoever uses it finds it where it was, and sees it
/// away in between.
class kept_postgres {
public:
  static result<kept_postgres> start(private_postgres_options options);

  kept_postgres(kept_postgres&&) noexcept;
  kept_postgres& operator=(kept_postgres&&) noexcept;
  /// Stops it.
  ~kept_postgres();

  std::string dsn() const;

  /// Ends a start that is under way, then the server; see `private_postgres`.
  /// Any thread, any number of times.
  void stop();

private:
  struct keeper;

  explicit kept_postgres(std::unique_ptr<keeper> running);

  std::unique_ptr<keeper> keeper_;
};

} // namespace shannon::store
