#include "tests/bench/peer_programs.hpp"

#include "actors/workflow/engine/context.hpp"

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace shannon::bench {

namespace {

using namespace std::chrono_literals;
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

durable<remote::ChildResult> child(context& ctx, std::string key,
                                   std::string steps) {
  remote::ChildRun wish;
  wish.set_program("steps");
  wish.set_input(std::move(steps));
  return ctx.step(std::move(key), std::move(wish));
}

durable<std::string> fanwf(context ctx, std::string input) {
  auto count = std::stoi(input);
  std::vector<durable<remote::ChildResult>> parts;
  parts.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i)
    parts.push_back(child(ctx, "child-" + std::to_string(i), "1"));
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

durable<std::string> walk(context ctx, std::string input) {
  for (int i = 0; i < 18; ++i)
    co_await ctx.step("step", tool("next", std::to_string(i)));
  co_return co_await park(ctx, input);
}

durable<std::string> mixed(context ctx, std::string input) {
  co_await ctx.step("first", tool("write_keyed", input));
  co_await ctx.sleep("rest", 30ms);
  std::vector<durable<remote::ToolResult>> sides;
  for (auto name : {"left", "middle", "right"})
    sides.push_back(ctx.step(name, tool("write_keyed", input)));
  co_await workflow::all(std::move(sides));
  co_await child(ctx, "child", "3");
  co_await ctx.step("last", tool("write_keyed", input));
  co_return input;
}

} // namespace

workflow::programs peer_programs() {
  return {{"steps", steps}, {"fan", fan},   {"fanwf", fanwf},
          {"park", park},   {"walk", walk}, {"mixed", mixed}};
}

} // namespace shannon::bench
