#include "metrics/process_metrics.hpp"

#include "metrics/series.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <sys/resource.h>
#include <system_error>
#include <unistd.h>

namespace shannon::metrics {

namespace {

std::string first_line(const char* file) {
  std::ifstream in{file};
  std::string line;
  std::getline(in, line);
  return line;
}

/// Seconds since the epoch at which the machine started.
double boot_time() {
  std::ifstream in{"/proc/stat"};
  for (std::string word; in >> word;)
    if (double value = 0; word == "btime" && in >> value)
      return value;
  return 0;
}

double count_open_fds() {
  std::error_code failed;
  std::filesystem::directory_iterator entries{"/proc/self/fd", failed};
  if (failed)
    return 0;
  // One of them is the iterator's own.
  auto n = std::distance(entries, std::filesystem::directory_iterator{});
  return static_cast<double>(n > 0 ? n - 1 : 0);
}

} // namespace

process_metrics::process_metrics(registry& all, const std::string& version)
    : resident_(gauge(all, "process_resident_memory_bytes",
                      "Resident memory size in bytes.")),
      virtual_(gauge(all, "process_virtual_memory_bytes",
                     "Virtual memory size in bytes.")),
      fds_(gauge(all, "process_open_fds", "Number of open file descriptors.")),
      fds_max_(gauge(all, "process_max_fds",
                     "Maximum number of open file descriptors.")),
      threads_(gauge(all, "process_threads", "Number of threads.")),
      started_(gauge(all, "process_start_time_seconds",
                     "Start of the process in seconds since the epoch.")),
      cpu_(counter(all, "process_cpu_seconds_total",
                   "User and system CPU time spent in seconds.")) {
  gauges(all, "shannon_build_info", "Always 1; what runs stands in the labels.")
      .Add({{"version", version}, {"compiler", __VERSION__}})
      .Set(1);
  all.before_render([this] { refresh(); });
}

void process_metrics::refresh() {
  // proc(5): the name in parentheses may hold spaces, so count from its end.
  auto stat = first_line("/proc/self/stat");
  auto end_of_name = stat.rfind(')');
  if (end_of_name != std::string::npos) {
    std::istringstream fields{stat.substr(end_of_name + 1)};
    std::string skipped;
    double ticks = 0;
    for (int field = 3; field <= 22 && fields; ++field) {
      if (field == 20) {
        double threads = 0;
        fields >> threads;
        threads_.Set(threads);
      } else if (field == 22) {
        fields >> ticks;
      } else {
        fields >> skipped;
      }
    }
    static const double boot = boot_time();
    started_.Set(boot + ticks / static_cast<double>(::sysconf(_SC_CLK_TCK)));
  }
  std::istringstream sizes{first_line("/proc/self/statm")};
  double pages = 0;
  double resident = 0;
  sizes >> pages >> resident;
  auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  virtual_.Set(pages * page);
  resident_.Set(resident * page);
  fds_.Set(count_open_fds());
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0)
    fds_max_.Set(static_cast<double>(limit.rlim_cur));
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0) {
    auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec)
             + static_cast<double>(t.tv_usec) / 1e6;
    };
    auto total = seconds(used.ru_utime) + seconds(used.ru_stime);
    if (auto more = total - cpu_.Value(); more > 0)
      cpu_.Increment(more);
  }
}

} // namespace shannon::metrics
