#include "actors/browser/page/actions.hpp"

#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

struct device {
  const char* name;
  std::uint32_t width;
  std::uint32_t height;
  bool mobile;
};

/// Windows as the reference platform's browser service has them.
constexpr device devices[]{
    {"desktop", 1280, 800, false},
    {"tablet", 768, 1024, true},
    {"mobile", 390, 844, true},
};

/// What this browser says it is, on another machine.
std::string agent_on(std::string agent, bool phone) {
  auto open = agent.find('(');
  auto close = agent.find(')', open);
  if (open == std::string::npos || close == std::string::npos)
    return agent;
  agent.replace(open, close - open + 1, "(Linux; Android 10; K)");
  if (auto at = agent.rfind(" Safari/"); phone && at != std::string::npos)
    agent.insert(at, " Mobile");
  return agent;
}

} // namespace

asio::awaitable<void> do_show_as(action_call& call) {
  auto wanted = call.text("device", "desktop");
  const device* found = nullptr;
  for (const auto& one : devices)
    if (wanted == one.name)
      found = &one;
  if (found == nullptr)
    throw action_failed{"there is no device '" + wanted
                        + "'; there are desktop, tablet and mobile"};
  auto as = call.in.options();
  as.width = found->width;
  as.height = found->height;
  as.mobile = found->mobile;
  if (found->mobile) {
    auto page = call.in.current_tab();
    auto got = co_await page->ask("Browser.getVersion", json::object(),
                                  call.deadline);
    as.user_agent
        = agent_on(got.value("userAgent", std::string{}), wanted == "mobile");
  }
  co_await call.in.adopt(std::move(as));
  call.out.output = "shown as on a " + wanted;
  call.out.metadata["device"] = wanted;
  call.out.metadata["width"] = found->width;
  call.out.metadata["height"] = found->height;
}

} // namespace shannon::browser
