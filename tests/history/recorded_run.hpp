#pragma once

#include "tests/kit/run_driver.hpp"

#include <string>

/// A program with something of everything, and the world it runs in.
namespace shannon::workflow {

using namespace std::chrono_literals;

/// Fails each first attempt; every third answer is too big to stay inline.
class fickle_tool {
public:
  durable_run::effect_outcome
  operator()(const durable_run::effect_start& start) {
    if (start.attempt == 1 && start.key.starts_with("flaky"))
      return {fail(errc::unavailable, "busy", true), {}, {}, 0};
    if (start.key.starts_with("hopeless"))
      return {fail(errc::failed, "no"), {}, {}, 0};
    remote::ToolResult out;
    out.set_success(true);
    out.set_output(std::string(start.key.starts_with("big") ? 20'000 : 5, 'x'));
    return {out.SerializeAsString(), {}, {}, 5};
  }
};

inline remote::ToolRequest call(std::string arguments) {
  remote::ToolRequest request;
  request.set_tool("echo");
  request.set_arguments_json(std::move(arguments));
  return request;
}

inline durable<std::string> everything(context ctx, std::string) {
  step_options limited;
  limited.total_timeout = 100s;
  step_options once;
  once.at_most_once = true;
  co_await ctx.step("flaky", call("1"), limited);
  co_await ctx.step("big", call("2"));
  co_await ctx.sleep("nap", 5s);
  ctx.now_us("now");
  try {
    co_await ctx.step("hopeless", call("3"));
  } catch (const step_failed&) {
    if (ctx.cancelling())
      throw;
  }
  co_await ctx.step("once", call("4"), once);
  co_await ctx.signal("go");
  co_return "done";
}

inline run_options task() {
  run_options options;
  options.ends_stream = true;
  return options;
}

inline facts::Event told() {
  facts::Event event;
  event.set_type("AGENT_THINKING");
  return event;
}

} // namespace shannon::workflow
