#include "actors/store/private_postgres.hpp"

#include "actors/kit/log.hpp"
#include "actors/store/pg_connection.hpp"
#include "actors/store/server_process.hpp"

#include <xxhash.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <optional>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <system_error>
#include <thread>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shannon::store {

namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// The oldest release whose SQL and pipeline mode we rely on.
constexpr int oldest_major = 14;

/// A socket's path must fit `sockaddr_un` with its final zero.
constexpr std::size_t socket_path_max = 107;
constexpr std::string_view socket_name = "/.s.PGSQL.5432";

/// Starts that may end by themselves before one is told as failed.
constexpr int attempts_max = 3;

/// How often a long recovery is told of.
constexpr auto recovery_told_every = 10s;

/// At the start a longer log is begun anew.
constexpr std::uintmax_t log_bytes_max = 16 * 1024 * 1024;

std::string reason(int number) {
  return std::system_category().message(number);
}

std::string read_line(const fs::path& file) {
  std::ifstream in{file};
  std::string line;
  std::getline(in, line);
  return line;
}

/// The last line of the server's log: why it did not start.
std::string last_line(const std::string& file) {
  std::ifstream in{file};
  std::string line;
  std::string last;
  while (std::getline(in, line))
    if (!line.empty())
      last = line;
  return last;
}

int to_number(std::string_view text) {
  int number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

/// The directory of the newest server program, or of the one of `major`.
result<std::string> find_programs(int major) {
  int best = 0;
  std::error_code ec;
  for (fs::directory_iterator at{"/usr/lib/postgresql", ec}, end;
       !ec && at != end; at.increment(ec)) {
    auto found = to_number(at->path().filename().string());
    auto wanted = major == 0 ? found >= oldest_major : found == major;
    if (wanted && fs::exists(at->path() / "bin/postgres"))
      best = std::max(best, found);
  }
  if (best != 0)
    return "/usr/lib/postgresql/" + std::to_string(best) + "/bin";
  const char* path = std::getenv("PATH");
  std::string_view left = path ? path : "";
  while (major == 0 && !left.empty()) {
    auto dir = std::string{left.substr(0, left.find(':'))};
    left.remove_prefix(std::min(left.size(), dir.size() + 1));
    if (!dir.empty() && dir.front() == '/' && fs::exists(dir + "/postgres")
        && fs::exists(dir + "/initdb"))
      return dir;
  }
  return fail(errc::failed,
              "no PostgreSQL server"
                  + (major == 0 ? " found"
                                : " of version " + std::to_string(major)
                                      + " found, which made this data")
                  + ": install it (Debian: apt-get install postgresql)");
}

/// PostgreSQL refuses to run as root. Data that is there stays its owner's.
result<std::optional<process_user>> find_user(const fs::path& data) {
  if (::geteuid() != 0)
    return std::optional<process_user>{};
  struct stat what {};
  if (::stat(data.c_str(), &what) == 0 && what.st_uid != 0)
    return std::optional{process_user{what.st_uid, what.st_gid}};
  const auto* found = ::getpwnam("postgres");
  if (!found)
    return fail(errc::failed, "PostgreSQL cannot run as root and there is no "
                              "user `postgres`");
  return std::optional{process_user{found->pw_uid, found->pw_gid}};
}

/// Lets `user` pass through every directory down to `dir`.
void open_parents(const fs::path& dir, const process_user& user) {
  for (auto at = dir; at.has_relative_path(); at = at.parent_path()) {
    struct stat what {};
    if (::stat(at.c_str(), &what) != 0 || what.st_uid == user.uid
        || (what.st_mode & S_IXOTH) != 0)
      continue;
    if (::chmod(at.c_str(), (what.st_mode & 07777) | S_IXOTH) == 0)
      kit::log::warning("directory-opened",
                        "a directory is opened for passing, so that the user "
                        "postgres reaches its data",
                        {{"directory", at.string()}});
  }
}

result<void> make_private(const fs::path& dir,
                          const std::optional<process_user>& user) {
  std::error_code ec;
  fs::create_directories(dir, ec);
  struct stat what {};
  // lstat: in /tmp somebody else may have put a link here.
  if (ec || ::lstat(dir.c_str(), &what) != 0 || !S_ISDIR(what.st_mode))
    return fail(errc::failed, "cannot make the directory " + dir.string());
  auto owner = user ? user->uid : ::geteuid();
  if (what.st_uid != owner && what.st_uid != ::geteuid())
    return fail(errc::failed,
                dir.string() + " belongs to another user of this machine");
  if (::chmod(dir.c_str(), 0700) != 0
      || (user && ::chown(dir.c_str(), user->uid, user->gid) != 0))
    return fail(errc::failed,
                "cannot take " + dir.string() + ": " + reason(errno));
  return {};
}

/// It refuses sessions, but it is at work: it says so in one of these ways.
bool recovers(const error& why) {
  for (const char* words :
       {"is starting up", "not yet accepting connections", "in recovery mode"})
    if (why.text.find(words) != std::string::npos)
      return true;
  return false;
}

std::string dsn_value(std::string_view value) {
  std::string out = "'";
  for (auto c : value) {
    if (c == '\'' || c == '\\')
      out.push_back('\\');
    out.push_back(c);
  }
  return out + "'";
}

} // namespace

