#include "actors/browser/cdp/launch.hpp"

#include "actors/kit/process/spawn.hpp"
#include "actors/kit/workspace/sandbox_user.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;

namespace {

constexpr const char* bwrap_path = "/usr/bin/bwrap";
/// As root, downloads are mounted here first: the user that the child becomes
/// could not walk there through private folders.
constexpr const char* landing_path = "/mnt";
constexpr std::array programs{"/usr/lib/chromium/chromium-headless-shell",
                              "/usr/lib/chromium/chromium"};
constexpr std::size_t last_words_max = 4 * 1024;

class running final : public child,
                      public std::enable_shared_from_this<running> {
public:
  running(asio::io_context& loop, kit::spawned from,
          std::function<void(std::string)> ended)
      : pid_(from.pid), pidfd_(loop, from.pidfd.release()),
        out_(loop, from.out.release()), err_(loop, from.err.release()),
        ended_(std::move(ended)) {}

  ~running() override {
    if (pid_ <= 0)
      return;
    ::kill(-pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }

  void start() {
    listen(out_, out_buffer_);
    listen(err_, err_buffer_);
    await_end();
  }

  pid_t pid() const noexcept override {
    return pid_;
  }

  void kill() override {
    if (pid_ > 0)
      ::kill(-pid_, SIGKILL);
  }

  std::string last_words() const override {
    return words_;
  }

private:
  using buffer = std::array<char, 4096>;

  void listen(asio::posix::stream_descriptor& from, buffer& into) {
    from.async_read_some(asio::buffer(into), [self = shared_from_this(), &from,
                                              &into](auto failed, auto bytes) {
      if (failed)
        return;
      self->keep(into, bytes);
      self->listen(from, into);
    });
  }

  void keep(const buffer& from, std::size_t bytes) {
    words_.append(from.data(), bytes);
    if (words_.size() > last_words_max)
      words_.erase(0, words_.size() - last_words_max);
  }

  void await_end() {
    pidfd_.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](auto failed) {
                        if (!failed)
                          self->reap();
                      });
  }

  /// Its end may be seen before what it said last.
  void read_rest(asio::posix::stream_descriptor& from) {
    buffer into;
    boost::system::error_code failed;
    from.non_blocking(true, failed);
    while (!failed)
      if (auto bytes = from.read_some(asio::buffer(into), failed))
        keep(into, bytes);
  }

  void reap() {
    if (!kit::has_ended(pidfd_.native_handle()))
      return await_end();
    int status = 0;
    waitpid(pid_, &status, 0);
    // What it started goes with its process namespace.
    ::kill(-pid_, SIGKILL);
    pid_ = 0;
    read_rest(out_);
    read_rest(err_);
    boost::system::error_code ignored;
    out_.close(ignored);
    err_.close(ignored);
    auto how = WIFSIGNALED(status)
                   ? "signal " + std::to_string(WTERMSIG(status))
                   : "status " + std::to_string(WEXITSTATUS(status));
    if (ended_)
      std::exchange(ended_, nullptr)(how);
  }

  pid_t pid_;
  asio::posix::stream_descriptor pidfd_;
  asio::posix::stream_descriptor out_;
  asio::posix::stream_descriptor err_;
  buffer out_buffer_{};
  buffer err_buffer_{};
  std::string words_;
  std::function<void(std::string)> ended_;
};

std::string find_program(const launch_options& options) {
  if (!options.program.empty())
    return options.program;
  for (const auto* path : programs)
    if (access(path, X_OK) == 0)
      return path;
  return {};
}

/// Bubblewrap: /usr read-only and nothing else of the host, memory instead of
/// a disk, namespaces of its own; all of it dies with its parent.
std::vector<std::string> sandbox_arguments(const launch_options& options,
                                           const std::string& downloads) {
  auto bytes = std::to_string(options.tmp_bytes);
  return {bwrap_path,
          "--unshare-user",
          "--unshare-pid",
          "--unshare-ipc",
          "--unshare-uts",
          "--unshare-cgroup-try",
          "--hostname",
          "browser",
          "--uid",
          "1000",
          "--gid",
          "1000",
          "--cap-drop",
          "ALL",
          "--die-with-parent",
          "--clearenv",
          "--setenv",
          "PATH",
          "/usr/bin",
          "--setenv",
          "HOME",
          "/tmp",
          "--setenv",
          "LANG",
          "C.UTF-8",
          "--setenv",
          "DBUS_SESSION_BUS_ADDRESS",
          "disabled:",
          "--ro-bind",
          "/usr",
          "/usr",
          "--symlink",
          "usr/bin",
          "/bin",
          "--symlink",
          "usr/lib",
          "/lib",
          "--symlink",
          "usr/lib64",
          "/lib64",
          "--ro-bind-try",
          "/etc/ld.so.cache",
          "/etc/ld.so.cache",
          "--ro-bind-try",
          "/etc/alternatives",
          "/etc/alternatives",
          "--ro-bind-try",
          "/etc/fonts",
          "/etc/fonts",
          "--ro-bind-try",
          "/var/cache/fontconfig",
          "/var/cache/fontconfig",
          "--proc",
          "/proc",
          "--dev",
          "/dev",
          "--size",
          bytes,
          "--tmpfs",
          "/dev/shm",
          "--size",
          bytes,
          "--tmpfs",
          "/tmp",
          "--bind",
          downloads,
          downloads_inside,
          "--chdir",
          "/tmp",
          "--remount-ro",
          "/",
          "--"};
}

