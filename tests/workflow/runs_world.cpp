#include "tests/workflow/runs_world.hpp"

#include "actors/workflow/engine/context.hpp"

#include <memory>

namespace shannon::test {

using workflow::context;
using workflow::durable;

namespace {

durable<std::string> echo(context, std::string input) {
  co_return input;
}

/// Gives what the signal `go` carries.
durable<std::string> wait_for_go(context ctx, std::string input) {
  co_return input + co_await ctx.signal("go");
}

durable<std::string> sleep_an_hour(context ctx, std::string input) {
  co_await ctx.sleep("nap", 1h);
  co_return input;
}

durable<std::string> tool_call(context ctx, std::string input) {
  remote::ToolRequest request;
  request.set_tool("calculator");
  request.set_arguments_json("{}");
  auto got = co_await ctx.step("tool", request);
  co_return input + got.output();
}

durable<std::string> failing(context, std::string input) {
  throw workflow::step_failed{{errc::failed, input, false, std::nullopt}};
  co_return input;
}

remote::ChildRun child(const std::string& program, const std::string& input) {
  remote::ChildRun wish;
  wish.set_program(program);
  wish.set_input(input);
  return wish;
}

/// Runs the program that its input names, in a child.
durable<std::string> one_child(context ctx, std::string input) {
  auto got = co_await ctx.step("child", child(input, "x"));
  co_return got.output();
}

/// Three children side by side; they give a line each.
durable<std::string> three_children(context ctx, std::string input) {
  std::vector<durable<remote::ChildResult>> parts;
  for (int i = 0; i < 3; ++i)
    parts.push_back(ctx.step("part", child(input, std::to_string(i))));
  std::string all;
  for (auto& part : parts)
    all += (co_await part).output() + ";";
  co_return all;
}

durable<std::string> detached_child(context ctx, std::string input) {
  auto wish = child(input, "x");
  wish.set_id("loose");
  wish.set_detached(true);
  wish.set_parent_close(remote::PARENT_CLOSE_ABANDON);
  auto got = co_await ctx.step("child", wish);
  co_return got.run();
}

durable<std::string> detached_and_bound(context ctx, std::string input) {
  auto wish = child(input, "x");
  wish.set_id("bound");
  wish.set_detached(true);
  auto got = co_await ctx.step("child", wish);
  co_return got.run();
}

durable<std::string> child_that_stays(context ctx, std::string input) {
  auto wish = child(input, "x");
  wish.set_id("stays");
  wish.set_parent_close(remote::PARENT_CLOSE_ABANDON);
  auto got = co_await ctx.step("child", wish);
  co_return got.output();
}

/// Starts a child that waits, and gives it up at the signal `go`.
durable<std::string> giving_up(context ctx, std::string input) {
  auto part = ctx.child("part", child("wait", "x"));
  auto word = co_await ctx.signal("go");
  part.reset();
  if (word == "nap")
    co_await ctx.sleep("nap", 1h);
  if (word == "wait")
    co_await ctx.signal("end");
  co_return input;
}

/// The same agent in each of two turns.
durable<std::string> agent_each_turn(context ctx, std::string input) {
  remote::AgentBrief brief;
  brief.set_name("agent-1");
  brief.set_task("work");
  brief.set_query("what is it?");
  brief.set_iterations_max(8);
  brief.set_conversation_bytes_max(512 * 1024);
  auto report = co_await ctx.step("agent", brief);
  if (input == "1")
    co_await ctx.continue_as_new("2");
  co_return report.text();
}

/// Answers `seen` with the signals it has taken.
durable<std::string> count_signals(context ctx, std::string input) {
  int seen = 0;
  auto query
      = ctx.on_query("seen", [&seen](std::string_view) -> result<std::string> {
          return std::to_string(seen);
        });
  while (co_await ctx.signal("go") != "stop")
    ++seen;
  co_return input;
}

} // namespace

workflow::programs programs_of_runs() {
  return {{"echo", echo},
          {"wait", wait_for_go},
          {"nap", sleep_an_hour},
          {"tool", tool_call},
          {"failing", failing},
          {"count", count_signals},
          {"one_child", one_child},
          {"giving_up", giving_up},
          {"agent_each_turn", agent_each_turn},
          {"three_children", three_children},
          {"detached_child", detached_child},
          {"detached_and_bound", detached_and_bound},
          {"child_that_stays", child_that_stays}};
}

} // namespace shannon::test
