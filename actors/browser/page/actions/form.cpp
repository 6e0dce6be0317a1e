#include "actors/browser/page/input.hpp"
#include "actors/browser/page/locate.hpp"
#include "actors/kit/text.hpp"

#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// The text itself is never repeated: it may be a password.
std::string characters(std::string_view text) {
  std::size_t count = 0;
  for (char c : text)
    count += (static_cast<unsigned char>(c) & 0xC0U) != 0x80U ? 1 : 0;
  return std::to_string(count) + " character" + (count == 1 ? "" : "s");
}

asio::awaitable<void> submit_if_asked(action_call& call) {
  if (!call.given.value("submit", false))
    co_return;
  auto enter = parse_chord("Enter");
  co_await press_keys(call, *enter);
  call.out.output += " and pressed Enter";
}

} // namespace

asio::awaitable<void> do_type(action_call& call) {
  auto text = call.text("text");
  auto page = call.in.current_tab();
  std::string where = "where the focus was";
  if (call.has("selector")) {
    needs wanted{"visible", "enabled", "editable"};
    auto found
        = co_await locate(call, call.text("selector"), std::move(wanted));
    where = "into " + found.name();
    json which{{"number", found.number}};
    co_await page->in_page(found.frame, "focus", std::move(which),
                           call.patience);
  }
  call.out.output = "typed " + characters(text) + " " + where;
  co_await type_text(call, std::move(text));
  co_await submit_if_asked(call);
  co_await settle(call);
}

asio::awaitable<void> do_fill(action_call& call) {
  auto text = call.text("text");
  auto page = call.in.current_tab();
  needs wanted{"visible", "enabled", "editable"};
  auto found = co_await locate(call, call.text("selector"), std::move(wanted));
  json how{{"number", found.number}, {"text", text}};
  auto way = co_await page->in_page(found.frame, "begin_fill", std::move(how),
                                    call.patience);
  call.out.output = "filled " + found.name() + " with " + characters(text);
  if (way == "insert") {
    co_await insert_text(call, std::move(text));
  } else if (way == "delete") {
    auto erase = parse_chord("Delete");
    co_await press_keys(call, *erase);
  }
  if (way != "set") {
    json which{{"number", found.number}};
    co_await page->in_page(found.frame, "end_fill", std::move(which),
                           call.patience);
  }
  co_await submit_if_asked(call);
  co_await settle(call);
}

asio::awaitable<void> do_select(action_call& call) {
  auto page = call.in.current_tab();
  json values = json::array();
  if (call.has("values"))
    values = call.given["values"];
  else if (call.has("text"))
    values.push_back(call.given["text"]);
  else
    throw action_failed{"select needs text, or values: labels of options"};
  needs wanted{"visible", "enabled", "select"};
  auto found = co_await locate(call, call.text("selector"), std::move(wanted));
  json how{{"number", found.number}, {"values", std::move(values)}};
  auto chosen = co_await page->in_page(found.frame, "select_options",
                                       std::move(how), call.patience);
  call.out.output = "selected";
  for (auto& one : chosen)
    call.out.output += " \"" + one.get<std::string>() + "\"";
  call.out.output += " in " + found.name();
  co_await settle(call);
}

asio::awaitable<void> do_press(action_call& call) {
  auto name = call.text("key", call.text("text"));
  auto keys = parse_chord(name);
  if (!keys)
    throw action_failed{
        "'" + std::string{kit::utf8_prefix(name, 40)}
        + "' is no key; keys are Enter, Tab, Escape, Backspace, Delete, Home, "
          "End, PageUp, PageDown, ArrowUp, ArrowDown, ArrowLeft, ArrowRight, "
          "Space, F1 to F12 and characters, with Control+, Shift+, Alt+ or "
          "Meta+ before them"};
  auto page = call.in.current_tab();
  std::string where;
  if (call.has("selector")) {
    needs wanted{"visible", "enabled"};
    auto found
        = co_await locate(call, call.text("selector"), std::move(wanted));
    json which{{"number", found.number}};
    co_await page->in_page(found.frame, "focus", std::move(which),
                           call.patience);
    where = " on " + found.name();
  }
  call.out.output = "pressed " + name + where;
  co_await press_keys(call, std::move(*keys));
  co_await settle(call);
}

} // namespace shannon::browser
