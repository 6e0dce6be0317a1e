#pragma once

#include "actors/store/pg_connection.hpp"

#include <cstdint>
#include <stdexcept>
#include <sys/types.h>
#include <type_traits>
#include <utility>

namespace shannon::bench {

/// CPU time so far of one process, all its threads. From /proc, in steps of
/// 10 ms.
double cpu_seconds(pid_t process);

/// The same with all processes below it, also those that have ended and were
/// waited for: a postmaster with its sessions and background processes.
double family_cpu_seconds(pid_t root);

/// CPU time of this very process, all threads.
double own_cpu_seconds();

/// Memory of one process; shared pages are divided among those who share them.
std::uint64_t memory_bytes(pid_t process);

/// The same with all processes below it.
std::uint64_t family_memory_bytes(pid_t root);

/// What a Postgres has done so far, by its own account.
struct database_counts {
  std::uint64_t wal_bytes = 0;
  /// Transactions of the database, and what they did: cumulative statistics,
  /// flushed by each backend at most once a second.
  std::uint64_t transactions = 0;
  std::uint64_t rows_inserted = 0;
  std::uint64_t rows_updated = 0;
  std::uint64_t rows_read = 0;
};

result<database_counts> read_counts(store::pg_connection& db);

/// Takes the value, or throws what went wrong: a bench cannot go on.
template <class T>
T must(result<T> got) {
  if (!got)
    throw std::runtime_error{got.error().text};
  if constexpr (!std::is_void_v<T>)
    return std::move(*got);
}

} // namespace shannon::bench
