#pragma once

#include "actors/workflow/engine/durable.hpp"
#include "actors/workflow/engine/operation.hpp"
#include "actors/workflow/engine/run.hpp"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/workflow.pb.h"

#include <algorithm>
#include <chrono>
#include <coroutine>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::workflow {

/// Which role carries an effect out, and what it gives. `identity` is the part
/// of the input that a replay must ask for again, else the run is parked: the
/// task itself, not the wording or the model a newer build would choose.
/// `outlives`: the effect goes on when the process of its run dies.
template <class Effect>
struct effect_traits;

template <>
struct effect_traits<remote::LlmRequest> {
  using output = remote::LlmResponse;
  static constexpr std::string_view kind = "llm";
  static std::string identity(const remote::LlmRequest& request);
};

template <>
struct effect_traits<remote::ToolRequest> {
  using output = remote::ToolResult;
  static constexpr std::string_view kind = "tool";
  static std::string identity(const remote::ToolRequest& request);
};

template <>
struct effect_traits<remote::ListTools> {
  using output = remote::ToolList;
  static constexpr std::string_view kind = "tools";
  static std::string identity(const remote::ListTools&) {
    return {};
  }
};

template <>
struct effect_traits<remote::AgentBrief> {
  using output = remote::AgentReport;
  static constexpr std::string_view kind = "agent";
  static constexpr bool outlives = true;
  static std::string identity(const remote::AgentBrief& brief);
};

template <>
struct effect_traits<remote::ChildRun> {
  using output = remote::ChildResult;
  static constexpr std::string_view kind = "child";
  static std::string identity(const remote::ChildRun& wish) {
    return wish.program() + '\n' + wish.input();
  }
};

/// What a strategy may do with the world. A small value: copies share the run;
/// each holds one scope path. Everything here is recorded under
/// `scope/key#occurrence` and given back on replay.
class context {
public:
  context(durable_run& run, std::string scope)
      : run_(&run), scope_(std::move(scope)) {}

  /// The same run, one scope deeper. Parallel branches each need their own, so
  /// that their steps keep their places whatever order they end in.
  context scope(std::string_view name) const {
    return {*run_, scope_.empty() ? std::string{name}
                                  : scope_ + "." + std::string{name}};
  }

  /// One effect, recorded once: starts at once, gives the recorded output.
  /// Throws step_failed when it failed for good.
  template <class Effect>
  durable<typename effect_traits<Effect>::output>
  step(std::string key, Effect effect, step_options options = {}) {
    return run_step<Effect>(*run_, run_->place(scope_, key),
                            std::make_shared<const Effect>(std::move(effect)),
                            std::move(options));
  }

  /// Waits until `delay` after the moment it was first asked. Survives
  /// restarts; resolution is the shell's.
  durable<nothing> sleep(std::string key, std::chrono::microseconds delay) {
    return run_sleep(*run_, run_->place(scope_, key), delay);
  }

  /// The next signal of this name, in the order they were recorded.
  durable<std::string> signal(std::string name) {
    return run_signal(*run_, run_->place(scope_, "signal." + name), name);
  }

  /// Tells clients something, once.
  void publish(std::string_view key, facts::Event event) {
    run_->note(run_->place(scope_, key), std::move(event),
               [] { return std::string{}; });
  }

  /// Wall clock, microseconds since 1970, as it was when first asked.
  std::int64_t now_us(std::string_view key);

  bool cancelling() const noexcept {
    return run_->cancelling();
  }
  const facts::Usage& usage() const noexcept {
    return run_->usage();
  }

private:
  template <class Effect>
  static durable<typename effect_traits<Effect>::output>
  run_step(durable_run& run, facts::StepId id,
           std::shared_ptr<const Effect> effect, step_options options) {
    operation op{run, operation::kind::effect, std::move(id)};
    op.effect = std::string{effect_traits<Effect>::kind};
    op.identity = effect_traits<Effect>::identity(*effect);
    op.input = std::move(effect);
    op.outlives = requires { effect_traits<Effect>::outlives; };
    op.options = std::move(options);
    std::string bytes = co_await op;
    typename effect_traits<Effect>::output output;
    if (!output.ParseFromString(bytes))
      throw step_failed{{errc::failed,
                         "recorded output of this step cannot be read", false,
                         std::nullopt}};
    co_return output;
  }

  static durable<nothing> run_sleep(durable_run& run, facts::StepId id,
                                    std::chrono::microseconds delay);
  static durable<std::string> run_signal(durable_run& run, facts::StepId id,
                                         std::string name);

  durable_run* run_;
  std::string scope_;
};

/// All results, in the order of the parts. They run side by side. If one
/// fails, its failure is rethrown and the parts after it are given up.
template <class T>
durable<std::vector<T>> all(std::vector<durable<T>> parts) {
  std::vector<T> results;
  results.reserve(parts.size());
  for (auto& part : parts)
    results.push_back(co_await part);
  co_return results;
}

/// Which part was first, and what it gave.
template <class T>
struct winner {
  std::size_t index = 0;
  T value;
};

/// The first part that ends; the others are given up, and what they wait for
/// is stopped. A part that ends by a failure is first too: it is rethrown.
template <class T>
durable<winner<T>> race(std::vector<durable<T>> parts) {
  struct first_done {
    std::vector<durable<T>>& parts;
    bool await_ready() const noexcept {
      return std::any_of(parts.begin(), parts.end(),
                         [](const auto& part) { return part.done(); });
    }
    void await_suspend(std::coroutine_handle<> caller) noexcept {
      for (auto& part : parts)
        part.await_suspend(caller);
    }
    void await_resume() const noexcept {}
  };
  first_done first{parts};
  co_await first;
  winner<T> won;
  while (!parts[won.index].done())
    ++won.index;
  auto fastest = std::move(parts[won.index]);
  parts.clear();
  won.value = fastest.take();
  co_return won;
}

} // namespace shannon::workflow
