#include "tests/bench/peer_programs.hpp"

#include "actors/workflow/engine/context.hpp"

#include <string>
#include <utility>
#include <vector>

namespace shannon::bench {

namespace {

using workflow::context;
using workflow::durable;

remote::ToolRequest tool(std::string name, std::string arguments) {
  remote::ToolRequest request;
  request.set_tool(std::move(name));
  request.set_arguments_json(std::move(arguments));
  return request;
}

durable<std::string> steps(context ctx, std::string input) {
  auto count = std::stoi(input);
  std::string at = "0";
  for (int i = 0; i < count; ++i) {
    auto next = co_await ctx.step("step", tool("next", at));
    at = next.output();
  }
  co_return at;
}

durable<std::string> fan(context ctx, std::string input) {
  auto count = std::stoi(input);
  std::vector<durable<remote::ToolResult>> parts;
  parts.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) {
    auto number = std::to_string(i);
    parts.push_back(ctx.step("part-" + number, tool("next", number)));
  }
  long sum = 0;
  for (const auto& part : co_await workflow::all(std::move(parts)))
    sum += std::stol(part.output());
  co_return std::to_string(sum);
}

durable<std::string> park(context ctx, std::string input) {
  co_await ctx.signal("go");
  co_await ctx.step("write", tool("write_line", input));
  co_return input;
}

} // namespace

workflow::program program_named(std::string_view name) {
  if (name == "steps")
    return steps;
  if (name == "fan")
    return fan;
  if (name == "park")
    return park;
  return nullptr;
}

} // namespace shannon::bench
