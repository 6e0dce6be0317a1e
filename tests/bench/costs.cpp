#include "tests/bench/costs.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <sys/resource.h>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shannon::bench {

namespace {

struct process_stat {
  pid_t parent = 0;
  std::uint64_t ticks = 0;        ///< Its own.
  std::uint64_t waited_ticks = 0; ///< Of children that have ended.
};

/// Nothing once the process is gone.
std::optional<process_stat> read_stat(pid_t pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string line;
  if (!std::getline(file, line))
    return {};
  // The name in parentheses may hold anything.
  std::istringstream rest{line.substr(line.rfind(')') + 1)};
  process_stat found;
  std::string skipped;
  std::uint64_t user = 0, system = 0, children_user = 0, children_system = 0;
  rest >> skipped >> found.parent;
  for (int i = 0; i < 9; ++i)
    rest >> skipped;
  rest >> user >> system >> children_user >> children_system;
  found.ticks = user + system;
  found.waited_ticks = children_user + children_system;
  return found;
}

double to_seconds(std::uint64_t ticks) {
  return static_cast<double>(ticks)
         / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// `root` and all processes below it.
std::vector<std::pair<pid_t, process_stat>> family(pid_t root) {
  std::vector<std::pair<pid_t, process_stat>> all;
  std::error_code ec;
  for (std::filesystem::directory_iterator at{"/proc", ec}, end;
       !ec && at != end; at.increment(ec)) {
    auto pid = static_cast<pid_t>(std::atoi(at->path().filename().c_str()));
    if (pid <= 0)
      continue;
    if (auto stat = read_stat(pid))
      all.emplace_back(pid, *stat);
  }
  std::vector<std::pair<pid_t, process_stat>> found;
  for (auto& one : all)
    if (one.first == root)
      found.push_back(one);
  for (std::size_t i = 0; i < found.size(); ++i)
    for (auto& one : all)
      if (one.second.parent == found[i].first)
        found.push_back(one);
  return found;
}

} // namespace

double cpu_seconds(pid_t process) {
  auto stat = read_stat(process);
  return stat ? to_seconds(stat->ticks) : 0;
}

double family_cpu_seconds(pid_t root) {
  std::uint64_t ticks = 0;
  for (const auto& [pid, stat] : family(root))
    ticks += stat.ticks + stat.waited_ticks;
  return to_seconds(ticks);
}

double own_cpu_seconds() {
  rusage use{};
  ::getrusage(RUSAGE_SELF, &use);
  auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec)
           + static_cast<double>(t.tv_usec) / 1'000'000;
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

std::uint64_t memory_bytes(pid_t process) {
  std::ifstream file{"/proc/" + std::to_string(process) + "/smaps_rollup"};
  std::string word;
  std::uint64_t kib = 0;
  while (file >> word)
    if (word == "Pss:")
      file >> kib;
  return kib * 1024;
}

std::uint64_t family_memory_bytes(pid_t root) {
  std::uint64_t bytes = 0;
  for (const auto& [pid, stat] : family(root))
    bytes += memory_bytes(pid);
  return bytes;
}

result<database_counts> read_counts(store::pg_connection& db) {
  static const store::pg_statement all{
      "bench_counts",
      "select pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint, "
      "xact_commit + xact_rollback, tup_inserted, tup_updated, tup_fetched "
      "from pg_stat_database where datname = current_database()"};
  auto rows = db.run(all, {});
  if (!rows)
    return tl::unexpected(rows.error());
  auto at = [&](int column) {
    return static_cast<std::uint64_t>(rows->int8(0, column));
  };
  return database_counts{at(0), at(1), at(2), at(3), at(4)};
}

} // namespace shannon::bench
