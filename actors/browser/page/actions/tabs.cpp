#include "actors/browser/page/actions.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

std::shared_ptr<tab> tab_asked_for(action_call& call) {
  auto number = call.given.value("tab", 0);
  auto& all = call.in.tabs();
  if (number < 1 || number > static_cast<int>(all.size()))
    throw action_failed{"there is no tab " + std::to_string(number)
                        + "; there are 1 to " + std::to_string(all.size())};
  return all[static_cast<std::size_t>(number) - 1];
}

void list(action_call& call) {
  json all = json::array();
  int number = 0;
  for (auto& one : call.in.tabs()) {
    if (++number > 1)
      call.out.output += "\n";
    bool here = one == call.in.current_tab();
    call.out.output += std::to_string(number) + (here ? " (current) " : " ")
                       + one->url()
                       + (one->title.empty() ? "" : " \"" + one->title + "\"");
    all.push_back(
        {{"url", one->url()}, {"title", one->title}, {"current", here}});
  }
  call.out.metadata["open"] = std::move(all);
}

/// Gone when Chromium says so.
asio::awaitable<void> shut(action_call& call, std::shared_ptr<tab> what) {
  what->close();
  while (what->open()) {
    if (std::chrono::steady_clock::now() >= call.deadline)
      throw page_silent{"the tab does not close"};
    co_await what->changed.wait(call.deadline);
  }
}

} // namespace

asio::awaitable<void> do_tabs(action_call& call) {
  auto how = call.text("tab_action", "list");
  if (how == "new") {
    auto url = call.text("url");
    if (!url.empty())
      url = checked_url(url);
    co_await call.in.open_tab(call.deadline);
    if (!url.empty()) {
      co_await do_navigate(call);
      call.out.output += "\n";
    }
  } else if (how == "switch") {
    call.in.switch_to(tab_asked_for(call));
  } else if (how == "close") {
    auto what = tab_asked_for(call);
    if (call.in.tabs().size() == 1)
      throw action_failed{"it is the only tab; navigate it elsewhere, or "
                          "call browser_close to end the session"};
    co_await shut(call, std::move(what));
  } else if (how != "list") {
    throw action_failed{"tab_action is list, new, switch or close"};
  }
  list(call);
}

asio::awaitable<void> do_close(action_call& call) {
  call.out.output = "the browser session is closed";
  call.in.close();
  co_return;
}

} // namespace shannon::browser