/// Nothing of its own accord, no way past the proxy, no debugging port.
std::vector<std::string> chromium_arguments(const launch_options& options,
                                            const std::string& program) {
  std::vector<std::string> out{
      program,
      "--remote-debugging-pipe",
      "--user-data-dir=/tmp/profile",
      "--no-first-run",
      "--no-default-browser-check",
      "--disable-gpu",
      "--hide-scrollbars",
      "--mute-audio",
      "--password-store=basic",
      "--use-mock-keychain",
      // What a page does must not depend on who is looked at.
      "--disable-background-timer-throttling",
      "--disable-renderer-backgrounding",
      "--disable-backgrounding-occluded-windows",
      "--disable-popup-blocking",
      // Speaks to nobody for itself.
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-default-apps",
      "--disable-extensions",
      "--disable-sync",
      "--disable-breakpad",
      // A page that was left would be kept, and each load take a new renderer.
      "--disable-back-forward-cache",
      "--disable-domain-reliability",
      "--disable-client-side-phishing-detection",
      "--disable-field-trial-config",
      "--metrics-recording-only",
      "--no-pings",
      "--no-service-autorun",
      "--disable-features=Translate,OptimizationHints,MediaRouter,"
      "DialMediaRouteProvider,AutofillServerCommunication,"
      "InterestFeedContentSuggestions,GlobalMediaControls,"
      "CertificateTransparencyComponentUpdater,WebOTP,DnsOverHttps",
      // One way out: the proxy of its context. Without one, none.
      "--proxy-server=http://127.0.0.1:1",
      "--proxy-bypass-list=<-loopback>",
      "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
      "--disable-quic",
      "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
      "--webrtc-ip-handling-policy=disable_non_proxied_udp",
  };
  if (program.find("headless-shell") == std::string::npos)
    out.emplace_back("--headless");
  if (!options.own_sandbox)
    out.emplace_back("--no-sandbox");
  out.insert(out.end(), options.more_arguments.begin(),
             options.more_arguments.end());
  return out;
}

result<std::pair<kit::owned_fd, kit::owned_fd>> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    return fail(errc::unavailable,
                std::string{"no pipe for a browser: "} + std::strerror(errno),
                true);
  return std::pair{kit::owned_fd{ends[0]}, kit::owned_fd{ends[1]}};
}

std::uint16_t port_of(const kit::owned_fd& listener) {
  sockaddr_in where{};
  socklen_t size = sizeof where;
  getsockname(listener.get(), reinterpret_cast<sockaddr*>(&where), &size);
  return ntohs(where.sin_port);
}

} // namespace

bool refused_sandbox(std::string_view last_words) noexcept {
  return last_words.find("No usable sandbox") != std::string_view::npos;
}

result<std::shared_ptr<child>> launch(asio::io_context& loop,
                                      const launch_options& options,
                                      std::function<void(std::string)> ended) {
  auto program = find_program(options);
  if (program.empty())
    return fail(errc::unavailable,
                "no browser is installed: install the package "
                "chromium-headless-shell, or set browser.program");
  if (access(bwrap_path, X_OK) != 0)
    return fail(errc::unavailable, std::string{bwrap_path}
                                       + " is missing; install the package "
                                         "bubblewrap");
  auto commands = make_pipe();
  auto answers = make_pipe();
  if (!commands || !answers)
    return tl::unexpected(commands ? answers.error() : commands.error());
  kit::process_spec spec;
  auto downloads = options.downloads;
  if (kit::sandbox_drops_user()) {
    spec.user = kit::sandbox_user;
    spec.mount_from = options.downloads;
    spec.mount_to = downloads = landing_path;
  }
  spec.argv = sandbox_arguments(options, downloads);
  auto browser = chromium_arguments(options, program);
  spec.argv.insert(spec.argv.end(), browser.begin(), browser.end());
  spec.gives_way = false;
  spec.own_network = true;
  spec.listeners = options.listeners;
  spec.placed.emplace_back(3, std::move(commands->first));
  spec.placed.emplace_back(4, std::move(answers->second));
  auto spawned = kit::spawn_child(spec);
  if (!spawned)
    return tl::unexpected(spawned.error());
  auto listeners = std::move(spawned->listeners);
  auto out
      = std::make_shared<running>(loop, std::move(*spawned), std::move(ended));
  out->to = std::move(commands->second);
  out->from = std::move(answers->first);
  for (auto& one : listeners) {
    auto port = port_of(one);
    out->listeners.emplace_back(std::move(one), port);
  }
  out->start();
  return std::shared_ptr<child>{std::move(out)};
}

} // namespace shannon::browser
