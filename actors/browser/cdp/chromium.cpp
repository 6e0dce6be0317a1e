#include "actors/browser/cdp/chromium.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

struct chromium::context {
  context_events events;
  std::map<std::string, target> targets;
  /// Set off when a target is attached, or goes.
  std::shared_ptr<asio::steady_timer> changed;
  /// The last targets that went: who waits for one may be late.
  std::deque<std::string> gone = {};
};

namespace {

constexpr std::size_t gone_max = 32;

std::string text_of(const json& from, const char* key) {
  auto at = from.find(key);
  return at != from.end() && at->is_string() ? at->get<std::string>() : "";
}

} // namespace

result<std::shared_ptr<chromium>>
chromium::start(asio::io_context& loop, launch_options options,
                std::function<void(error)> gone) {
  std::shared_ptr<chromium> self{new chromium{loop, std::move(options)}};
  self->gone_ = std::move(gone);
  // Held until its end is told: it may be all that holds it.
  auto ended = [self](const std::string& how) {
    error why{
        errc::unavailable, "the browser has ended (" + how + ")", true, {}};
    self->connection_->close(why);
    self->contexts_.clear();
    if (self->gone_)
      std::exchange(self->gone_, nullptr)(why);
  };
  auto started = launch(loop, self->options_, std::move(ended));
  if (!started)
    return tl::unexpected(started.error());
  self->child_ = std::move(*started);
  self->free_ = std::move(self->child_->listeners);
  self->connection_ = std::make_shared<cdp_connection>(
      loop, std::move(self->child_->to), std::move(self->child_->from));
  auto heard = [raw = self.get()](std::string_view method, json& params) {
    raw->heard(method, params);
  };
  // A browser that does not speak any more is of no use.
  auto silent = [child = self->child_](const error&) { child->kill(); };
  self->connection_->start(std::move(heard), std::move(silent));
  json pages = json::array({{{"type", "page"}}, {{"exclude", true}}});
  self->connection_->send("", "Target.setDiscoverTargets",
                          {{"discover", true}, {"filter", pages}});
  self->connection_->send("", "Target.setAutoAttach",
                          {{"autoAttach", true},
                           {"waitForDebuggerOnStart", true},
                           {"flatten", true},
                           {"filter", pages}});
  return self;
}

chromium::chromium(asio::io_context& loop, launch_options options)
    : loop_(loop), options_(std::move(options)),
      born_(std::chrono::steady_clock::now()) {}

chromium::~chromium() = default;

asio::awaitable<void> chromium::ready() {
  auto self = shared_from_this();
  co_await connection_->ask("", "Browser.getVersion");
}

asio::awaitable<context_lease> chromium::open_context(context_events events) {
  auto self = shared_from_this();
  if (free_.empty())
    throw cdp_failed{{errc::overloaded, "the browser is full", true, {}}};
  context_lease out;
  out.listener = std::move(free_.back().first);
  out.port = free_.back().second;
  free_.pop_back();
  json params{
      {"disposeOnDetach", true},
      {"proxyServer", "http://127.0.0.1:" + std::to_string(out.port)},
      {"proxyBypassList", "<-loopback>"},
  };
  auto made = co_await connection_->ask("", "Target.createBrowserContext",
                                        std::move(params));
  out.id = text_of(made, "browserContextId");
  connection_->send("", "Browser.setDownloadBehavior",
                    {{"behavior", "deny"}, {"browserContextId", out.id}});
  auto changed = std::make_shared<asio::steady_timer>(
      loop_, asio::steady_timer::time_point::max());
  contexts_.emplace(out.id, context{std::move(events), {}, std::move(changed)});
  ++opened_;
  co_return out;
}

asio::awaitable<target> chromium::open_page(std::string id) {
  auto self = shared_from_this();
  json params{{"url", "about:blank"}, {"browserContextId", id}};
  auto made
      = co_await connection_->ask("", "Target.createTarget", std::move(params));
  auto wanted = text_of(made, "targetId");
  for (;;) {
    auto at = contexts_.find(id);
    if (at == contexts_.end())
      throw cdp_failed{{errc::unavailable, "the session has ended", true, {}}};
    auto found = at->second.targets.find(wanted);
    if (found != at->second.targets.end())
      co_return found->second;
    const auto& gone = at->second.gone;
    if (std::find(gone.begin(), gone.end(), wanted) != gone.end())
      throw cdp_failed{{errc::unavailable,
                        "the page was closed before it could be used",
                        true,
                        {}}};
    // Attached a moment later than made; woken by `heard`.
    auto changed = at->second.changed;
    boost::system::error_code woken;
    co_await changed->async_wait(
        asio::redirect_error(asio::use_awaitable, woken));
  }
}

void chromium::close_context(const std::string& id) {
  auto at = contexts_.find(id);
  if (at == contexts_.end())
    return;
  for (auto& [name, one] : at->second.targets) {
    connection_->hear(one.session, nullptr);
    context_of_.erase(name);
  }
  at->second.changed->cancel();
  contexts_.erase(at);
  connection_->send("", "Target.disposeBrowserContext",
                    {{"browserContextId", id}});
}

pid_t chromium::pid() const noexcept {
  return child_->pid();
}

std::string chromium::last_words() const {
  return child_->last_words();
}

void chromium::stop(error why) {
  connection_->close(std::move(why));
}

void chromium::heard(std::string_view method, json& params) {
  if (method == "Target.attachedToTarget") {
    auto& about = params["targetInfo"];
    auto* where = find(text_of(about, "browserContextId"));
    target what{text_of(about, "targetId"), text_of(params, "sessionId"),
                text_of(about, "type"), text_of(about, "openerId"),
                text_of(about, "url")};
    if (where == nullptr) {
      // Nobody's: the page Chromium opens by itself, or one of a context that
      // is being closed.
      connection_->send("", "Target.closeTarget", {{"targetId", what.id}});
      return;
    }
    where->targets[what.id] = what;
    context_of_[what.id] = text_of(about, "browserContextId");
    auto changed = where->changed;
    if (auto attached = where->events.attached)
      attached(what);
    changed->cancel();
    return;
  }
  auto id = text_of(params, "targetId");
  auto of = context_of_.find(id);
  auto* where = of == context_of_.end() ? nullptr : find(of->second);
  if (where == nullptr)
    return;
  if (method == "Target.detachedFromTarget"
      || method == "Target.targetDestroyed") {
    connection_->hear(where->targets[id].session, nullptr);
    where->targets.erase(id);
    context_of_.erase(of);
    where->gone.push_back(id);
    if (where->gone.size() > gone_max)
      where->gone.pop_front();
    where->changed->cancel();
    if (auto detached = where->events.detached)
      detached(id);
  } else if (method == "Target.targetCrashed") {
    if (auto crashed = where->events.crashed)
      crashed(id);
  }
}

chromium::context* chromium::find(const std::string& id) {
  auto at = contexts_.find(id);
  return at == contexts_.end() ? nullptr : &at->second;
}

} // namespace shannon::browser
