#pragma once

#include "actors/workflow/engine/durable.hpp"

#include <algorithm>
#include <coroutine>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// Several parts of a run at a time. Parts that are given up are destroyed:
/// what they wait for is stopped, in the order of the parts.
namespace shannon::workflow {

/// Waits until a gathering is complete.
struct gathered {
  gathering& group;

  bool await_ready() const noexcept {
    return group.complete();
  }
  void await_suspend(std::coroutine_handle<> caller) noexcept {
    group.caller = caller;
  }
  void await_resume() const noexcept {}
};

template <class T>
void join_all(std::vector<durable<T>>& parts, gathering& group) noexcept {
  group.open = parts.size();
  for (std::size_t i = 0; i < parts.size(); ++i)
    parts[i].join(group, i);
}

/// All results, in the order of the parts. They run side by side. The first
/// that fails, in the order of ending, ends it: its failure is rethrown and
/// the others are given up.
template <class T>
durable<std::vector<T>> all(std::vector<durable<T>> parts) {
  gathering group{gathering::until::all_or_failure};
  join_all(parts, group);
  gathered wait{group};
  co_await wait;
  if (group.decided_by) {
    auto failed = std::move(parts[*group.decided_by]);
    parts.clear();
    failed.take(); // Throws.
  }
  std::vector<T> results;
  results.reserve(parts.size());
  for (auto& part : parts)
    results.push_back(part.take());
  co_return results;
}

/// Which part was first, and what it gave.
template <class T>
struct winner {
  std::size_t index = 0;
  T value;
};

/// The first part that ends; the others are given up. A part that ends by a
/// failure is first too: it is rethrown. At least one part is needed.
template <class T>
durable<winner<T>> race(std::vector<durable<T>> parts) {
  gathering group{gathering::until::first_end};
  join_all(parts, group);
  gathered wait{group};
  co_await wait;
  winner<T> won;
  won.index = group.decided_by.value();
  auto fastest = std::move(parts[won.index]);
  parts.clear();
  won.value = fastest.take();
  co_return won;
}

/// The first part that succeeds; the others are given up. If all fail, the
/// last failure is rethrown. At least one part is needed.
template <class T>
durable<winner<T>> any(std::vector<durable<T>> parts) {
  gathering group{gathering::until::first_success};
  join_all(parts, group);
  gathered wait{group};
  co_await wait;
  winner<T> won;
  won.index = group.decided_by ? *group.decided_by : group.failed.value();
  auto best = std::move(parts[won.index]);
  parts.clear();
  won.value = best.take();
  co_return won;
}

/// What `map_bounded`'s workers share: they take the next item when they have
/// finished one.
template <class Context, class Item, class Result, class Fn>
struct bounded_work {
  Context ctx;
  std::vector<Item> items;
  Fn work;
  std::vector<Result> results;
  std::size_t next = 0;
};

template <class Context, class Item, class Result, class Fn>
durable<nothing>
work_on_items(bounded_work<Context, Item, Result, Fn>& shared) {
  while (shared.next < shared.items.size()) {
    auto i = shared.next++;
    auto done = shared.work(shared.ctx.scope(std::to_string(i + 1)),
                            std::move(shared.items[i]));
    shared.results[i] = co_await done;
  }
  co_return nothing{};
}

/// `work(branch, item)` for each item, at most `n` of them at a time; results
/// in the order of the items. Each item has its own scope, `1` to the number
/// of items, so that it keeps its place whoever takes it. Fails like `all`.
template <class Context, class Item, class Fn>
auto map_bounded(Context ctx, std::vector<Item> items, std::size_t n, Fn work)
    -> durable<std::vector<decltype(work(ctx, std::move(items[0])).take())>> {
  using result_type = decltype(work(ctx, std::move(items[0])).take());
  auto count = items.size();
  bounded_work<Context, Item, result_type, Fn> shared{
      std::move(ctx), std::move(items), std::move(work),
      std::vector<result_type>(count)};
  std::vector<durable<nothing>> workers;
  for (std::size_t i = 0; i < std::min(std::max<std::size_t>(n, 1), count); ++i)
    workers.push_back(work_on_items(shared));
  auto finished = all(std::move(workers));
  co_await finished;
  co_return std::move(shared.results);
}

} // namespace shannon::workflow
