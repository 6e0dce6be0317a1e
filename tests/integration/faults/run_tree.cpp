// W5: what the nodes of a storm can run beside the product's strategies. A task
// whose query begins with `[[tree:DEPTH:WIDTH]]` is a tree of child runs: each
// starts WIDTH others and waits for them all, down to DEPTH below the task;
// those there ask the model. Each gives the number of answers under it.

#include "actors/workflow/engine/context.hpp"
#include "actors/workflow/strategies/task.hpp"
#include "nodes/more_programs.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace shannon::nodes {

namespace {

using workflow::context;
using workflow::durable;

struct branch {
  unsigned below = 0; ///< Runs from here down to those that ask.
  unsigned width = 1;
  std::string question;
};

std::string to_input(const branch& what) {
  return std::to_string(what.below) + " " + std::to_string(what.width) + " "
         + what.question;
}

branch read_input(const std::string& input) {
  branch what;
  std::istringstream text{input};
  text >> what.below >> what.width >> std::ws;
  std::getline(text, what.question, '\0');
  return what;
}

std::optional<branch> find_tree(const std::string& query) {
  constexpr std::string_view mark = "[[tree:";
  if (!query.starts_with(mark))
    return std::nullopt;
  branch what;
  char colon = 0;
  std::istringstream text{query.substr(mark.size())};
  text >> what.below >> colon >> what.width;
  what.question = query;
  return what;
}

durable<std::string> grow(context ctx, branch what) {
  if (what.below == 0) {
    remote::LlmRequest request;
    request.set_purpose("leaf");
    auto& message = *request.add_messages();
    message.set_role(remote::ChatMessage::USER);
    message.set_text(what.question);
    auto asked = ctx.step("leaf", std::move(request));
    co_await asked;
    co_return "1";
  }
  std::vector<durable<remote::ChildResult>> branches;
  for (unsigned i = 0; i < what.width; ++i) {
    remote::ChildRun run;
    run.set_program("branch");
    run.set_input(to_input({what.below - 1, what.width, what.question}));
    run.set_parent_close(remote::PARENT_CLOSE_CANCEL);
    branches.push_back(
        ctx.child("branch-" + std::to_string(i), std::move(run)));
  }
  auto together = workflow::all(std::move(branches));
  auto ended = co_await together;
  int leaves = 0;
  for (const auto& one : ended)
    leaves += std::stoi(one.output());
  co_return std::to_string(leaves);
}

durable<std::string> run_branch(context ctx, std::string input) {
  auto grown = grow(ctx, read_input(input));
  co_return co_await grown;
}

durable<std::string> run_any_task(context ctx, std::string input,
                                  workflow::task_options options) {
  remote::TaskInput task;
  task.ParseFromString(input);
  auto tree = find_tree(task.query());
  if (!tree) {
    auto usual = workflow::run_task(ctx, std::move(input), options);
    co_return co_await usual;
  }
  auto grown = grow(ctx, std::move(*tree));
  remote::AgentReport report;
  report.set_success(true);
  report.set_text(co_await grown);
  co_return report.SerializeAsString();
}

} // namespace

std::map<std::string, workflow::program, std::less<>>
more_programs(const config::run_settings& settings) {
  workflow::task_options options{settings.agents_max, settings.iterations_max};
  return {{"branch", run_branch},
          {"task", [options](context ctx, std::string input) {
             return run_any_task(std::move(ctx), std::move(input), options);
           }}};
}

} // namespace shannon::nodes
