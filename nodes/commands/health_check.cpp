#include "nodes/commands/health_check.hpp"

#include "actors/browser/browser_check.hpp"
#include "actors/llm/models/catalogue.hpp"
#include "actors/store/migrations.hpp"
#include "actors/tool/sandbox/sandbox.hpp"
#include "nodes/commands/start_up.hpp"
#include "nodes/services/redis_ping.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <pwd.h>
#include <string_view>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <system_error>
#include <unistd.h>

namespace shannon::commands {

namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;

constexpr double gib = 1024.0 * 1024 * 1024;
/// Below it PostgreSQL may stop in the middle of its work.
constexpr double free_bytes_bad = 0.5 * gib;
constexpr double free_bytes_doubtful = 5 * gib;
constexpr int syncs = 25;
/// A step is one commit: slower disks make every task slow.
constexpr double sync_ms_doubtful = 20;

finding good(std::string subject, std::string sentence) {
  return {verdict::good, std::move(subject), std::move(sentence), {}};
}

std::string format(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof text, pattern, value);
  return text;
}

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  std::string_view left = path == nullptr ? "" : path;
  while (!left.empty()) {
    auto dir = std::string{left.substr(0, left.find(':'))};
    left.remove_prefix(std::min(left.size(), dir.size() + 1));
    if (::access((dir + "/" + program).c_str(), X_OK) == 0)
      return true;
  }
  return false;
}

/// Milliseconds of each fdatasync after a small write; empty on failure.
std::vector<double> time_syncs(const std::string& dir) {
  std::vector<double> times;
  auto file = dir + "/doctor." + std::to_string(::getpid());
  int target
      = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (target < 0)
    return times;
  std::array<char, 4096> block{};
  for (int i = 0; i < syncs; ++i) {
    auto start = steady_clock::now();
    if (::write(target, block.data(), block.size()) < 0
        || ::fdatasync(target) != 0)
      break;
    std::chrono::duration<double, std::milli> took
        = steady_clock::now() - start;
    times.push_back(took.count());
  }
  ::close(target);
  ::unlink(file.c_str());
  return times;
}

std::string postgres_programs() {
  std::error_code ec;
  std::string best;
  for (fs::directory_iterator at{"/usr/lib/postgresql", ec}, end;
       !ec && at != end; at.increment(ec)) {
    auto dir = at->path() / "bin";
    if (fs::exists(dir / "postgres", ec) && fs::exists(dir / "initdb", ec))
      best = std::max(best, dir.string());
  }
  return best;
}

} // namespace

std::string to_text(const findings& all, const terminal& out) {
  constexpr std::size_t subject_columns = 12;
  std::string text;
  for (const auto& one : all) {
    auto mark = one.how == verdict::good       ? out.green("ok  ")
                : one.how == verdict::doubtful ? out.yellow("warn")
                                               : out.red("bad ");
    text += mark + "  " + padded(one.subject, subject_columns) + "  "
            + one_line(one.sentence) + "\n";
    if (!one.remedy.empty())
      text += std::string(6 + subject_columns + 2, ' ')
              + out.bold("mend: " + one_line(one.remedy)) + "\n";
  }
  return text;
}

bool any_bad(const findings& all) {
  return std::any_of(all.begin(), all.end(), [](const finding& one) {
    return one.how == verdict::bad;
  });
}

findings check_data(const std::string& dir) {
  std::error_code ec;
  bool made = fs::create_directories(dir, ec);
  if (ec || ::access(dir.c_str(), W_OK) != 0)
    return {{verdict::bad, "data", dir + " cannot be written",
             "name another directory with --data, or change its owner"}};
  findings all{good("data", dir + " can be written")};
  struct statvfs disk {};
  if (::statvfs(dir.c_str(), &disk) == 0) {
    auto left = static_cast<double>(disk.f_bavail)
                * static_cast<double>(disk.f_frsize);
    finding room = good("disk space", format("%.1f GiB free", left / gib));
    if (left < free_bytes_doubtful) {
      room.how = left < free_bytes_bad ? verdict::bad : verdict::doubtful;
      room.remedy = "free some space, or name another disk with --data";
    }
    all.push_back(room);
  }
  auto times = time_syncs(dir);
  if (made)
    fs::remove(dir, ec); // Only if it is empty: we leave what we found.
  if (times.size() < static_cast<std::size_t>(syncs)) {
    all.push_back({verdict::bad, "disk sync", "writing to " + dir + " fails",
                   "look for disk errors with dmesg"});
    return all;
  }
  std::sort(times.begin(), times.end());
  auto median = times[times.size() / 2];
  finding sync
      = good("disk sync", format("fdatasync takes %.2f ms", median)
                              + format(", slowest %.2f ms", times.back())
                              + format(": about %.0f commits/s without groups",
                                       1000 / std::max(median, 0.001)));
  if (median > sync_ms_doubtful) {
    sync.how = verdict::doubtful;
    sync.remedy = "put --data on a local SSD";
  }
  all.push_back(sync);
  return all;
}

