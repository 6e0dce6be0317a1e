#include "actors/browser/browser_host.hpp"

#include "actors/browser/scratch_folder.hpp"
#include "actors/kit/backoff.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/process/process.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <deque>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
namespace log = kit::log;
using namespace std::chrono_literals;
using std::chrono::milliseconds;
using steady = std::chrono::steady_clock;

namespace {

constexpr milliseconds look_every{2'000};
/// A process that answers nothing for so long is ended.
constexpr milliseconds frozen_after{3'000};
constexpr milliseconds lookup_timeout{5'000};
constexpr kit::backoff start_pause{1'000ms, 30'000ms};

error is_full() {
  return {errc::overloaded, "all browsers of this node are full", true,
          2'000ms};
}

error is_over() {
  return {errc::unavailable, "the node ends", true, {}};
}

/// Those of everybody, and those of this tenant.
std::vector<std::string> patterns_for(const std::vector<std::string>& all,
                                      const std::string& tenant) {
  std::vector<std::string> out;
  for (const auto& one : all) {
    auto at = one.find('=');
    if (at == std::string::npos)
      out.push_back(one);
    else if (one.substr(0, at) == tenant)
      out.push_back(one.substr(at + 1));
  }
  return out;
}

} // namespace

struct browser_host::process {
  process(asio::io_context& loop, process_number as)
      : number(as), changed(loop, asio::steady_timer::time_point::max()) {}

  process_number number;
  std::shared_ptr<chromium> browser;
  scratch_folder downloads;
  /// Set off when it is ready, or gone.
  asio::steady_timer changed;
  bool own_sandbox = true;
  bool ready = false;
  std::optional<error> gone;
  bool on_purpose = false;
  /// It ended for want of what the next one does without.
  bool refused_sandbox = false;
  std::uint32_t open = 0; ///< With what is being opened, and what is warm.
  std::uint32_t opened = 0;
  std::uint64_t memory_bytes = 0;
  std::deque<std::shared_ptr<page_session>> warm;
  std::vector<std::weak_ptr<live_session>> sessions;

  /// Ends it unless this is destroyed before.
  class deadline {
  public:
    deadline(asio::io_context& loop, process& of, milliseconds patience,
             std::string what)
        : timer_(loop, patience) {
      timer_.async_wait(
          [browser = of.browser, what = std::move(what)](auto failed) {
            if (!failed)
              browser->stop({errc::unavailable, what, true, {}});
          });
    }

  private:
    asio::steady_timer timer_;
  };
};

browser_host::browser_host(asio::io_context& loop,
                           config::browser_settings settings,
                           std::function<void(news)> changed)
    : loop_(loop), settings_(std::move(settings)), changed_(std::move(changed)),
      names_(std::make_shared<kit::resolver>(
          loop, kit::egress_policy{settings_.egress_allow}, lookup_timeout)),
      tick_(loop) {}

browser_host::~browser_host() = default;

void browser_host::start() {
  asio::post(loop_, [self = shared_from_this()] {
    auto left = reap_scratch_folders();
    if (left > 0)
      log::info("browser-reaped", "what a killed node left is removed",
                {{"folders", left}});
    asio::co_spawn(self->loop_, self->watch(), asio::detached);
  });
}

void browser_host::open(wish what, opened_handler done) {
  asio::post(loop_, [self = shared_from_this(), what = std::move(what),
                     done = std::move(done)]() mutable {
    self->wanted_ = true;
    auto ended = [self,
                  done = std::move(done)](std::exception_ptr failed,
                                          std::shared_ptr<live_session> got) {
      self->want_warm();
      self->tell();
      if (!failed)
        return done(std::move(got));
      try {
        std::rethrow_exception(failed);
      } catch (const cdp_failed& why) {
        done(tl::unexpected(why.why()));
      } catch (const std::exception& why) {
        done(tl::unexpected(error{errc::unavailable, why.what(), true, {}}));
      }
    };
    asio::co_spawn(self->loop_, self->open_one(std::move(what)),
                   std::move(ended));
  });
}

void browser_host::closed(process_number which) {
  asio::post(loop_, [self = shared_from_this(), which] {
    auto at = self->processes_.find(which);
    if (at == self->processes_.end())
      return;
    --at->second->open;
    std::erase_if(at->second->sessions, [](const auto& one) {
      auto held = one.lock();
      return !held || held->is_closed();
    });
    self->end_spare();
    self->want_warm();
    self->tell();
  });
}

void browser_host::stop() {
  asio::post(loop_, [self = shared_from_this()] {
    self->stopped_ = true;
    self->tick_.cancel();
    auto all = self->processes_; // `gone` takes them out.
    for (auto& [number, one] : all) {
      one->on_purpose = true;
      one->browser->stop(is_over());
    }
  });
}

// -- opening ------------------------------------------------------------------

asio::awaitable<std::shared_ptr<live_session>>
browser_host::open_one(wish what) {
  auto self = shared_from_this();
  auto in = co_await with_room();
  std::shared_ptr<page_session> pages;
  std::optional<error> failure;
  try {
    pages = co_await open_pages(in, what.options);
    auto out = way_out(what.tenant, pages->lease());
    if (!out)
      throw cdp_failed{out.error()};
    auto session = std::make_shared<live_session>(
        loop_, in->number, in->browser->pid(), pages, std::move(*out));
    if (in->gone)
      throw cdp_failed{*in->gone};
    in->sessions.push_back(session);
    co_return session;
  } catch (const cdp_failed& why) {
    failure = why.why();
  }
  if (pages)
    pages->close();
  --in->open;
  throw cdp_failed{*failure};
}

asio::awaitable<browser_host::process_ptr> browser_host::with_room() {
  auto self = shared_from_this();
  if (stopped_)
    throw cdp_failed{is_over()};
  for (auto& [number, one] : processes_)
    if (!one->warm.empty() && one->browser->is_open())
      co_return one;
  process_ptr found;
  do {
    auto where = choose(limits(), states());
    if (!where)
      throw cdp_failed{is_full()};
    if (where->process)
      found = processes_.at(*where->process);
    else
      found = co_await start_process();
    // The place is taken before anything else happens.
    ++found->open;
    ++found->opened;
    co_await started(found);
  } while (found->gone && found->refused_sandbox && !stopped_);
  if (found->gone)
    throw cdp_failed{*found->gone};
  co_return found;
}

/// Ready, or gone.
asio::awaitable<void> browser_host::started(process_ptr one) {
  while (!one->ready && !one->gone) {
    boost::system::error_code woken;
    co_await one->changed.async_wait(
        asio::redirect_error(asio::use_awaitable, woken));
  }
}

/// Returns one that is being started; whoever wants it waits until it is ready.
asio::awaitable<browser_host::process_ptr> browser_host::start_process() {
  auto self = shared_from_this();
  auto one = std::make_shared<process>(loop_, ++last_);
  auto folder = scratch_folder::make();
  if (!folder)
    throw cdp_failed{folder.error()};
  one->downloads = std::move(*folder);
  launch_options how;
  how.program = settings_.program;
  how.listeners = settings_.process_opened_max;
  how.downloads = one->downloads.path();
  how.own_sandbox = one->own_sandbox = own_sandbox_;
  auto told = [weak = weak_from_this(), number = one->number](error why) {
    if (auto host = weak.lock())
      host->gone(number, why);
  };
  auto started = chromium::start(loop_, how, std::move(told));
  if (!started)
    throw cdp_failed{started.error()};
  one->browser = std::move(*started);
  processes_.emplace(one->number, one);
  ++started_;
  log::info("browser-started", "a browser starts in namespaces of its own",
            {{"pid", one->browser->pid()},
             {"sandbox", own_sandbox_ ? "outer and its own" : "outer only"}});
  auto wait = [self, one]() -> asio::awaitable<void> {
    process::deadline due{self->loop_, *one, self->settings_.open_timeout,
                          "the browser does not start"};
    try {
      co_await one->browser->ready();
      one->ready = true;
      self->failures_ = 0;
    } catch (const cdp_failed&) {
      // `gone` says so.
    }
    one->changed.cancel();
    self->tell();
  };
  asio::co_spawn(loop_, wait(), asio::detached);
  co_return one;
}

asio::awaitable<std::shared_ptr<page_session>>
browser_host::open_pages(process_ptr in, session_options options) {
  auto self = shared_from_this();
  process::deadline due{loop_, *in, settings_.open_timeout,
                        "the browser opened no session within its time"};
  std::shared_ptr<page_session> pages;
  if (in->warm.empty()) {
    pages = co_await page_session::open(in->browser, std::move(options));
  } else {
    pages = std::move(in->warm.front());
    in->warm.pop_front();
    co_await pages->adopt(std::move(options));
  }
  co_return pages;
}

result<std::shared_ptr<egress_proxy>>
browser_host::way_out(const std::string& tenant, context_lease& lease) {
  auto allow = host_list::parse(patterns_for(settings_.allow_hosts, tenant));
  auto deny = host_list::parse(patterns_for(settings_.deny_hosts, tenant));
  if (!allow || !deny)
    return tl::unexpected(allow ? deny.error() : allow.error());
  proxy_rules rules;
  rules.allow = std::move(*allow);
  rules.deny = std::move(*deny);
  rules.limits.connections_max = settings_.connections_max;
  rules.limits.bytes_max = settings_.traffic_bytes_max;
  return egress_proxy::start(loop_, names_, std::move(rules),
                             lease.listener.release());
}

// -- ahead of need ------------------------------------------------------------

void browser_host::want_warm() {
  if (!wanted_ || warming_ || stopped_ || settings_.warm_sessions == 0)
    return;
  std::size_t warm = 0;
  for (const auto& [number, one] : processes_)
    warm += one->warm.size();
  if (warm >= settings_.warm_sessions)
    return;
  warming_ = true;
  asio::co_spawn(loop_, warm_up(), asio::detached);
}

asio::awaitable<void> browser_host::warm_up() {
  auto self = shared_from_this();
  process_ptr in;
  bool good = false;
  try {
    auto where = choose(limits(), states());
    if (where && where->process)
      in = processes_.at(*where->process);
    else if (where)
      in = co_await start_process();
    if (in) {
      ++in->open;
      ++in->opened;
      co_await started(in);
      process::deadline due{loop_, *in, settings_.open_timeout,
                            "the browser opened no session within its time"};
      // Named: GCC 12 destroys such a temporary of a co_await twice.
      session_options usual;
      auto pages = co_await page_session::open(in->browser, usual);
      in->warm.push_back(std::move(pages));
      good = true;
    }
  } catch (const std::exception&) {
    // Another try comes with the next look.
    if (in)
      --in->open;
  }
  warming_ = false;
  if (good)
    want_warm();
  tell();
}

// -- watching -----------------------------------------------------------------

asio::awaitable<void> browser_host::watch() {
  auto self = shared_from_this();
  while (!stopped_) {
    tick_.expires_after(look_every);
    boost::system::error_code woken;
    co_await tick_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    auto all = processes_;
    for (auto& [number, one] : all)
      if (one->ready)
        asio::co_spawn(loop_, look_after(one), asio::detached);
    end_spare();
    if (failures_ == 0)
      want_warm();
    tell();
  }
}

asio::awaitable<void> browser_host::look_after(process_ptr one) {
  auto self = shared_from_this();
  process::deadline due{loop_, *one, frozen_after,
                        "the browser does not react"};
  try {
    co_await one->browser->ready();
    one->memory_bytes = kit::tree_memory(one->browser->pid());
  } catch (const cdp_failed&) {
    // `gone` says so.
  }
}

void browser_host::gone(process_number which, const error& why) {
  auto at = processes_.find(which);
  if (at == processes_.end())
    return;
  auto one = at->second;
  processes_.erase(at);
  one->gone = why;
  one->warm.clear();
  for (auto& weak : one->sessions)
    if (auto session = weak.lock())
      session->lost(why);
  one->changed.cancel();
  auto words = one->browser->last_words();
  if (!one->ready && one->own_sandbox && refused_sandbox(words)) {
    one->refused_sandbox = true;
    if (std::exchange(own_sandbox_, false))
      log::warning("browser-sandbox",
                   "this machine does not allow the browser its own sandbox: "
                   "only the outer one is on",
                   {});
  } else if (!one->on_purpose) {
    ++crashed_;
    ++failures_;
    log::warning("browser-gone", "a browser has ended with its sessions",
                 {{"reason", why.text},
                  {"sessions", one->sessions.size()},
                  {"last_words",
                   words.substr(words.size() > 400 ? words.size() - 400 : 0)}});
  }
  tell();
  if (stopped_ || !wanted_)
    return;
  auto pause = one->on_purpose ? 0ms : start_pause.ceiling(failures_);
  auto timer = std::make_shared<asio::steady_timer>(loop_, pause);
  timer->async_wait(
      [self = shared_from_this(), timer](auto) { self->want_warm(); });
}

/// Also gives up what is warm in a process that leaves.
void browser_host::end_spare() {
  for (const auto& state : states())
    if (leaves(limits(), state)) {
      auto& one = *processes_.at(state.number);
      for (auto& pages : std::exchange(one.warm, {})) {
        pages->close();
        --one.open;
      }
    }
  for (auto number : to_end(limits(), states())) {
    auto one = processes_.at(number);
    if (!one->ready)
      continue;
    one->on_purpose = true;
    one->browser->stop({errc::unavailable, "not needed any more", true, {}});
  }
}

pool_limits browser_host::limits() const {
  return {settings_.process_sessions_max, settings_.processes_max,
          settings_.process_opened_max,   settings_.process_lifetime,
          settings_.process_memory_max,   settings_.warm_sessions};
}

std::vector<process_state> browser_host::states() const {
  std::vector<process_state> out;
  auto now = steady::now();
  for (const auto& [number, one] : processes_)
    // One that has died is gone in a moment.
    if (one->browser->is_open())
      out.push_back(
          {number, one->open, one->opened, one->browser->pages(),
           std::chrono::duration_cast<milliseconds>(now - one->browser->born()),
           one->memory_bytes});
  return out;
}

void browser_host::tell() {
  news what;
  what.started = started_;
  what.crashed = crashed_;
  what.running = processes_.size();
  for (const auto& state : states()) {
    const auto& one = *processes_.at(state.number);
    what.warm += one.warm.size();
    what.processes.push_back({one.browser->pid(), state.age,
                              state.open - one.warm.size(), state.opened,
                              state.memory_bytes, leaves(limits(), state),
                              one.own_sandbox});
  }
  changed_(std::move(what));
}

} // namespace shannon::browser
