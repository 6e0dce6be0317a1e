#include "actors/browser/page/input.hpp"

#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// So many characters come as key strokes, the rest of a text in one piece.
constexpr std::size_t strokes_max = 1000;

json key_event(const char* type, const key& what, int modifiers) {
  json out{{"type", type},
           {"key", what.name},
           {"code", what.code},
           {"windowsVirtualKeyCode", what.number},
           {"modifiers", modifiers}};
  if (!what.text.empty() && std::string_view{type} == "keyDown")
    out["text"] = what.text;
  return out;
}

const char* down_of(const key& what) {
  return what.text.empty() ? "rawKeyDown" : "keyDown";
}

int bit_of(std::string_view button) {
  return button == "right" ? 2 : button == "middle" ? 4 : 1;
}

} // namespace

asio::awaitable<void> move_mouse(action_call& call, double x, double y) {
  auto page = call.in.current_tab();
  json event{{"type", "mouseMoved"}, {"x", x}, {"y", y}};
  co_await page->ask("Input.dispatchMouseEvent", std::move(event),
                     call.deadline);
}

asio::awaitable<void> click_mouse(action_call& call, press_of_mouse how) {
  auto page = call.in.current_tab();
  json event{{"x", how.x}, {"y", how.y}, {"modifiers", how.modifiers}};
  event["type"] = "mouseMoved";
  page->send("Input.dispatchMouseEvent", event);
  for (int i = 1; i <= how.count; ++i) {
    event["button"] = how.button;
    event["clickCount"] = i;
    event["buttons"] = bit_of(how.button);
    event["type"] = "mousePressed";
    page->send("Input.dispatchMouseEvent", event);
    event["buttons"] = 0;
    event["type"] = "mouseReleased";
    if (i < how.count)
      page->send("Input.dispatchMouseEvent", event);
  }
  // They are handled in order: the last answers for all.
  co_await page->ask("Input.dispatchMouseEvent", std::move(event),
                     call.deadline);
}

asio::awaitable<void> press_keys(action_call& call, chord keys) {
  auto page = call.in.current_tab();
  for (auto& one : keys.held)
    page->send("Input.dispatchKeyEvent",
               key_event("rawKeyDown", one, keys.modifiers));
  page->send("Input.dispatchKeyEvent",
             key_event(down_of(keys.last), keys.last, keys.modifiers));
  auto up = key_event("keyUp", keys.last, keys.modifiers);
  if (!keys.held.empty()) {
    page->send("Input.dispatchKeyEvent", up);
    for (std::size_t i = keys.held.size() - 1; i > 0; --i)
      page->send("Input.dispatchKeyEvent", key_event("keyUp", keys.held[i], 0));
    up = key_event("keyUp", keys.held[0], 0);
  }
  co_await page->ask("Input.dispatchKeyEvent", std::move(up), call.deadline);
}

asio::awaitable<void> type_text(action_call& call, std::string text) {
  auto page = call.in.current_tab();
  std::string rest;
  auto flush = [&] {
    if (!rest.empty())
      page->send("Input.insertText", {{"text", std::exchange(rest, {})}});
  };
  std::size_t strokes = 0;
  for (char c : text) {
    auto what = c == '\n'   ? find_key("Enter")
                : c == '\t' ? find_key("Tab")
                            : find_key(std::string_view{&c, 1});
    if (!what || ++strokes > strokes_max) {
      rest += c;
      continue;
    }
    flush();
    auto modifiers = what->shift ? 8 : 0;
    page->send("Input.dispatchKeyEvent",
               key_event(down_of(*what), *what, modifiers));
    page->send("Input.dispatchKeyEvent", key_event("keyUp", *what, modifiers));
  }
  co_await insert_text(call, std::move(rest));
}

asio::awaitable<void> insert_text(action_call& call, std::string text) {
  auto page = call.in.current_tab();
  json what{{"text", std::move(text)}};
  co_await page->ask("Input.insertText", std::move(what), call.deadline);
}

} // namespace shannon::browser
