#include "actors/browser/page/actions.hpp"
#include "actors/kit/egress/url.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// As long as nothing loads, a page counts as idle.
constexpr milliseconds quiet{500};
/// A link that was followed has to begin to load by then.
constexpr milliseconds asked_patience{500};
/// What became of a navigation that led nowhere is told by then.
constexpr milliseconds told{300};
/// A page that is not busy says by then where it is.
constexpr milliseconds moment{3'000};

std::string where_we_are(tab& page) {
  auto out = "at " + page.url();
  if (!page.title.empty())
    out += " \"" + page.title + "\"";
  if (page.status >= 400)
    out += " (the server answered " + std::to_string(page.status) + ")";
  return out;
}

/// Title and address as they are now, if the page says.
asio::awaitable<void> look(action_call& call, time_point until) {
  auto page = call.in.current_tab();
  try {
    co_await page->in_page(page->frames.main().id, "where", json::object(),
                           until);
  } catch (const document_gone&) {
    // Another document is coming: what events told is as good.
  }
}

std::string failure(const std::string& url, const std::string& why) {
  auto of = [&](std::string_view what) {
    return why.find(what) != std::string::npos;
  };
  std::string said
      = of("NAME_NOT_RESOLVED")    ? "its name is not known"
        : of("CONNECTION_REFUSED") ? "nothing answers there"
        : of("TUNNEL_CONNECTION_FAILED") || of("BLOCKED_BY")
            ? "it must not be reached"
        : of("TOO_MANY_REDIRECTS")  ? "it redirects for ever"
        : of("CERT_") || of("SSL_") ? "its certificate is not valid"
        : of("TIMED_OUT")           ? "it does not answer"
        : of("EMPTY_RESPONSE") || of("CONNECTION_") ? "it broke off"
                                                    : "it cannot be loaded";
  return url + ": " + said + " (" + why + ")";
}

} // namespace

std::string checked_url(const std::string& given) {
  auto parsed = kit::parse_url(given);
  if (!parsed) {
    auto colon = given.find(':');
    auto scheme = given.substr(0, std::min<std::size_t>(colon, 40));
    std::transform(scheme.begin(), scheme.end(), scheme.begin(), [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
    });
    if (colon != std::string::npos && scheme != "http" && scheme != "https"
        && scheme.find('.') == std::string::npos)
      throw action_failed{"an address has to begin with http:// or https://, "
                          "and "
                          + std::string{kit::utf8_prefix(scheme, 20)}
                          + ": is refused"};
    throw action_failed{"this is no address that can be loaded: "
                        + parsed.error().text};
  }
  // With its fragment, which the checked form has not: single-page sites route
  // by it.
  auto hash = given.find('#');
  return parsed->text() + (hash == std::string::npos ? "" : given.substr(hash));
}

asio::awaitable<bool> arrive(action_call& call, milestone how_far,
                             time_point until) {
  for (;;) {
    auto page = call.in.current_tab();
    if (!page)
      throw action_failed{"the page was closed while it was loading"};
    if (!page->navigating
        && (page->frames.main().has(how_far) || page->stopped))
      co_return true;
    if (steady_clock::now() >= until)
      co_return false;
    co_await page->changed.wait(until);
  }
}

namespace {

/// If what was done led elsewhere, until that is there.
asio::awaitable<void> arrive_if_led(action_call& call) {
  auto page = call.in.current_tab();
  auto asked = steady_clock::now() + asked_patience;
  while (page && page->open() && page->navigation_asked && !page->navigating
         && steady_clock::now() < asked)
    co_await page->changed.wait(asked);
  if (!page || !page->open() || !page->navigating)
    co_return;
  auto documents = page->frames.main().documents;
  co_await arrive(call, milestone::dom, call.patience);
  // The same document as before: that of a file, which is told apart.
  if (page->frames.main().documents == documents) {
    auto until = steady_clock::now() + told;
    co_await call.in.downloads_changed().wait(until);
  }
}

} // namespace

asio::awaitable<void> settle(action_call& call) {
  // A page tells late that it goes elsewhere, but before it answers what it is
  // asked afterwards.
  constexpr int looks_max = 3;
  for (int i = 0; i < looks_max; ++i) {
    co_await arrive_if_led(call);
    auto page = call.in.current_tab();
    if (!page)
      co_return;
    auto until = steady_clock::now() + moment;
    auto documents = page->frames.main().documents;
    try {
      co_await look(call, until);
    } catch (const page_silent&) {
      // It is busy with what was done to it; the next action sees.
      call.out.output += "\nnote: the page is still busy with it";
      break;
    }
    bool led = page->navigation_asked || page->navigating
               || page->frames.main().documents != documents;
    if (!page->open() || !led)
      break;
  }
  if (auto page = call.in.current_tab())
    call.out.output += "; the page is " + where_we_are(*page);
}

