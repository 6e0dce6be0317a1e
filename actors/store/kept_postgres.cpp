#include "actors/store/kept_postgres.hpp"

#include "actors/kit/backoff.hpp"
#include "actors/kit/log.hpp"
#include "actors/store/server_process.hpp"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <mutex>
#include <optional>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <utility>

namespace shannon::store {

namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;

/// One that has run this long has not failed in its start.
constexpr auto settled_after = 30s;

} // namespace

struct kept_postgres::keeper {
  std::atomic<bool> ending{false};
  int wake = -1;
  std::optional<private_postgres> server;
  std::string dsn;
  std::mutex stopping; ///< Who comes second waits until it is stopped.
  std::thread thread;

  ~keeper() {
    stop();
    if (wake >= 0)
      ::close(wake);
  }

  void run();
  bool start_again(std::uint32_t& failures, clock::time_point died);
  void pause(std::chrono::milliseconds span) const;
  void stop();
};

void kept_postgres::keeper::run() {
  std::uint32_t failures = 0;
  auto up_since = clock::now();
  while (wait_end(server->pid(), wake)) {
    auto died = clock::now();
    if (died - up_since > settled_after)
      failures = 0;
    kit::log::error("postgres-died",
                    "the private PostgreSQL has ended by itself; it is started "
                    "again",
                    {{"pid", server->pid()}});
    while (!ending && !start_again(failures, died)) {
    }
    up_since = clock::now();
    if (ending)
      return;
  }
}

bool kept_postgres::keeper::start_again(std::uint32_t& failures,
                                        clock::time_point died) {
  kit::backoff delay{200ms, 10'000ms};
  if (failures != 0)
    pause(delay.ceiling(failures));
  ++failures;
  if (ending)
    return false;
  auto up = server->start_again();
  auto away = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now()
                                                                    - died);
  if (up)
    kit::log::info("postgres-restarted", "the private PostgreSQL is back",
                   {{"pid", server->pid()}, {"away_ms", away.count()}});
  else if (!ending)
    kit::log::error("postgres-lost", "the private PostgreSQL does not start",
                    {{"reason", up.error().text}, {"failures", failures}});
  return up.has_value();
}

void kept_postgres::keeper::pause(std::chrono::milliseconds span) const {
  pollfd what{wake, POLLIN, 0};
  ::poll(&what, 1, static_cast<int>(span.count()));
}

void kept_postgres::keeper::stop() {
  std::lock_guard guard{stopping};
  ending = true;
  ::eventfd_write(wake, 1);
  if (thread.joinable())
    thread.join();
  if (server)
    server->stop();
}

// -- the handle ---------------------------------------------------------------

kept_postgres::kept_postgres(std::unique_ptr<keeper> running)
    : keeper_(std::move(running)) {}

kept_postgres::kept_postgres(kept_postgres&&) noexcept = default;
kept_postgres& kept_postgres::operator=(kept_postgres&&) noexcept = default;
kept_postgres::~kept_postgres() = default;

result<kept_postgres> kept_postgres::start(private_postgres_options options) {
  auto made = std::make_unique<keeper>();
  made->wake = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (made->wake < 0)
    return fail(errc::failed, "cannot make an event descriptor");
  options.go_on = [all = made.get(), first = std::move(options.go_on)] {
    return !all->ending && (!first || first());
  };
  auto started = private_postgres::start(std::move(options));
  if (!started)
    return tl::unexpected<error>{std::move(started.error())};
  made->server.emplace(std::move(*started));
  made->dsn = made->server->dsn();
  // Signals are for the node's own thread: one that took them would hide them.
  sigset_t all_signals;
  sigset_t before;
  sigfillset(&all_signals);
  pthread_sigmask(SIG_SETMASK, &all_signals, &before);
  made->thread = std::thread{[all = made.get()] { all->run(); }};
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return kept_postgres{std::move(made)};
}

std::string kept_postgres::dsn() const {
  return keeper_->dsn;
}

void kept_postgres::stop() {
  if (keeper_)
    keeper_->stop();
}

} // namespace shannon::store
