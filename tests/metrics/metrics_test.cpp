#include "metrics/actor_metrics.hpp"
#include "metrics/process_metrics.hpp"
#include "metrics/registry.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <fcntl.h>
#include <string>
#include <unistd.h>
#include <vector>

using namespace shannon::metrics;

namespace {

/// The value of a series without labels; -1 if there is none.
double value_of(const registry& all, const std::string& name) {
  auto text = "\n" + all.render();
  auto at = text.find("\n" + name + " ");
  if (at == std::string::npos)
    return -1;
  return std::strtod(text.c_str() + at + name.size() + 2, nullptr);
}

} // namespace

TEST_CASE("numbers of the process are read anew at each scrape") {
  registry all;
  process_metrics process{all, "1.2.3"};
  auto before = value_of(all, "process_open_fds");
  CHECK(before >= 3);
  std::vector<int> opened;
  for (int i = 0; i < 5; ++i)
    opened.push_back(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  CHECK(value_of(all, "process_open_fds") == before + 5);
  for (auto fd : opened)
    ::close(fd);
  CHECK(value_of(all, "process_open_fds") == before);
}

TEST_CASE("numbers of the process are plausible") {
  registry all;
  process_metrics process{all, "1.2.3"};
  CHECK(value_of(all, "process_resident_memory_bytes") > 1'000'000);
  CHECK(value_of(all, "process_virtual_memory_bytes")
        >= value_of(all, "process_resident_memory_bytes"));
  CHECK(value_of(all, "process_threads") == 1);
  CHECK(value_of(all, "process_max_fds") >= 64);
  auto now = static_cast<double>(::time(nullptr));
  auto started = value_of(all, "process_start_time_seconds");
  CHECK(started <= now + 2);
  CHECK(started > now - 600);
  CHECK(all.render().find("version=\"1.2.3\"") != std::string::npos);
}

TEST_CASE("CPU time only grows") {
  registry all;
  process_metrics process{all, "1.2.3"};
  auto before = value_of(all, "process_cpu_seconds_total");
  volatile double sum = 0;
  while (value_of(all, "process_cpu_seconds_total") < before + 0.02)
    for (int i = 0; i < 10'000; ++i)
      sum = sum + i;
  CHECK(value_of(all, "process_cpu_seconds_total") >= before + 0.02);
}

TEST_CASE("restarts and rejects are counted by name") {
  registry all;
  actor_metrics actors{all};
  actors.child_restarted("store");
  actors.child_restarted("store");
  actors.mailbox_rejected("workflow");
  CHECK(value_of(all, "shannon_supervisor_restarts_total{child=\"store\"}")
        == 2);
  CHECK(value_of(all, "shannon_mailbox_rejected_total{kind=\"workflow\"}")
        == 1);
}