struct private_postgres::server {
  private_postgres_options options;
  std::optional<process_user> user;
  fs::path data;
  fs::path socket_dir;
  std::string log_file;
  std::string programs;
  int lock = -1;
  pid_t pid = 0;

  ~server() {
    if (lock >= 0)
      ::close(lock);
  }

  std::string dsn(std::string_view database) const {
    return "host=" + dsn_value(socket_dir.string())
           + " port=5432 user=shannon dbname=" + std::string{database};
  }

  result<void> prepare();
  result<void> initialize();
  result<void> bring_up();
  result<void> launch(clock::time_point due);
  pid_t find_running() const;
  std::vector<pid_t> servers() const;
  result<void> answers() const;
  result<void> told_to_end() const;
  result<void> create_database() const;
  void kill_all();
  void stop();
};

result<void> private_postgres::server::prepare() {
  std::error_code ec;
  fs::path dir = fs::weakly_canonical(fs::absolute(options.dir, ec), ec);
  fs::create_directories(dir, ec);
  if (ec)
    return fail(errc::failed, "cannot make the directory " + dir.string() + ": "
                                  + ec.message());
  data = dir / "postgres";
  log_file = (dir / "postgres.log").string();
  lock = ::open((dir / "postgres.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC,
                0600);
  if (lock < 0)
    return fail(errc::failed,
                "cannot write in " + dir.string() + ": " + reason(errno));
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0)
    return fail(errc::failed, "another process uses the data in " + dir.string()
                                  + "; stop it first");
  auto found = find_user(data);
  if (!found)
    return tl::unexpected<error>{std::move(found.error())};
  user = *found;
  auto bin = find_programs(to_number(read_line(data / "PG_VERSION")));
  if (!bin)
    return tl::unexpected<error>{std::move(bin.error())};
  programs = *bin;
  if (user)
    open_parents(dir, *user);
  socket_dir = data;
  if (data.string().size() + socket_name.size() > socket_path_max) {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    fs::path base = runtime && !user ? runtime : "/tmp";
    auto hash = XXH64(data.c_str(), data.string().size(), 0);
    socket_dir = base / ("shannon-" + std::to_string(hash));
    if (auto made = make_private(socket_dir, user); !made)
      return made;
  }
  if (fs::file_size(log_file, ec) > log_bytes_max && !ec)
    fs::resize_file(log_file, 0, ec);
  return {};
}

