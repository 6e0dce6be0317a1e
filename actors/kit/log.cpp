#include "actors/kit/log.hpp"

#include "actors/kit/log_text.hpp"
#include "actors/kit/mail_context.hpp"

#include <spdlog/async_logger.h>
#include <spdlog/details/thread_pool.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unistd.h>

namespace shannon::kit::log {

namespace {

/// Lines waiting for stderr; above it the oldest give way and are counted.
constexpr std::size_t queue_max = 8'192;
/// Lost lines are reported this often at most.
constexpr std::int64_t report_interval_us = 1'000'000;

struct output {
  std::shared_ptr<spdlog::details::thread_pool> pool;
  std::shared_ptr<spdlog::async_logger> logger;
  std::string node;
  bool terminal = false;
  bool colour = false;
};

struct channel {
  std::atomic<level> least{level::warning};
  std::shared_mutex mutex;
  std::shared_ptr<output> out; // null: not opened
  std::atomic<std::int64_t> next_report_us{0};
  std::atomic<std::size_t> lost{0};
};

/// Never destroyed: threads may write while statics are torn down.
channel& the_channel() {
  static auto* one = new channel;
  return *one;
}

bool wants_colour() {
  const char* no = std::getenv("NO_COLOR");
  return ::isatty(STDERR_FILENO) == 1 && !(no && *no);
}

std::int64_t now_us() {
  auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

void write_at_once(std::string line) {
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    auto n = ::write(STDERR_FILENO, rest.data(), rest.size());
    if (n < 0 && errno == EINTR)
      continue;
    if (n <= 0)
      return; // Nobody reads: there is no other place to say so.
    rest.remove_prefix(static_cast<std::size_t>(n));
  }
}

std::string line_of(const output& out, level severity, std::string_view event,
                    std::string_view sentence, fields details,
                    std::int64_t at) {
  auto line
      = out.terminal
            ? render_text(severity, event, sentence, details, at, out.colour)
            : to_json(severity, out.node, event, sentence, details, at);
  auto trace = current_context().trace_id();
  if (trace.empty())
    return line;
  if (out.terminal)
    return (line += "  trace_id=") += trace;
  line.back() = ','; // Was the brace.
  return ((line += "\"trace_id\":\"") += trace) += "\"}";
}

/// A report if lines gave way since the last one, else empty.
std::string report_lost(output& out, std::int64_t at) {
  auto total = out.pool->overrun_counter();
  auto before = the_channel().lost.exchange(total);
  if (total <= before)
    return {};
  return line_of(out, level::warning, "log-overrun",
                 "log drops its oldest lines, stderr is too slow",
                 {{"lost", total - before}, {"lost_total", total}}, at);
}

void enqueue(output& out, const std::string& line) {
  out.logger->log(spdlog::level::info, spdlog::string_view_t{line});
}

} // namespace

void open(std::string_view node, level least) {
  auto fresh = std::make_shared<output>();
  fresh->node = node;
  fresh->terminal = ::isatty(STDERR_FILENO) == 1;
  fresh->colour = wants_colour();
  fresh->pool = std::make_shared<spdlog::details::thread_pool>(queue_max, 1);
  auto sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
  fresh->logger = std::make_shared<spdlog::async_logger>(
      "shannon", std::move(sink), fresh->pool,
      spdlog::async_overflow_policy::overrun_oldest);
  fresh->logger->set_formatter(std::make_unique<spdlog::pattern_formatter>(
      "%v", spdlog::pattern_time_type::utc, "\n"));
  fresh->logger->set_level(spdlog::level::trace);
  auto& where = the_channel();
  std::shared_ptr<output> old; // drained after the lock
  {
    std::unique_lock guard{where.mutex};
    old = std::exchange(where.out, std::move(fresh));
    where.lost = 0;
    where.least = least;
  }
  static std::once_flag once;
  std::call_once(once, [] { std::atexit([] { close(); }); });
}

void close() {
  auto& where = the_channel();
  std::shared_ptr<output> old; // drained after the lock
  {
    std::unique_lock guard{where.mutex};
    old.swap(where.out);
    where.least = level::warning;
  }
  if (!old)
    return;
  // Nobody adds lines any more, so this count is final. The report comes after
  // all lines and costs none of them its place.
  auto report = report_lost(*old, now_us());
  old.reset();
  if (!report.empty())
    write_at_once(std::move(report));
}

void write(level severity, std::string_view event, std::string_view sentence,
           fields details) {
  auto& where = the_channel();
  if (severity < where.least.load(std::memory_order_relaxed))
    return;
  auto at = now_us();
  std::shared_lock guard{where.mutex};
  if (!where.out) {
    guard.unlock();
    write_at_once(::isatty(STDERR_FILENO) == 1
                      ? render_text(severity, event, sentence, details, at,
                                    wants_colour())
                      : to_json(severity, "", event, sentence, details, at));
    return;
  }
  auto& out = *where.out;
  enqueue(out, line_of(out, severity, event, sentence, details, at));
  auto due = where.next_report_us.load(std::memory_order_relaxed);
  if (at >= due
      && where.next_report_us.compare_exchange_strong(due,
                                                      at + report_interval_us))
    if (auto report = report_lost(out, at); !report.empty())
      enqueue(out, report);
}

} // namespace shannon::kit::log
