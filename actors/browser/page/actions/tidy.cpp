#include "actors/browser/page/drawing.hpp"
#include "actors/browser/page/input.hpp"
#include "actors/browser/page/locate.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

namespace {

/// Pages that put up another overlay for each that goes have more.
constexpr int overlays_max = 5;
constexpr milliseconds click_patience{1'000};
/// It is animated away by then.
constexpr milliseconds goes_within{1'000};
constexpr milliseconds look_every{100};
/// Of windows scrolled through; an endless page has more.
constexpr int windows_max = 20;
constexpr milliseconds window_pause{100};
/// What scrolling asked for has come by then.
constexpr milliseconds quiet{300};
constexpr milliseconds load_patience{3'000};

asio::awaitable<json> overlays(action_call& call) {
  auto page = call.in.current_tab();
  co_return co_await page->in_page(page->frames.main().id, "overlays",
                                   json::object(), call.deadline);
}

bool lists(const json& all, const json& number) {
  return std::any_of(all.begin(), all.end(),
                     [&](const auto& one) { return one["number"] == number; });
}

/// Clicks its way out. Tells if that has helped.
asio::awaitable<bool> leave(action_call& call, json overlay) {
  auto now = steady_clock::now();
  action_call brief{
      call.in,        call.given,
      call.deadline,  std::min(now + click_patience, call.deadline),
      click_patience, call.out};
  auto way_out = "@" + std::to_string(overlay["way_out"].get<std::uint64_t>());
  try {
    needs wanted{"visible", "enabled", "hit"};
    auto found = co_await locate(brief, std::move(way_out), std::move(wanted));
    press_of_mouse how;
    how.x = found.x;
    how.y = found.y;
    co_await click_mouse(call, how);
  } catch (const page_silent&) {
    throw;
  } catch (const action_failed&) {
    co_return false;
  }
  for (auto until = steady_clock::now() + goes_within;;) {
    co_await arrive(call, milestone::dom, call.patience);
    auto left = co_await overlays(call);
    if (!lists(left, overlay["number"]))
      co_return true;
    if (steady_clock::now() >= until)
      co_return false;
    co_await pause_until(steady_clock::now() + look_every);
  }
}

asio::awaitable<int> answer_overlays(action_call& call, json found) {
  auto page = call.in.current_tab();
  std::set<std::uint64_t> tried;
  int answered = 0;
  while (!found.empty() && answered < overlays_max) {
    auto& one = found.front();
    bool gone = false;
    auto way_out = one["way_out"].get<std::uint64_t>();
    if (way_out != 0 && tried.insert(way_out).second)
      gone = co_await leave(call, one);
    if (!gone) {
      json which{{"number", one["number"]}};
      co_await page->in_page(page->frames.main().id, "hide_overlay",
                             std::move(which), call.deadline);
    }
    ++answered;
    found = co_await overlays(call);
  }
  co_return answered;
}

/// To its end and back, so that what is loaded when it is seen is loaded.
asio::awaitable<int> scroll_through(action_call& call) {
  auto page = call.in.current_tab();
  auto frame = page->frames.main().id;
  int windows = 0;
  double last = -1;
  while (windows < windows_max) {
    json down{{"dy", call.in.options().height * 0.9}};
    auto at = co_await page->in_page(frame, "scroll_page", std::move(down),
                                     call.deadline);
    auto y = at.value("y", 0.0);
    if (y <= last)
      break;
    last = y;
    ++windows;
    co_await pause_until(steady_clock::now() + window_pause);
  }
  json top{{"x", 0}, {"y", 0}};
  co_await page->in_page(frame, "scroll_page", std::move(top), call.deadline);
  auto until = std::min(steady_clock::now() + load_patience, call.deadline);
  while (page->open() && !page->network.idle_for(quiet, steady_clock::now())
         && steady_clock::now() < until) {
    auto next = until;
    if (page->network.idle())
      next = std::min(next, page->network.idle_at(quiet));
    co_await page->changed.wait(next);
  }
  co_return windows;
}

} // namespace

asio::awaitable<void> do_tidy(action_call& call) {
  auto found = co_await overlays(call);
  call.out.metadata["popup_detected"] = !found.empty();
  int answered = 0;
  if (!found.empty()) {
    area window;
    window.window = true;
    auto limit = call.in.options().screenshot_bytes_max;
    std::string format = "png";
    auto image = co_await draw(call, window, std::move(format), limit);
    if (image.bytes.size() <= limit)
      call.out.attachments.push_back(
          {call.in.file_name("popup", image.ending()), "image/" + image.format,
           std::move(image.bytes)});
    answered = co_await answer_overlays(call, std::move(found));
  }
  call.out.metadata["popups_dismissed"] = answered;
  call.out.output = std::to_string(answered) + " overlay(s) were answered";
  if (call.given.value("scroll_through", false)) {
    auto windows = co_await scroll_through(call);
    call.out.metadata["windows"] = windows;
  }
}

} // namespace shannon::browser
