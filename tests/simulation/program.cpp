#include "tests/simulation/program.hpp"

#include "tests/simulation/chance.hpp"
#include "tests/simulation/effects.hpp"

#include <map>
#include <memory>
#include <sstream>
#include <utility>
#include <vector>

namespace shannon::sim {

namespace {

using workflow::context;
using workflow::durable;
using workflow::nothing;
// -- drawing ------------------------------------------------------------------

class drawing {
public:
  explicit drawing(std::uint64_t seed) : dice_{seed} {}

  part sequence(int depth) {
    part out;
    out.what = part::kind::sequence;
    out.number = ++numbers_;
    auto count = dice_.between(1, depth == 0 ? 5 : 3);
    for (std::int64_t i = 0; i < count; ++i)
      out.parts.push_back(any(depth + 1));
    return out;
  }

private:
  part any(int depth) {
    auto roll = dice_.below(depth < 3 ? 14 : 10);
    if (roll < 5)
      return step();
    part out;
    out.number = ++numbers_;
    if (roll == 5) {
      out.what = part::kind::sleep;
      out.delay_us = dice_.magnitude(1'000, 7'200'000'000);
      out.key = "sleep";
    } else if (roll == 6 || roll == 7) {
      out.what = part::kind::signal;
      out.key = dice_.one_in(2) ? "red" : "blue";
    } else if (roll == 8) {
      out.what = part::kind::clock;
      out.parts.push_back(step());
      out.parts.push_back(step());
    } else if (roll == 9) {
      out.what = part::kind::publish;
      out.key = "news";
    } else {
      out.what = roll < 12 ? part::kind::all : part::kind::race;
      auto count = dice_.between(2, 4);
      for (std::int64_t i = 0; i < count; ++i)
        out.parts.push_back(dice_.one_in(2) ? sequence(depth + 1)
                                            : any(depth + 1));
    }
    return out;
  }

