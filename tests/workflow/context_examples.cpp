// The parts between `example:` and `end` are quoted in docs/context.md word
// for word; docs_test says when they are not.

#include "tests/workflow/context_examples.hpp"

#include <chrono>
#include <utility>
#include <vector>

namespace shannon::workflow::examples {

using namespace std::chrono_literals;

remote::ToolRequest tool(std::string name, std::string arguments) {
  remote::ToolRequest request;
  request.set_tool(std::move(name));
  request.set_arguments_json(std::move(arguments));
  return request;
}

namespace {

remote::ChildRun run_of(std::string name, std::string input) {
  remote::ChildRun wish;
  wish.set_program(std::move(name));
  wish.set_input(std::move(input));
  return wish;
}

// example: step
durable<std::string> fetch(context ctx, std::string url) {
  step_options how;
  how.attempts_max = 4;
  how.backoff_min = 100ms;
  how.backoff_max = 5s;
  how.backoff_factor = 3;
  how.not_retried = {errc::denied};
  how.attempt_timeout = 20s;
  how.total_timeout = 60s;
  auto page = co_await ctx.step("fetch", tool("flaky", url), how);
  co_return page.output();
}
// end

// example: at-most-once
durable<std::string> pay(context ctx, std::string order) {
  step_options once;
  once.at_most_once = true;
  auto receipt = co_await ctx.step("pay", tool("pay", order), once);
  co_return receipt.output();
}
// end

// example: local
durable<std::string> sum(context ctx, std::string numbers) {
  auto total = co_await ctx.local("sum", [&] {
    long all = 0;
    for (char digit : numbers)
      all += digit - '0';
    return std::to_string(all);
  });
  co_return total;
}
// end

// example: all
durable<std::string> both(context ctx, std::string word) {
  std::vector<durable<remote::ToolResult>> parts;
  parts.push_back(ctx.scope("left").step("get", tool("get", word)));
  parts.push_back(ctx.scope("right").step("get", tool("get", word)));
  auto got = co_await all(std::move(parts));
  co_return got[0].output() + got[1].output();
}
// end

// example: race
durable<remote::ToolResult> late(context ctx) {
  co_await ctx.sleep("patience", 10s);
  throw step_failed{{errc::timeout, "nobody answered", false, {}}};
}

durable<std::string> in_time(context ctx, std::string word) {
  std::vector<durable<remote::ToolResult>> parts;
  parts.push_back(ctx.scope("work").step("get", tool("get", word)));
  parts.push_back(late(ctx.scope("limit")));
  auto first = co_await race(std::move(parts));
  co_return first.value.output();
}
// end

// example: any
durable<std::string> mirrors(context ctx, std::string file) {
  std::vector<durable<remote::ToolResult>> parts;
  parts.push_back(ctx.scope("a").step("get", tool("broken", file)));
  parts.push_back(ctx.scope("b").step("get", tool("get", file)));
  auto won = co_await any(std::move(parts));
  co_return std::to_string(won.index) + won.value.output();
}
// end

// example: map
durable<std::string> visit(context ctx, std::string place) {
  auto page = co_await ctx.step("visit", tool("get", place));
  co_return page.output();
}

durable<std::string> tour(context ctx, std::string) {
  std::vector<std::string> places{"rome", "oslo", "lima", "bonn"};
  auto pages = co_await map_bounded(ctx, places, 2, visit);
  std::string text;
  for (const auto& page : pages)
    text += page;
  co_return text;
}
// end

// example: child
durable<std::string> delegate(context ctx, std::string job) {
  auto done = co_await ctx.child("part", run_of("worker", job));
  co_return done.output();
}
// end

// example: detached
durable<std::string> hand_over(context ctx, std::string job) {
  auto wish = run_of("archive", job);
  wish.set_parent_close(remote::PARENT_CLOSE_ABANDON);
  co_await ctx.start_child("archive", wish);
  auto watcher = co_await ctx.start_child("watch", run_of("watcher", job));
  co_return watcher.run();
}
// end

// example: sleep
durable<std::string> remind(context ctx, std::string text) {
  auto now = ctx.now_us("now");
  co_await ctx.sleep("a while", 24h);
  co_await ctx.sleep_until("next week", now + 7 * 24 * 3'600'000'000);
  co_return "remember: " + text;
}
// end

// example: signal
durable<std::string> approval(context ctx, std::string) {
  auto word = co_await ctx.signal("word");
  auto answer = co_await ctx.signal<remote::ToolResult>("decision");
  co_return answer.success() ? "approved: " + word : "refused";
}
// end

// example: query
durable<std::string> count_to(context ctx, std::string) {
  int done = 0;
  auto progress = ctx.on_query("progress", [&](std::string_view) {
    return result<std::string>{std::to_string(done)};
  });
  for (; done < 3; ++done)
    co_await ctx.signal("next");
  co_return "three";
}
// end

// example: values
durable<std::string> lottery(context ctx, std::string) {
  auto id = ctx.new_id("ticket");
  auto number = ctx.random("number") % 49 + 1;
  auto at = ctx.now_us("drawn");
  co_return id + " " + std::to_string(number) + " " + std::to_string(at);
}
// end

// example: branch
durable<std::string> guess(context ctx) {
  std::string left_behind;
  try {
    co_await ctx.step("guess", tool("slow", "guess"));
  } catch (const step_failed& thrown) {
    left_behind = thrown.why().text;
  }
  co_return left_behind;
}

durable<std::string> speculate(context ctx, std::string) {
  auto side = ctx.cancellable();
  auto guessing = guess(side.branch().scope("side"));
  co_await ctx.step("real", tool("get", "answer"));
  side.cancel("the answer is known");
  auto said = co_await guessing;
  co_return said;
}
// end

// example: clean-up
durable<std::string> rent(context ctx, std::string machine) {
  auto rented = co_await ctx.step("rent", tool("rent", machine));
  error why{errc::ok, {}, false, {}};
  try {
    co_await ctx.signal("finished");
  } catch (const step_failed& thrown) {
    why = thrown.why();
  }
  auto safe = ctx.shielded(30s);
  co_await safe.step("return", tool("return", rented.output()));
  if (why.code != errc::ok)
    throw step_failed{why};
  co_return "returned";
}
// end

// example: saga
durable<std::string> book(context ctx, saga& undo) {
  co_await ctx.step("flight", tool("book", "flight"));
  undo.done("flight", [](context c) -> durable<nothing> {
    co_await c.step("cancel", tool("cancel", "flight"));
    co_return nothing{};
  });
  co_await ctx.step("hotel", tool("book", "hotel"));
  undo.done("hotel", [](context c) -> durable<nothing> {
    co_await c.step("cancel", tool("cancel", "hotel"));
    co_return nothing{};
  });
  auto car = co_await ctx.step("car", tool("broken", "car"));
  co_return car.output();
}

durable<std::string> holiday(context ctx, std::string) {
  auto booked = co_await compensated<std::string>(ctx, book);
  co_return booked;
}
// end

// example: anew
durable<std::string> every_day(context ctx, std::string day) {
  auto done = co_await ctx.signal("done");
  if (done == "stop")
    co_return "stopped on day " + day;
  co_await ctx.step("report", tool("report", day));
  co_await ctx.continue_as_new(std::to_string(std::stoi(day) + 1));
  co_return std::string{};
}
// end

// example: attributes
durable<std::string> labelled(context ctx, std::string customer) {
  ctx.set_attributes({{"customer", customer}, {"stage", "new"}});
  co_await ctx.signal("paid");
  ctx.set_attributes({{"customer", customer}, {"stage", "paid"}});
  co_return customer;
}
// end

// example: publish
durable<std::string> talkative(context ctx, std::string) {
  facts::Event event;
  event.set_type("PROGRESS");
  event.set_message("half way there");
  ctx.publish("half", std::move(event));
  co_return "done";
}
// end

std::string decision() {
  remote::ToolResult yes;
  yes.set_success(true);
  return yes.SerializeAsString();
}

struct word {
  std::string name;
  std::string payload;
};

std::vector<word> words_for(const std::string& name) {
  if (name == "signal")
    return {{"decision", decision()}, {"word", "fine"}};
  if (name == "query")
    return {{"next", ""}, {"next", ""}, {"next", ""}};
  if (name == "attributes")
    return {{"paid", ""}};
  if (name == "anew")
    return {{"done", "yes"}, {"done", "yes"}, {"done", "stop"}};
  return {};
}

} // namespace

const std::map<std::string, example>& all_examples() {
  static const std::map<std::string, example> all{
      {"step", {fetch, "page"}},
      {"at-most-once", {pay, "order 1"}},
      {"local", {sum, "1234"}},
      {"all", {both, "x"}},
      {"race", {in_time, "x"}},
      {"any", {mirrors, "file"}},
      {"map", {tour, ""}},
      {"child", {delegate, "job"}},
      {"detached", {hand_over, "job"}},
      {"sleep", {remind, "milk"}},
      {"signal", {approval, ""}},
      {"query", {count_to, ""}},
      {"values", {lottery, ""}},
      {"branch", {speculate, ""}},
      {"clean-up", {rent, "big one"}},
      {"saga", {holiday, ""}},
      {"anew", {every_day, "1"}},
      {"attributes", {labelled, "jo"}},
      {"publish", {talkative, ""}},
  };
  return all;
}

durable_run::effect_outcome answer(const durable_run::effect_start& start) {
  if (const auto* wish
      = dynamic_cast<const remote::ChildRun*>(start.input.get())) {
    remote::ChildResult done;
    done.set_run("run-of-" + wish->program());
    if (!wish->detached())
      done.set_output("<" + wish->input() + ">");
    return {done.SerializeAsString(), {}, {}, 3};
  }
  const auto& request = dynamic_cast<const remote::ToolRequest&>(*start.input);
  if (request.tool() == "broken")
    return {fail(errc::failed, "out of order"), {}, {}, 3};
  if (request.tool() == "flaky" && start.attempt == 1)
    return {fail(errc::unavailable, "busy", true), {}, {}, 3};
  remote::ToolResult out;
  out.set_success(true);
  out.set_output("[" + request.arguments_json() + "]");
  return {out.SerializeAsString(), {}, {}, 3};
}

run_driver world_of(const example& what, run_options options) {
  // Chance that a replay can count on.
  options.entropy = [] { return std::uint64_t{0x1234'5678'9abc'def0}; };
  run_driver world{what.code, answer, std::move(options)};
  world.hangs = [](const durable_run::effect_start& start) {
    const auto* request
        = dynamic_cast<const remote::ToolRequest*>(start.input.get());
    return request && request->tool() == "slow";
  };
  world.begin(what.input);
  return world;
}

bool happen(const std::string& name, run_driver& world) {
  if (name == "clean-up")
    return world.run->cancel("too dear", "user", world.now_us);
  auto words = words_for(name);
  if (world.happened >= words.size())
    return false;
  const auto& next = words[world.happened++];
  return world.run->signal(next.name, std::to_string(world.happened),
                           next.payload, world.now_us)
         != durable_run::signal_outcome::ended;
}

} // namespace shannon::workflow::examples
