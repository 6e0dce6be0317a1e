#pragma once

#include "actors/workflow/engine/context.hpp"

#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace shannon::workflow {

/// What takes a step back that has been done.
using undo_step = std::function<durable<nothing>(context ctx)>;

class saga;

/// Runs `body`. When it fails or is cancelled, what it has done is taken back:
/// each undo in its turn, the last first, behind a shield of `limit`, so that
/// it runs although the run is being cancelled. An undo that fails keeps none
/// of the others from running. Then the failure is rethrown, with the undos
/// that failed named in its text.
template <class T>
durable<T>
compensated(context ctx, std::function<durable<T>(context, saga&)> body,
            std::chrono::microseconds limit = std::chrono::minutes{5});

/// What has been done so far, and how to take it back.
class saga {
public:
  /// `key` names the scope of its undo.
  void done(std::string key, undo_step undo) {
    undo_.push_back({std::move(key), std::move(undo)});
  }

  /// The last that is still to be taken back; nothing when there is none.
  std::optional<std::pair<std::string, undo_step>> take_last() {
    if (undo_.empty())
      return std::nullopt;
    auto last = std::move(undo_.back());
    undo_.pop_back();
    return last;
  }

private:
  std::vector<std::pair<std::string, undo_step>> undo_;
};

template <class T>
durable<T>
compensated(context ctx, std::function<durable<T>(context, saga&)> body,
            std::chrono::microseconds limit) {
  saga so_far;
  error why{errc::failed, {}, false, std::nullopt};
  try {
    auto running = body(ctx, so_far);
    T value = co_await running;
    co_return value;
  } catch (const step_failed& thrown) {
    why = thrown.why();
  } catch (const std::exception& thrown) {
    why.text = thrown.what();
  }
  auto safe = ctx.shielded(limit);
  while (auto last = so_far.take_last()) {
    auto& [key, undo] = *last;
    try {
      auto undoing = undo(safe.scope("undo." + key));
      co_await undoing;
    } catch (const step_failed& thrown) {
      why.text += "; not undone: " + key + ": " + thrown.why().text;
    }
  }
  throw step_failed{std::move(why)};
}

} // namespace shannon::workflow
