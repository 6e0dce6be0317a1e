#include "actors/browser/page/actions.hpp"
#include "actors/browser/page/session.hpp"
#include "actors/kit/egress/url.hpp"

#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

constexpr milliseconds save_timeout{5'000};

bool is_page(const std::string& url) {
  return url.starts_with("http://") || url.starts_with("https://");
}

/// `https://host` or `https://host:port`; empty for what has none.
std::string origin_of(const std::string& url) {
  auto parsed = kit::parse_url(url.substr(0, url.find('#')));
  if (!parsed)
    return "";
  parsed->target = "/";
  auto text = parsed->text();
  text.pop_back();
  return text;
}

/// A cookie as it was told, in the words in which it is set. One of a single
/// host has no domain, or Chromium would give it to subdomains too.
json settable(const json& told) {
  json out;
  for (auto* key : {"name", "value", "path", "secure", "httpOnly", "sameSite"})
    if (told.contains(key))
      out[key] = told[key];
  if (auto expires = told.value("expires", -1.0); expires > 0)
    out["expires"] = expires;
  auto domain = told.value("domain", std::string{});
  if (domain.starts_with('.'))
    out["domain"] = domain;
  else
    out["url"] = (told.value("secure", false) ? "https://" : "http://") + domain
                 + told.value("path", std::string{"/"});
  return out;
}

/// Runs before a page does, in our own world: the page finds its storage as
/// it left it.
std::string storing(const std::map<std::string, json>& due) {
  return "(() => { if (self !== top) return; const mine = ("
         + json(due).dump(-1, ' ', false, json::error_handler_t::replace)
         + ")[location.origin]; if (!mine) return; try {"
           "for (const [k, v] of Object.entries(mine.local ?? {})) "
           "localStorage.setItem(k, v);"
           "for (const [k, v] of Object.entries(mine.session ?? {})) "
           "sessionStorage.setItem(k, v);"
           "} catch {} })()";
}

} // namespace

asio::awaitable<std::string> session::save_state() {
  auto me = self();
  auto until = steady_clock::now() + save_timeout;
  json out{{"v", 1}};
  json whole = json::object();
  auto here = current_;
  if (here && is_page(here->url())) {
    out["url"] = here->url();
    json got;
    try {
      got = co_await here->in_page(here->frames.main().id, "where",
                                   json::object(), until);
    } catch (const action_failed&) {
      // A page that does not answer is loaded again at its top.
    }
    if (got.is_object())
      out["scroll"] = {{"x", got["scroll"]["x"]}, {"y", got["scroll"]["y"]}};
  }
  auto open = tabs_;
  for (auto& one : open) {
    if (!is_page(one->url()))
      continue;
    json got;
    try {
      got = co_await one->in_page(one->frames.main().id, "storage",
                                  json::object(), until);
    } catch (const action_failed&) {
      continue;
    }
    auto origin = got.value("origin", std::string{});
    if (!got["local"].empty() || storage_.contains(origin))
      storage_[origin] = got["local"];
    if (one == here && !got["session"].empty())
      out["session"] = got["session"];
  }
  open_calls calls;
  json whose{{"browserContextId", lease_.id}};
  json cookies = json::array();
  try {
    auto got = co_await calls.ask(in_->connection(), "", "Storage.getCookies",
                                  std::move(whose), until);
    for (auto& one : got["cookies"])
      cookies.push_back(settable(one));
  } catch (const page_silent&) {
    throw cdp_failed{
        {errc::unavailable, "the browser does not answer", true, {}}};
  }
  if (!cookies.empty())
    out["cookies"] = std::move(cookies);
  if (!storage_.empty())
    out["local"] = storage_;
  auto text = [&] {
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
  };
  auto state = text();
  if (state.size() > options_.state_bytes_max) {
    out.erase("local");
    out.erase("session");
    state = text();
  }
  if (state.size() > options_.state_bytes_max) {
    out.erase("cookies");
    state = text();
  }
  co_return state;
}

asio::awaitable<void> session::restore(std::string state) {
  auto me = self();
  auto saved = json::parse(state, nullptr, false);
  if (!saved.is_object() || saved.value("v", 0) != 1)
    throw cdp_failed{{errc::invalid_argument,
                      "this is no state of a browser session",
                      false,
                      {}}};
  auto until = steady_clock::now() + options_.action_timeout;
  co_await have_tab(until);
  if (auto cookies = saved.find("cookies"); cookies != saved.end()) {
    json how{{"browserContextId", lease_.id}, {"cookies", *cookies}};
    open_calls calls;
    // One that Chromium does not take spoils none of the others' use.
    try {
      co_await calls.ask(in_->connection(), "", "Storage.setCookies",
                         std::move(how), until);
    } catch (const action_failed&) {
    }
  }
  auto url = saved.value("url", std::string{});
  storage_.clear();
  storage_due_.clear();
  if (auto local = saved.find("local"); local != saved.end())
    for (auto& [origin, items] : local->items()) {
      storage_[origin] = items;
      storage_due_[origin]["local"] = items;
    }
  if (auto own = saved.find("session"); own != saved.end())
    storage_due_[origin_of(url)]["session"] = *own;
  if (!is_page(url))
    co_return;
  install_storage(*current_);
  json arguments{{"url", url}};
  action_result ignored;
  action_call call{*this,  arguments, until, until, options_.action_timeout,
                   ignored};
  // A page that is gone by now is found so by who looks next.
  try {
    co_await do_navigate(call);
    if (auto scroll = saved.find("scroll"); scroll != saved.end()) {
      auto here = current_;
      co_await here->in_page(here->frames.main().id, "scroll_page", *scroll,
                             until);
    }
  } catch (const action_failed&) {
  }
}

/// Sets what is due when a page of its origin loads in the tab.
void session::install_storage(tab& in) {
  // Without its name the one on its way could not be taken away again.
  if (installing_) {
    install_again_ = true;
    return;
  }
  if (!storage_script_.empty())
    in.send("Page.removeScriptToEvaluateOnNewDocument",
            {{"identifier", std::exchange(storage_script_, {})}});
  if (storage_due_.empty())
    return;
  installing_ = true;
  std::weak_ptr<session> weak = self();
  auto where = in.weak_from_this();
  auto installed = [weak, where](cdp_connection::answer got) {
    auto here = weak.lock();
    if (!here)
      return;
    here->installing_ = false;
    if (got)
      here->storage_script_ = got->value("identifier", std::string{});
    auto page = where.lock();
    if (std::exchange(here->install_again_, false) && page)
      here->install_storage(*page);
  };
  in_->connection().call(
      in.session(), "Page.addScriptToEvaluateOnNewDocument",
      {{"source", storing(storage_due_)}, {"worldName", "shannon"}},
      std::move(installed));
}

/// Each origin is given its storage once: what its pages change later stays.
void session::navigated(tab& what) {
  if (storage_due_.empty() || storage_due_.erase(origin_of(what.url())) == 0)
    return;
  // A navigation is told before the page's first script, with which ours runs:
  // it must not be taken away by then. This makes it run now.
  what.send("Runtime.evaluate", {{"expression", "0"}});
  install_storage(what);
}

} // namespace shannon::browser
