#include "actors/browser/page/locate.hpp"

#include "actors/kit/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Pages seldom need more than the first two.
constexpr std::array<milliseconds, 6> delays{
    milliseconds{0},   milliseconds{20},  milliseconds{50},
    milliseconds{100}, milliseconds{100}, milliseconds{250}};
/// A page that is busy for so long is not looked at any more.
constexpr milliseconds silence{1'500};
constexpr std::size_t frames_asked_max = 50;
constexpr int depth_max = 10;

std::optional<std::uint64_t> number_in(std::string_view selector) {
  std::uint64_t out = 0;
  if (selector.size() < 2 || selector[0] != '@')
    return {};
  auto* end = selector.data() + selector.size();
  auto [at, wrong] = std::from_chars(selector.data() + 1, end, out);
  if (wrong != std::errc{} || (at != end && *at != ' '))
    return {};
  return out;
}

std::string shown(std::string_view selector) {
  return std::string{kit::utf8_prefix(selector, 120)};
}

/// Why nothing was found, and what might have been meant.
asio::awaitable<std::string> absence(action_call& call, std::string selector) {
  if (number_in(selector))
    co_return shown(selector)
        + " is not on the page any more; call browser_observe for what is";
  auto text = "no element matches '" + shown(selector) + "' within "
              + std::to_string(call.patience_is.count()) + " ms";
  json like;
  try {
    auto until = steady_clock::now() + silence;
    json given{{"selector", selector}};
    like = co_await call.page().in_page(call.page().frames.main().id, "similar",
                                        std::move(given), until);
  } catch (const action_failed&) {
    like = json::array();
  }
  if (like.empty())
    co_return text + "; call browser_observe for what is on the page";
  text += "; " + std::to_string(like.size()) + " similar:";
  for (auto& one : like)
    text += " " + one.get<std::string>() + ",";
  text.pop_back();
  co_return text;
}

/// From a frame's window to the page's. Says why not.
asio::awaitable<std::string> to_page(action_call& call, located& what,
                                     bool must_hit, time_point until) {
  auto page = call.in.current_tab();
  auto id = what.frame;
  for (int depth = 0; depth < depth_max; ++depth) {
    auto* here = page->frames.find(id);
    if (here == nullptr || here->parent.empty())
      co_return "";
    auto parent = here->parent;
    auto place = co_await page->in_page(id, "place", json::object(), until);
    json given{{"index", place}};
    if (must_hit) {
      given["x"] = what.x;
      given["y"] = what.y;
    }
    auto box
        = co_await page->in_page(parent, "frame_box", std::move(given), until);
    if (!box.value("ok", false))
      co_return box.value("why", std::string{"its frame is gone"});
    what.x += box["x"].get<double>();
    what.y += box["y"].get<double>();
    id = std::move(parent);
  }
  co_return "lies in too many frames";
}

} // namespace

std::vector<std::string> frames_for(action_call& call,
                                    const std::string& selector) {
  if (auto number = number_in(selector)) {
    auto* where = call.in.numbers().find(*number);
    if (where == nullptr)
      throw action_failed{shown(selector)
                          + " is no element that was shown; call "
                            "browser_observe for the numbers"};
    if (where->tab != call.page().id())
      throw action_failed{shown(selector)
                          + " is on another tab; call browser_tabs to switch"};
    return {where->frame};
  }
  std::vector<std::string> out;
  for (auto& one : call.page().frames.all())
    if (out.size() < frames_asked_max)
      out.push_back(one.id);
  return out;
}

asio::awaitable<located> locate(action_call& call, std::string selector,
                                needs wanted) {
  auto has = [&](const char* what) {
    return std::find(wanted.begin(), wanted.end(), what) != wanted.end();
  };
  bool hit = has("hit");
  bool place = hit || has("box");
  int tries = 0;
  int covered = 0;
  std::string lacks;
  std::string about;
  for (;; ++tries) {
    auto page = call.in.current_tab();
    if (!page)
      throw action_failed{"the page was closed"};
    auto until = std::max(call.patience, steady_clock::now() + silence);
    bool seen = false;
    for (auto& frame : frames_for(call, selector)) {
      json given{
          {"selector", selector}, {"needs", wanted}, {"attempt", covered}};
      json got;
      try {
        got = co_await page->in_page(frame, "ready", std::move(given), until);
      } catch (const document_gone&) {
        continue;
      }
      if (got.value("ok", false)) {
        located out;
        out.frame = frame;
        out.number = got["number"].get<std::uint64_t>();
        out.about = got["about"].get<std::string>();
        out.secret = got.value("secret", false);
        if (place) {
          out.x = got["x"].get<double>();
          out.y = got["y"].get<double>();
          out.width = got.value("width", 0.0);
          out.height = got.value("height", 0.0);
          lacks = "is in a frame that has changed";
          try {
            lacks = co_await to_page(call, out, hit, until);
          } catch (const document_gone&) {
          }
          if (!lacks.empty()) {
            about = out.about;
            seen = true;
            break;
          }
        }
        co_return out;
      }
      if (got.value("why", "") == "absent")
        continue;
      seen = true;
      lacks = got["why"].get<std::string>();
      about = got.value("about", std::string{});
      if (got.value("final", false))
        throw action_failed{"'" + shown(selector) + "' is " + about + ", which "
                            + lacks};
      covered += lacks.starts_with("is covered") || lacks.starts_with("lies")
                     ? 1
                     : 0;
      break;
    }
    if (!seen)
      lacks.clear();
    auto now = steady_clock::now();
    if (now >= call.patience)
      break;
    auto delay = delays[std::min<std::size_t>(tries, delays.size() - 1)];
    auto next = std::min(now + delay, call.patience);
    co_await pause_until(next);
  }
  if (lacks.empty()) {
    auto why = co_await absence(call, std::move(selector));
    throw action_failed{why};
  }
  throw action_failed{"'" + shown(selector) + "' is " + about + ", which "
                      + lacks + " after "
                      + std::to_string(call.patience_is.count()) + " ms"};
}

} // namespace shannon::browser