/// Beside the place it belongs, then renamed: a half-made cluster is never
/// taken for a whole one.
result<void> private_postgres::server::initialize() {
  fs::path fresh = data;
  fresh += ".new";
  std::error_code ec;
  fs::remove_all(fresh, ec);
  if (auto made = make_private(fresh, user); !made)
    return made;
  auto child = start_process(
      {{programs + "/initdb", "-D", fresh.string(), "-U", "shannon", "-A",
        "trust", "-E", "UTF8", "--no-locale", "--no-instructions"},
       user,
       log_file,
       options.ends_with_parent});
  if (!child)
    return tl::unexpected<error>{std::move(child.error())};
  auto status = wait_process(*child, 120s);
  if (!status) {
    ::kill(-*child, SIGKILL);
    wait_process(*child, 5s);
  }
  if (!status || *status != 0)
    return fail(errc::failed, "initdb failed: " + last_line(log_file) + " (see "
                                  + log_file + ")");
  fs::rename(fresh, data, ec);
  if (ec)
    return fail(errc::failed,
                "cannot name " + data.string() + ": " + ec.message());
  return {};
}

/// The postmaster and its sessions. Whoever else stands in the folder, an
/// operator's shell for one, is left alone.
std::vector<pid_t> private_postgres::server::servers() const {
  return processes_in(data.string(), "postgres");
}

result<void> private_postgres::server::told_to_end() const {
  if (options.go_on && !options.go_on())
    return fail(errc::cancelled, "the start of PostgreSQL was given up");
  return {};
}

/// The postmaster of our data, if one runs; 0 if none.
pid_t private_postgres::server::find_running() const {
  auto noted = to_number(read_line(data / "postmaster.pid"));
  auto all = servers();
  return std::find(all.begin(), all.end(), noted) == all.end() ? 0 : noted;
}

result<void> private_postgres::server::answers() const {
  pg_options quick;
  quick.dsn = dsn("postgres");
  quick.connect_timeout = 1s;
  quick.statement_timeout = 1s;
  auto db = pg_connection::open(std::move(quick));
  if (!db)
    return tl::unexpected<error>{std::move(db.error())};
  return {};
}

void private_postgres::server::kill_all() {
  for (auto one : servers())
    ::kill(one, SIGKILL);
  auto due = clock::now() + 3s;
  while (!servers().empty() && clock::now() < due)
    std::this_thread::sleep_for(10ms);
}

/// One attempt: returns when it answers, has ended, or has long been silent.
result<void> private_postgres::server::launch(clock::time_point due) {
  // A number left by a dead postmaster may name some other process now, and
  // PostgreSQL would wait for that one. With no process left in the data
  // directory nobody holds its shared memory either, so the files are stale.
  std::error_code ec;
  if (servers().empty()) {
    fs::remove(data / "postmaster.pid", ec);
    fs::remove(socket_dir.string() + std::string{socket_name} + ".lock", ec);
  }
  // What a store of logs needs; what makes a commit durable stays on. Full
  // page images are most of the WAL after a checkpoint: checkpoints are rare
  // and the images compressed, at the price of a longer recovery. Segments are
  // used again rather than made anew. After a kill one call syncs the data,
  // not one per file. The small table `active` is vacuumed often.
  auto child = start_process({{programs + "/postgres",
                               "-D",
                               data.string(),
                               "-c",
                               "listen_addresses=",
                               "-c",
                               "port=5432",
                               "-c",
                               "unix_socket_directories=" + socket_dir.string(),
                               "-c",
                               "unix_socket_permissions=0700",
                               "-c",
                               "max_connections=128",
                               "-c",
                               "logging_collector=off",
                               "-c",
                               "log_destination=stderr",
                               "-c",
                               "log_checkpoints=off",
                               "-c",
                               "shared_buffers=256MB",
                               "-c",
                               "wal_compression=on",
                               "-c",
                               "max_wal_size=2GB",
                               "-c",
                               "min_wal_size=256MB",
                               "-c",
                               "checkpoint_timeout=15min",
                               "-c",
                               "recovery_init_sync_method=syncfs",
                               "-c",
                               "autovacuum_naptime=10s"},
                              user,
                              log_file,
                              options.ends_with_parent});
  if (!child)
    return tl::unexpected<error>{std::move(child.error())};
  pid = *child;
  auto tell = clock::now() + recovery_told_every;
  for (;;) {
    auto up = answers();
    if (up)
      return {};
    if (auto on = told_to_end(); !on)
      return on;
    if (recovers(up.error())) {
      due = std::max(due, clock::now() + options.start_timeout);
      if (clock::now() >= tell) {
        tell += recovery_told_every;
        kit::log::info("postgres-recovering",
                       "the private PostgreSQL was killed and repairs its data",
                       {{"log", log_file}});
      }
    }
    if (wait_process(pid, 20ms)) {
      pid = 0;
      return fail(errc::failed,
                  "PostgreSQL ended while starting: " + last_line(log_file)
                      + " (see " + log_file + ")");
    }
    if (clock::now() >= due)
      return up;
  }
}

