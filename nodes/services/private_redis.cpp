#include "nodes/services/private_redis.hpp"

#include "actors/store/server_process.hpp"
#include "nodes/services/redis_ping.hpp"

#include <xxhash.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <string_view>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>

namespace shannon::services {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// A socket's path must fit `sockaddr_un` with its final zero.
constexpr std::size_t socket_path_max = 107;
/// At the start a longer log is begun anew.
constexpr std::uintmax_t log_bytes_max = 4 * 1024 * 1024;

std::string reason(int number) {
  return std::system_category().message(number);
}

result<std::string> find_program() {
  const char* path = std::getenv("PATH");
  std::string_view left = path ? path : "/usr/bin";
  while (!left.empty()) {
    auto dir = std::string{left.substr(0, left.find(':'))};
    left.remove_prefix(std::min(left.size(), dir.size() + 1));
    auto file = dir + "/redis-server";
    if (dir.starts_with('/') && ::access(file.c_str(), X_OK) == 0)
      return file;
  }
  return fail(errc::not_found, "redis-server is not installed (Debian: "
                               "apt-get install redis-server)");
}

/// A directory that only we enter, even where others may write beside it.
result<void> make_private(const fs::path& dir) {
  std::error_code ec;
  fs::create_directories(dir, ec);
  struct stat what {};
  if (ec || ::lstat(dir.c_str(), &what) != 0 || !S_ISDIR(what.st_mode))
    return fail(errc::failed, "cannot make the directory " + dir.string());
  if (what.st_uid != ::geteuid() || ::chmod(dir.c_str(), 0700) != 0)
    return fail(errc::failed, dir.string() + " belongs to another user");
  return {};
}

} // namespace

struct private_redis::server {
  private_redis_options options;
  fs::path home;
  fs::path socket;
  std::string log_file;
  std::string program;
  int lock = -1;
  pid_t pid = 0;

  ~server() {
    if (lock >= 0)
      ::close(lock);
  }

  result<void> prepare();
  result<void> bring_up();
  result<void> launch();
  bool answers(std::chrono::milliseconds timeout) const;
  void clear_away();
  void stop();
};

result<void> private_redis::server::prepare() {
  auto found = find_program();
  if (!found)
    return tl::unexpected(found.error());
  program = *found;
  std::error_code ec;
  auto dir = fs::weakly_canonical(fs::absolute(options.dir, ec), ec);
  home = dir / "redis";
  if (auto made = make_private(home); !made)
    return made;
  log_file = (dir / "redis.log").string();
  lock = ::open((dir / "redis.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC,
                0600);
  if (lock < 0)
    return fail(errc::failed,
                "cannot write in " + dir.string() + ": " + reason(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return fail(errc::failed, "another process uses the Redis in "
                                  + dir.string() + "; stop it first");
  socket = home / "redis.sock";
  if (socket.string().size() > socket_path_max) {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    auto hash = XXH64(home.c_str(), home.string().size(), 0);
    auto near = fs::path{runtime && *runtime == '/' ? runtime : "/tmp"}
                / ("shannon-redis-" + std::to_string(hash));
    if (auto made = make_private(near); !made)
      return made;
    socket = near / "redis.sock";
  }
  if (fs::file_size(log_file, ec) > log_bytes_max && !ec)
    fs::resize_file(log_file, 0, ec);
  return {};
}

bool private_redis::server::answers(std::chrono::milliseconds timeout) const {
  redis_address where;
  where.socket = socket.string();
  return ping_redis(where, timeout).has_value();
}

/// Ends whoever works in our folder without answering.
void private_redis::server::clear_away() {
  for (auto one : store::processes_in(home.string()))
    ::kill(one, SIGKILL);
  auto due = clock::now() + 2s;
  while (!store::processes_in(home.string()).empty() && clock::now() < due)
    std::this_thread::sleep_for(10ms);
  std::error_code ec;
  fs::remove(socket, ec);
}

result<void> private_redis::server::bring_up() {
  auto left = store::processes_in(home.string());
  if (left.size() == 1 && answers(500ms)) {
    pid = left.front();
    return {};
  }
  clear_away();
  return launch();
}

result<void> private_redis::server::launch() {
  auto child = store::start_process({{program,
                                      "--port",
                                      "0",
                                      "--unixsocket",
                                      socket.string(),
                                      "--unixsocketperm",
                                      "700",
                                      "--dir",
                                      home.string(),
                                      "--save",
                                      "",
                                      "--appendonly",
                                      "no",
                                      "--daemonize",
                                      "no",
                                      "--databases",
                                      "1",
                                      "--maxmemory",
                                      std::to_string(options.memory_bytes_max),
                                      "--maxmemory-policy",
                                      "allkeys-lru"},
                                     std::nullopt,
                                     log_file,
                                     options.ends_with_parent});
  if (!child)
    return tl::unexpected(child.error());
  pid = *child;
  auto due = clock::now() + options.start_timeout;
  while (!answers(200ms)) {
    if (store::wait_process(pid, 10ms)) {
      pid = 0;
      return fail(errc::failed,
                  "redis-server ended while starting: see " + log_file);
    }
    if (clock::now() >= due) {
      stop();
      return fail(errc::unavailable,
                  "redis-server does not answer: see " + log_file);
    }
  }
  return {};
}

void private_redis::server::stop() {
  if (pid <= 0)
    return;
  ::kill(pid, SIGTERM);
  if (!store::wait_process(pid, 1'500ms)) {
    ::kill(pid, SIGKILL);
    store::wait_process(pid, 500ms);
  }
  pid = 0;
  std::error_code ec;
  fs::remove(socket, ec);
  if (socket.parent_path() != home)
    fs::remove(socket.parent_path(), ec);
}

// -- the handle ---------------------------------------------------------------

private_redis::private_redis(std::unique_ptr<server> running)
    : server_(std::move(running)) {}

private_redis::private_redis(private_redis&&) noexcept = default;

private_redis& private_redis::operator=(private_redis&& other) noexcept {
  if (this != &other) {
    stop();
    server_ = std::move(other.server_);
  }
  return *this;
}

private_redis::~private_redis() {
  stop();
}

result<private_redis> private_redis::start(private_redis_options options) {
  auto fresh = std::make_unique<server>();
  fresh->options = std::move(options);
  if (auto done = fresh->prepare(); !done)
    return tl::unexpected(done.error());
  if (auto done = fresh->bring_up(); !done)
    return tl::unexpected(done.error());
  return private_redis{std::move(fresh)};
}

std::string private_redis::url() const {
  return "unix://" + server_->socket.string();
}

pid_t private_redis::pid() const noexcept {
  return server_->pid;
}

void private_redis::stop() {
  if (server_)
    server_->stop();
}

void private_redis::abandon() {
  server_->pid = 0;
  server_.reset();
}

} // namespace shannon::services