findings check_postgres(const config::settings& settings) {
  if (!settings.store.dsn.empty()) {
    auto usable = store::check_database(settings.store.dsn);
    if (usable)
      return {good("database", "answers, and its schema is this build's")};
    auto outside = usable.error().code == errc::unavailable
                   || usable.error().code == errc::timeout;
    return {{verdict::bad, "database", usable.error().text,
             outside
                 ? "start the database, or correct SHANNON_DATABASE_URL "
                   "or the manifest's database.dsn"
                 : "shannon migrate status shows both sides; shannon migrate "
                   "apply brings an older schema up to date"}};
  }
  auto programs = postgres_programs();
  if (programs.empty() && !on_path("postgres"))
    return {{verdict::bad, "PostgreSQL", "the server is not installed",
             "apt-get install postgresql-15, or name a database with "
             "SHANNON_DATABASE_URL"}};
  if (::geteuid() == 0 && ::getpwnam("postgres") == nullptr)
    return {{verdict::bad, "PostgreSQL",
             "it cannot run as root and there is no user postgres",
             "adduser --system --group postgres, or run as a plain user"}};
  return {good("PostgreSQL",
               "a private one from " + (programs.empty() ? "PATH" : programs))};
}

findings check_redis(const config::settings& settings) {
  constexpr const char* without = "; the node works without it";
  if (settings.redis_url.empty()) {
    if (on_path("redis-server"))
      return {good("Redis", "a private one")};
    return {{verdict::doubtful, "Redis",
             std::string{"redis-server is not installed"} + without,
             "apt-get install redis-server, or set SHANNON_REDIS_URL"}};
  }
  auto where = services::parse_redis_url(settings.redis_url);
  if (!where)
    return {{verdict::bad, "Redis", where.error().text,
             "correct SHANNON_REDIS_URL or the manifest's redis.url"}};
  auto pong = services::ping_redis(*where, std::chrono::seconds{2});
  if (!pong)
    return {{verdict::doubtful, "Redis", pong.error().text + without,
             "start it, or correct SHANNON_REDIS_URL or the manifest's "
             "redis.url"}};
  return {good("Redis", "answers at " + where->shown())};
}

findings check_ports(const config::settings& settings, bool running) {
  findings all;
  auto look
      = [&](const char* subject, const std::string& text, const char* option) {
          auto free = check_listener(text, option);
          if (free)
            all.push_back(good(subject, text + " is free"));
          else if (running)
            all.push_back(good(subject, text + " is taken, and a node runs"));
          else
            all.push_back(
                {verdict::bad, subject, free.error().text,
                 std::string{"ss -ltnp shows who listens; or use "} + option});
        };
  look("API port", settings.http.listen, "--http");
  look("admin port", settings.http.admin_listen, "--admin");
  return all;
}

findings check_sandbox() {
  auto works = tool::sandbox_check();
  if (works)
    return {good("sandbox", "python_executor runs in bubblewrap")};
  return {{verdict::bad, "sandbox", works.error().text,
           "apt-get install bubblewrap python3; in a container allow user "
           "namespaces. Everything but python_executor works without"}};
}

findings check_browser(const config::settings& settings) {
  auto browser = browser::browser_check(settings.browser);
  if (browser && browser->own_sandbox)
    return {good("browser", browser->version + " opens pages in bubblewrap")};
  if (browser)
    return {
        {verdict::doubtful, "browser",
         browser->version
             + " opens pages in bubblewrap, without its own sandbox inside",
         "allow user namespaces to programs in bubblewrap, as by AppArmor's "
         "profile for it; browser_* works without"}};
  return {{verdict::doubtful, "browser", browser.error().text,
           "apt-get install chromium-headless-shell bubblewrap; in a container "
           "allow user namespaces. Everything but browser_* works without"}};
}

findings check_models(const config::settings& settings) {
  auto known = llm::load_catalogue(settings.llm.models_file);
  if (!known)
    return {{verdict::bad, "models", known.error().text,
             "correct the file llm.models_file names"}};
  std::string usable;
  std::string keys;
  for (const auto& provider : known->providers) {
    if (provider.is_local())
      continue;
    auto& list = provider.is_usable() ? usable : keys;
    list += (list.empty() ? "" : ", ")
            + (provider.is_usable() ? provider.name : provider.api_key_env);
  }
  if (!usable.empty())
    return {good("models", "usable: " + usable + ", local")};
  return {{verdict::doubtful, "models",
           "no key is set: the built-in model local answers, by rules",
           "for a real one set one of " + keys}};
}

findings check_clock() {
  timex state{};
  int code = ::adjtimex(&state);
  if (code < 0)
    return {
        {verdict::doubtful, "clock", "the kernel does not tell its state", {}}};
  if (code == TIME_ERROR || (state.status & STA_UNSYNC) != 0)
    return {{verdict::doubtful, "clock", "it is not kept in step",
             "apt-get install systemd-timesyncd (or chrony) on the host"}};
  return {good("clock", format("in step, within %.1f ms",
                               static_cast<double>(state.esterror) / 1000))};
}

} // namespace shannon::commands
