#pragma once

#include "tests/kit/run_driver.hpp"

#include <string>
#include <utility>
#include <vector>

/// What the engine's tests have in common. They link the engine alone: no CAF,
/// no Postgres, no clock.
namespace shannon::workflow {

/// A tool that answers its arguments in brackets; any other effect an empty
/// message.
inline durable_run::effect_outcome
echo(const durable_run::effect_start& start) {
  const auto* request
      = dynamic_cast<const remote::ToolRequest*>(start.input.get());
  if (!request)
    return {std::string{}, {}, {}, 5};
  remote::ToolResult out;
  out.set_success(true);
  out.set_output("[" + request->arguments_json() + "]");
  return {out.SerializeAsString(), {}, {}, 5};
}

inline remote::ToolRequest call(std::string arguments) {
  remote::ToolRequest request;
  request.set_tool("echo");
  request.set_arguments_json(std::move(arguments));
  return request;
}

/// Two steps side by side, a nap, a note, then one that needs them all.
inline durable<std::string> errand(context ctx, std::string input) {
  std::vector<durable<remote::ToolResult>> parts;
  parts.push_back(ctx.scope("left").step("get", call(input + "1")));
  parts.push_back(ctx.scope("right").step("get", call(input + "2")));
  auto got = co_await all(std::move(parts));
  co_await ctx.sleep("nap", std::chrono::seconds{5});
  auto at = ctx.now_us("after-nap");
  auto joined = co_await ctx.step(
      "join", call(got[0].output() + got[1].output() + std::to_string(at)));
  co_return joined.output();
}

inline durable_run::effect_outcome flaky(error why) {
  return {tl::unexpected<error>(std::move(why)), {}, {}, 0};
}

} // namespace shannon::workflow
