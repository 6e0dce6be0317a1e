#include "tests/simulation/program.hpp"

#include "actors/workflow/engine/saga.hpp"
#include "tests/simulation/chance.hpp"
#include "tests/simulation/effects.hpp"

#include <xxhash.h>

#include <map>
#include <memory>
#include <optional>
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
  explicit drawing(const program_input& input)
      : dice_{input.seed + 7919 * input.turn}, depth_{input.depth} {}

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
    auto roll = dice_.below(depth < 3 ? 22 : 12);
    // Nobody signals a child.
    if (roll < 5 || (depth_ > 0 && (roll == 6 || roll == 7)))
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
    } else if (roll == 10) {
      out.what = part::kind::local;
    } else if (roll == 11) {
      if (depth_ > 1)
        return step();
      out.what = part::kind::child;
      out.key = "child";
      out.detached = dice_.one_in(4);
    } else if (roll < 18) {
      static constexpr part::kind kinds[]
          = {part::kind::all,  part::kind::all, part::kind::race,
             part::kind::race, part::kind::any, part::kind::saga};
      out.what = kinds[roll - 12];
      auto count = dice_.between(2, 4);
      for (std::int64_t i = 0; i < count; ++i)
        out.parts.push_back(out.what == part::kind::saga ? step()
                            : dice_.one_in(2)            ? sequence(depth + 1)
                                                         : any(depth + 1));
    } else {
      static constexpr part::kind kinds[]
          = {part::kind::map, part::kind::patience, part::kind::clean_up,
             part::kind::clean_up};
      out.what = kinds[roll - 18];
      out.delay_us = dice_.magnitude(10'000, 60'000'000);
      out.parts.push_back(sequence(depth + 1));
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
  std::uint32_t depth_;
  std::uint32_t numbers_ = 0;
};

unsigned signals_in(const part& program) {
  unsigned count = program.what == part::kind::signal;
  for (const auto& one : program.parts)
    count += signals_in(one);
  return program.what == part::kind::map ? 3 * count : count;
}

// -- carrying out -------------------------------------------------------------

/// What all branches of one activation share.
struct play {
  program_input input;
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
  } catch (const workflow::step_failed& thrown) {
    if (!what.forgiving || thrown.why().code == errc::cancelled)
      throw;
    at->digest += " " + number + "!";
  }
  at->after = {place};
  co_return nothing{};
}

/// A step that runs although the run, or this branch of it, is cancelled.
durable<nothing> do_undo(play_ptr how, std::uint32_t number, context ctx) {
  effect_order order;
  order.turn = how->turn;
  order.number = 10'000 + number;
  order.clean_up = true;
  remote::ToolRequest request;
  request.set_tool("simulated");
  request.set_arguments_json(to_text(order));
  auto step = ctx.step("undo" + std::to_string(number), std::move(request));
  co_await step;
  co_return nothing{};
}

durable<nothing> do_clean_up(play_ptr how, const part& what, context ctx,
                             branch_ptr at) {
  std::optional<error> failed;
  try {
    auto work = carry_out(how, what.parts.front(), ctx, at);
    co_await work;
  } catch (const workflow::step_failed& thrown) {
    failed = thrown.why();
  }
  if (!failed)
    co_return nothing{};
  try {
    auto undo = do_undo(how, what.number, ctx.shielded());
    co_await undo;
  } catch (const workflow::step_failed&) {
    at->digest += " dirty";
  }
  throw workflow::step_failed{*failed};
}

durable<nothing> do_undoable(play_ptr how, const part& what, context ctx,
                             branch_ptr at, workflow::saga& done) {
  for (const auto& one : what.parts) {
    auto step = do_step(how, one, ctx, at);
    co_await step;
    done.done(std::to_string(one.number), [how, &one](context undo) {
      return do_undo(how, one.number, std::move(undo));
    });
  }
  co_return nothing{};
}

durable<nothing> do_saga(play_ptr how, const part& what, context ctx,
                         branch_ptr at) {
  std::function<durable<nothing>(context, workflow::saga&)> body
      = [how, &what, at](context inside, workflow::saga& done) {
          return do_undoable(how, what, std::move(inside), at, done);
        };
  auto all = workflow::compensated<nothing>(ctx, body);
  co_await all;
  co_return nothing{};
}

/// A branch that is cancelled when its time is over.
durable<nothing> do_patience(play_ptr how, const part& what, context ctx,
                             branch_ptr at) {
  auto name = "p" + std::to_string(what.number);
  auto mine = std::make_shared<branch>();
  mine->scope = at->scope.empty() ? name : at->scope + "." + name;
  mine->after = at->after;
  workflow::cancel_scope branch{ctx.scope(name)};
  auto work = carry_out(how, what.parts.front(), branch.branch(), mine);
  auto place = at->place("patience");
  auto rest = ctx.sleep("patience", std::chrono::microseconds{what.delay_us});
  co_await rest;
  branch.cancel("it takes too long");
  try {
    co_await work;
    at->digest += " <" + mine->digest + ">";
  } catch (const workflow::step_failed&) {
    if (ctx.cancelling())
      throw;
    at->digest += " ~";
  }
  at->after = {place};
  co_return nothing{};
}