result<void> private_postgres::server::bring_up() {
  auto due = clock::now() + options.start_timeout;
  // One that outlived its parent gets a while to answer, then must go.
  auto patience = clock::now() + 5s;
  for (;;) {
    pid = find_running();
    if (pid == 0)
      break;
    auto up = answers();
    if (up)
      return {};
    if (auto on = told_to_end(); !on)
      return on;
    if (!recovers(up.error()) && clock::now() >= patience)
      break;
    std::this_thread::sleep_for(50ms);
  }
  // Sessions of a killed postmaster hold its shared memory, and a new one will
  // not start before they have ended. They can do nothing any more.
  kill_all();
  // Each process of theirs may be the last to let go of it.
  for (int attempt = 1;; ++attempt) {
    auto up = launch(due);
    if (up || up.error().code == errc::cancelled || attempt == attempts_max
        || clock::now() >= due)
      return up;
    kill_all();
    std::this_thread::sleep_for(200ms);
  }
}

result<void> private_postgres::server::create_database() const {
  pg_options plain;
  plain.dsn = dsn("postgres");
  auto db = pg_connection::open(std::move(plain));
  if (!db)
    return tl::unexpected<error>{std::move(db.error())};
  auto found = db->exec("select 1 from pg_database where datname = 'shannon'");
  if (found && found->size() == 0)
    found = db->exec("create database shannon");
  if (!found)
    return tl::unexpected<error>{std::move(found.error())};
  return {};
}

void private_postgres::server::stop() {
  if (pid <= 0)
    return;
  ::kill(pid, SIGINT);
  if (!wait_process(pid, 5s)) {
    ::kill(pid, SIGQUIT);
    if (!wait_process(pid, 1s)) {
      kill_all();
      wait_process(pid, 1s);
    }
  }
  kill_all(); // Sessions that outlived a killed postmaster.
  pid = 0;
  if (socket_dir != data) {
    std::error_code ec;
    fs::remove(socket_dir, ec); // Only if it is empty.
  }
}

// -- the handle ---------------------------------------------------------------

private_postgres::private_postgres(std::unique_ptr<server> running)
    : server_(std::move(running)) {}

private_postgres::private_postgres(private_postgres&&) noexcept = default;

private_postgres&
private_postgres::operator=(private_postgres&& other) noexcept {
  if (this != &other) {
    stop();
    server_ = std::move(other.server_);
  }
  return *this;
}

private_postgres::~private_postgres() {
  stop();
}

result<private_postgres>
private_postgres::start(private_postgres_options options) {
  auto made = std::make_unique<server>();
  made->options = std::move(options);
  auto done = made->prepare();
  if (done && !fs::exists(made->data / "PG_VERSION"))
    done = made->initialize();
  if (done)
    done = made->bring_up();
  if (done)
    done = made->create_database();
  if (!done) {
    made->stop();
    return tl::unexpected<error>{std::move(done.error())};
  }
  return private_postgres{std::move(made)};
}

std::string private_postgres::dsn(std::string_view database) const {
  return server_->dsn(database);
}

pid_t private_postgres::pid() const noexcept {
  return server_ ? server_->pid : 0;
}

result<void> private_postgres::start_again() {
  if (server_->pid > 0)
    wait_process(server_->pid, std::chrono::milliseconds{0});
  server_->pid = 0;
  return server_->bring_up();
}

void private_postgres::stop() {
  if (server_)
    server_->stop();
}

void private_postgres::abandon() {
  server_.reset();
}

} // namespace shannon::store