namespace {

/// Waits as `wait_until` says and tells where that led.
asio::awaitable<void> loaded(action_call& call, const std::string& how) {
  bool done = true;
  if (how == "commit") {
    done = co_await arrive(call, milestone::commit, call.patience);
  } else if (how == "domcontentloaded") {
    done = co_await arrive(call, milestone::dom, call.patience);
  } else {
    done = co_await arrive(call, milestone::load, call.patience);
    while (done && how == "networkidle") {
      auto page = call.in.current_tab();
      auto now = steady_clock::now();
      if (!page || page->network.idle_for(quiet, now))
        break;
      done = now < call.patience;
      auto next = call.patience;
      if (page->network.idle())
        next = std::min(next, page->network.idle_at(quiet));
      if (done)
        co_await page->changed.wait(next);
    }
  }
  auto page = call.in.current_tab();
  if (!page)
    throw action_failed{"the page was closed while it was loading"};
  if (!page->refused.empty())
    throw action_failed{page->url() + " must not be reached: " + page->refused};
  auto until = steady_clock::now() + moment;
  co_await look(call, until);
  call.out.output += where_we_are(*page);
  if (page->status > 0)
    call.out.metadata["status"] = page->status;
  call.out.metadata["loaded"] = done && !page->broken;
  if (page->broken)
    call.out.output += "\nnote: it broke off while it was loading";
  if (!done)
    call.out.output += "\nnote: it had not finished loading within "
                       + std::to_string(call.patience_is.count())
                       + " ms; it can be used as it is";
}

/// Back, forward and reload have no answer of their own to wait for.
asio::awaitable<void> through_history(action_call& call, int step) {
  auto page = call.in.current_tab();
  auto history = co_await page->ask("Page.getNavigationHistory", json::object(),
                                    call.patience);
  auto at = history.value("currentIndex", 0) + step;
  auto& entries = history["entries"];
  if (at < 0 || at >= static_cast<int>(entries.size()))
    throw action_failed{step < 0 ? "there is no page to go back to"
                                 : "there is no page to go forward to"};
  auto url = entries[at].value("url", std::string{});
  if (!url.starts_with("http://") && !url.starts_with("https://")
      && url != "about:blank")
    throw action_failed{"the page in that direction must not be loaded again"};
  auto documents = page->frames.main().documents;
  auto before = page->url();
  json to{{"entryId", entries[at]["id"]}};
  page->expect_answer();
  co_await page->ask("Page.navigateToHistoryEntry", std::move(to),
                     call.patience);
  while (page->open() && page->frames.main().documents == documents
         && page->url() == before && steady_clock::now() < call.patience)
    co_await page->changed.wait(call.patience);
  co_await loaded(call, "load");
}

} // namespace

asio::awaitable<void> do_navigate(action_call& call) {
  auto url = checked_url(call.text("url"));
  auto how = call.text("wait_until", "load");
  // What holds a page may hold its renderer still: the next gets another.
  if (call.page().silent)
    co_await call.in.renew_tab(call.deadline);
  auto page = call.in.current_tab();
  page->expect_answer();
  json answer;
  bool silent = false;
  try {
    json to{{"url", url}};
    answer = co_await page->ask("Page.navigate", std::move(to), call.patience);
  } catch (const page_silent&) {
    silent = true;
  }
  if (silent) {
    page->interrupt();
    throw action_failed{url + " did not answer within "
                        + std::to_string(call.patience_is.count())
                        + " ms; it was given up"};
  }
  if (answer.value("isDownload", false))
    throw action_failed{url
                        + " is a file and no page; browser_download gets it"};
  if (auto why = answer.value("errorText", std::string{}); !why.empty()) {
    // 204 and 205 say that the page shall stay.
    if (why == "net::ERR_ABORTED" && page->status >= 200 && page->status < 300)
      throw action_failed{url + " has no content (the server answered "
                          + std::to_string(page->status) + ")"};
    throw action_failed{failure(url, why)};
  }
  // The event of the new document may be a moment behind its answer.
  auto loader = answer.value("loaderId", std::string{});
  auto documents = page->frames.main().documents;
  while (page->open() && !loader.empty() && page->frames.main().loader != loader
         && page->frames.main().documents == documents
         && steady_clock::now() < call.patience)
    co_await page->changed.wait(call.patience);
  co_await loaded(call, how);
}

asio::awaitable<void> do_back(action_call& call) {
  co_await through_history(call, -1);
}

asio::awaitable<void> do_forward(action_call& call) {
  co_await through_history(call, 1);
}

asio::awaitable<void> do_reload(action_call& call) {
  auto page = call.in.current_tab();
  auto documents = page->frames.main().documents;
  page->expect_answer();
  co_await page->ask("Page.reload", json::object(), call.patience);
  while (page->open() && page->frames.main().documents == documents
         && steady_clock::now() < call.patience)
    co_await page->changed.wait(call.patience);
  co_await loaded(call, "load");
}

} // namespace shannon::browser
