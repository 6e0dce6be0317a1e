#include "actors/browser/page/input.hpp"
#include "actors/browser/page/locate.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// A page may open others while it is acted on; one of them is looked at next.
asio::awaitable<void> follow_new_tab(action_call& call,
                                     std::vector<std::string> before) {
  std::vector<std::shared_ptr<tab>> made;
  for (auto& one : call.in.tabs())
    if (std::find(before.begin(), before.end(), one->id()) == before.end())
      made.push_back(one);
  if (made.size() != 1)
    co_return;
  auto next = made.front();
  co_await next->ready(call.deadline);
  call.in.switch_to(next);
  call.out.output += " (in a new tab)";
  // Its first document is the empty one.
  if (next->url() == "about:blank" || next->url().empty()) {
    auto until = std::min(call.patience, std::chrono::steady_clock::now()
                                             + std::chrono::seconds{2});
    while (next->open() && next->frames.main().documents == 0
           && std::chrono::steady_clock::now() < until)
      co_await next->changed.wait(until);
  }
  co_await arrive(call, milestone::dom, call.patience);
}

std::vector<std::string> ids_of(session& in) {
  std::vector<std::string> out;
  for (auto& one : in.tabs())
    out.push_back(one->id());
  return out;
}

bool has_point(const action_call& call) {
  return call.has("x") && call.has("y");
}

} // namespace

asio::awaitable<void> do_click(action_call& call) {
  press_of_mouse how;
  how.button = call.text("button", "left");
  how.count = call.given.value("click_count", 1);
  auto before = ids_of(call.in);
  std::string what;
  if (call.has("selector")) {
    needs wanted{"visible", "stable", "enabled", "hit"};
    auto found
        = co_await locate(call, call.text("selector"), std::move(wanted));
    how.x = found.x;
    how.y = found.y;
    what = found.name();
  } else if (has_point(call)) {
    how.x = call.given["x"].get<double>();
    how.y = call.given["y"].get<double>();
    what = "the point " + std::to_string(static_cast<int>(how.x)) + ", "
           + std::to_string(static_cast<int>(how.y));
  } else {
    throw action_failed{"click needs a selector, or x and y"};
  }
  call.out.output = "clicked " + what;
  auto page = call.in.current_tab();
  try {
    co_await click_mouse(call, how);
  } catch (const page_silent&) {
    throw;
  } catch (const action_failed&) {
    // A page that closes itself when clicked has been clicked.
    if (page->open() || page->has_crashed())
      throw;
    co_return;
  }
  co_await follow_new_tab(call, std::move(before));
  co_await settle(call);
}

asio::awaitable<void> do_hover(action_call& call) {
  needs wanted{"visible", "stable", "hit"};
  auto found = co_await locate(call, call.text("selector"), std::move(wanted));
  co_await move_mouse(call, found.x, found.y);
  call.out.output = "the pointer is over " + found.name();
  co_await settle(call);
}

asio::awaitable<void> do_scroll(action_call& call) {
  json how = json::object();
  std::string frame = call.page().frames.main().id;
  std::string what = "the page";
  if (call.has("selector")) {
    needs wanted{"visible", "scroll"};
    auto found
        = co_await locate(call, call.text("selector"), std::move(wanted));
    frame = found.frame;
    how["number"] = found.number;
    what = found.name();
  }
  auto direction = call.text("direction");
  for (const char* key : {"x", "y"})
    if (call.has(key))
      how[key] = call.given[key];
  auto page = call.in.current_tab();
  if (!direction.empty()) {
    auto pages = call.given.value("pages", 1.0);
    bool across = direction == "left" || direction == "right";
    double size = across ? call.in.options().width : call.in.options().height;
    auto by = size * 0.9 * pages
              * (direction == "up" || direction == "left" ? -1 : 1);
    how[across ? "dx" : "dy"] = by;
  }
  auto place = co_await page->in_page(std::move(frame), "scroll_page",
                                      std::move(how), call.patience);
  call.out.metadata["scroll"] = place;
  auto y = place.value("y", 0);
  auto rest = place.value("height", 0) - place.value("window", 0) - y;
  call.out.output = "scrolled " + what + ": " + std::to_string(y)
                    + " pixels are above, " + std::to_string(std::max(rest, 0))
                    + " below";
}

} // namespace shannon::browser