durable<nothing> do_map(play_ptr how, const part& what, context ctx,
                        branch_ptr at) {
  auto name = "p" + std::to_string(what.number);
  auto scope = at->scope.empty() ? name : at->scope + "." + name;
  auto work = [how, &what, at, scope](context inside, std::uint32_t item) {
    auto mine = std::make_shared<branch>();
    mine->scope = scope + "." + std::to_string(item);
    return carry_out(how, what.parts.front(), std::move(inside), mine);
  };
  std::vector<std::uint32_t> items{1, 2, 3};
  auto all = workflow::map_bounded(ctx.scope(name), items, 2, work);
  co_await all;
  at->digest += " mapped";
  co_return nothing{};
}

durable<nothing> do_local(play_ptr, const part& what, context ctx,
                          branch_ptr at) {
  auto number = std::to_string(what.number);
  at->digest += " " + std::to_string(ctx.random("chance" + number) % 100);
  auto id = ctx.new_id("id" + number);
  auto local = ctx.local("local" + number, [id] { return id; });
  std::string same = co_await local;
  at->digest += same == id ? " same" : " OTHER";
  ctx.set_attributes({{"at", number}});
  co_return nothing{};
}

durable<nothing> do_child(play_ptr how, const part& what, context ctx,
                          branch_ptr at) {
  auto place = at->place(what.key);
  program_input input;
  input.seed = XXH3_64bits_withSeed(place.data(), place.size(),
                                    how->input.seed + how->turn);
  input.depth = how->input.depth + 1;
  remote::ChildRun wish;
  wish.set_program("simulated");
  wish.set_input(to_text(input));
  // Some are named by their parent, and lie in a shard of their own.
  if (input.seed % 2 == 0)
    wish.set_id("kin-" + std::to_string(input.seed));
  try {
    auto child = what.detached ? ctx.start_child(what.key, std::move(wish))
                               : ctx.child(what.key, std::move(wish));
    remote::ChildResult ended = co_await child;
    at->digest += " child:" + std::to_string(ended.output().size());
  } catch (const workflow::step_failed& thrown) {
    if (thrown.why().code == errc::cancelled)
      throw;
    at->digest += " child!";
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
  if (what.what != part::kind::all) {
    auto first = what.what == part::kind::race
                     ? workflow::race(std::move(parts))
                     : workflow::any(std::move(parts));
    auto won = co_await first;
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
  case part::kind::map: {
    auto map = do_map(how, what, ctx, at);
    co_await map;
    break;
  }
  case part::kind::patience: {
    auto patience = do_patience(how, what, ctx, at);
    co_await patience;
    break;
  }
  case part::kind::clean_up: {
    auto guarded = do_clean_up(how, what, ctx, at);
    co_await guarded;
    break;
  }
  case part::kind::saga: {
    auto saga = do_saga(how, what, ctx, at);
    co_await saga;
    break;
  }
  case part::kind::local: {
    auto local = do_local(how, what, ctx, at);
    co_await local;
    break;
  }
  case part::kind::child: {
    auto child = do_child(how, what, ctx, at);
    co_await child;
    break;
  }
  case part::kind::all:
  case part::kind::any:
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
  how->input = what;
  how->turn = what.turn;
  how->signals_taken = {{"red", what.red}, {"blue", what.blue}};
  how->faults = std::move(faults);
  auto at = std::make_shared<branch>();
  auto run = carry_out(how, whole, ctx, at);
  co_await run;
  if (what.turn + 1 < turns_of(what)) {
    ++what.turn;
    what.red = how->signals_taken["red"];
    what.blue = how->signals_taken["blue"];
    auto again = ctx.continue_as_new(to_text(what));
    co_await again;
  }
  co_return at->digest;
}

} // namespace

std::string to_text(const program_input& input) {
  std::string text;
  for (std::uint64_t number :
       {input.seed, std::uint64_t{input.turn}, std::uint64_t{input.depth},
        input.red, input.blue})
    text += std::to_string(number) + " ";
  return text;
}

program_input input_of(const std::string& text) {
  program_input input;
  std::istringstream in{text};
  in >> input.seed >> input.turn >> input.depth >> input.red >> input.blue;
  return input;
}

part draw_program(const program_input& input) {
  return drawing{input}.sequence(0);
}

std::uint32_t turns_of(const program_input& input) {
  return input.seed % 5 == 0 ? 3 : 1;
}

unsigned signals_of(program_input input) {
  unsigned count = 0;
  for (input.turn = 0; input.turn < turns_of(input); ++input.turn)
    count += signals_in(draw_program(input));
  return count;
}

workflow::program interpreter(program_faults faults) {
  return [faults](context ctx, std::string input) {
    return run_program(faults, std::move(ctx), std::move(input));
  };
}

} // namespace shannon::sim