  part step() {
    part out;
    out.number = ++numbers_;
    // Keys repeat, so that occurrences count.
    static constexpr const char* keys[] = {"ask", "look", "write"};
    out.key = keys[dice_.below(3)];
    out.options.attempts_max = static_cast<std::uint32_t>(dice_.between(1, 5));
    if (dice_.one_in(3))
      out.options.attempt_timeout
          = std::chrono::milliseconds{dice_.spread(50, 30'000)};
    if (dice_.one_in(4))
      out.options.total_timeout
          = std::chrono::milliseconds{dice_.spread(500, 120'000)};
    out.options.at_most_once = dice_.one_in(5);
    out.options.always_blob = dice_.one_in(10);
    out.forgiving = !dice_.one_in(20);
    return out;
  }

  chance dice_;
  std::uint32_t numbers_ = 0;
};

// -- carrying out -------------------------------------------------------------

/// What all branches of one activation share.
struct play {
  std::uint32_t turn = 0;
  program_faults faults;
  std::map<std::string, std::uint64_t> signals_taken;
};

/// Where one branch of a program stands. A branch has a scope of its own, in
/// which its parts follow one another.
struct branch {
  std::string scope;
  std::map<std::string, std::uint32_t> occurrences;
  /// Places of what led here: on disk before anything that follows begins.
  std::vector<std::string> after;
  /// All results so far.
  std::string digest;

  /// The place the engine gives to what is asked next under this key.
  std::string place(const std::string& key) {
    auto number = ++occurrences[key];
    return (scope.empty() ? key : scope + "/" + key) + "#"
           + std::to_string(number);
  }
};

using play_ptr = std::shared_ptr<play>;
using branch_ptr = std::shared_ptr<branch>;

durable<nothing> carry_out(play_ptr how, const part& what, context ctx,
                           branch_ptr at);

durable<nothing> do_step(play_ptr how, const part& what, context ctx,
                         branch_ptr at) {
  effect_order order;
  order.turn = how->turn;
  order.number = what.number;
  order.once = what.options.at_most_once;
  order.after = at->after;
  remote::ToolRequest request;
  request.set_tool("simulated");
  request.set_arguments_json(to_text(order));
  auto place = at->place(what.key);
  auto number = std::to_string(what.number);
  try {
    auto step = ctx.step(what.key, std::move(request), what.options);
    remote::ToolResult result = co_await step;
    auto got = order_of(result.output());
    if (got.turn != order.turn || got.number != order.number)
      how->faults.wrong_outcome(to_text(order), result.output());
    at->digest += " " + number + "=" + result.output().substr(0, 20);
  } catch (const workflow::step_failed&) {
    if (!what.forgiving || ctx.cancelling())
      throw;
    at->digest += " " + number + "!";
  }
  at->after = {place};
  co_return nothing{};
}

durable<nothing> do_sleep(const part& what, context ctx, branch_ptr at) {
  auto place = at->place(what.key);
  auto rest = ctx.sleep(what.key, std::chrono::microseconds{what.delay_us});
  co_await rest;
  at->after = {place};
  co_return nothing{};
}

durable<nothing> do_signal(play_ptr how, const part& what, context ctx,
                           branch_ptr at) {
  auto next = ctx.signal(what.key);
  std::string payload = co_await next;
  // Clients number them, and send one after the other.
  auto& taken = how->signals_taken[what.key];
  auto number = std::stoull(payload);
  if (number != taken + 1)
    how->faults.signal_skipped(what.key, taken + 1, number);
  taken = number;
  at->digest += " " + what.key + payload;
  co_return nothing{};
}

/// Side by side: each part in a scope and a branch of its own.
durable<nothing> do_parts(play_ptr how, const part& what, context ctx,
                          branch_ptr at) {
  std::vector<durable<nothing>> parts;
  std::vector<branch_ptr> branches;
  for (const auto& one : what.parts) {
    auto name = "p" + std::to_string(one.number);
    auto mine = std::make_shared<branch>();
    mine->scope = at->scope.empty() ? name : at->scope + "." + name;
    mine->after = at->after;
    branches.push_back(mine);
    parts.push_back(carry_out(how, one, ctx.scope(name), mine));
  }
  if (what.what == part::kind::race) {
    auto race = workflow::race(std::move(parts));
    auto won = co_await race;
    at->digest += " (" + std::to_string(won.index) + ":"
                  + branches[won.index]->digest + ")";
    at->after = branches[won.index]->after;
    co_return nothing{};
  }
  auto all = workflow::all(std::move(parts));
  co_await all;
  at->after.clear();
  for (const auto& mine : branches) {
    at->digest += " [" + mine->digest + "]";
    at->after.insert(at->after.end(), mine->after.begin(), mine->after.end());
  }
  co_return nothing{};
}

durable<nothing> carry_out(play_ptr how, const part& what, context ctx,
                           branch_ptr at) {
  switch (what.what) {
  case part::kind::step: {
    auto step = do_step(how, what, ctx, at);
    co_await step;
    break;
  }
  case part::kind::sleep: {
    auto rest = do_sleep(what, ctx, at);
    co_await rest;
    break;
  }
  case part::kind::signal: {
    auto next = do_signal(how, what, ctx, at);
    co_await next;
    break;
  }
  case part::kind::clock: {
    auto now = ctx.now_us("clock" + std::to_string(what.number));
    auto way = static_cast<std::size_t>(now / 1000 % 2);
    at->digest += " way" + std::to_string(way);
    auto taken = carry_out(how, what.parts[way], ctx, at);
    co_await taken;
    break;
  }
  case part::kind::publish: {
    facts::Event event;
    event.set_type("NEWS");
    ctx.publish("news" + std::to_string(what.number), std::move(event));
    break;
  }
  case part::kind::sequence:
    for (const auto& one : what.parts) {
      auto next = carry_out(how, one, ctx, at);
      co_await next;
    }
    break;
  case part::kind::all:
  case part::kind::race: {
    auto parts = do_parts(how, what, ctx, at);
    co_await parts;
    break;
  }
  }
  co_return nothing{};
}

durable<std::string> run_program(program_faults faults, context ctx,
                                 std::string input) {
  auto what = input_of(input);
  auto whole = draw_program(what);
  auto how = std::make_shared<play>();
  how->turn = what.turn;
  how->faults = std::move(faults);
  auto at = std::make_shared<branch>();
  auto run = carry_out(how, whole, ctx, at);
  co_await run;
  co_return at->digest;
}

} // namespace

std::string to_text(const program_input& input) {
  return std::to_string(input.seed) + " " + std::to_string(input.turn);
}

program_input input_of(const std::string& text) {
  program_input input;
  std::istringstream in{text};
  in >> input.seed >> input.turn;
  return input;
}

part draw_program(const program_input& input) {
  return drawing{input.seed}.sequence(0);
}

unsigned signals_in(const part& program) {
  unsigned count = program.what == part::kind::signal;
  for (const auto& one : program.parts)
    count += signals_in(one);
  return count;
}

workflow::program interpreter(program_faults faults) {
  return [faults](context ctx, std::string input) {
    return run_program(faults, std::move(ctx), std::move(input));
  };
}

} // namespace shannon::sim
