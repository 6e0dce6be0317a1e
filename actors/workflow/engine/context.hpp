#pragma once

#include "actors/workflow/engine/cancellation.hpp"
#include "actors/workflow/engine/durable.hpp"
#include "actors/workflow/engine/effects.hpp"
#include "actors/workflow/engine/gather.hpp"
#include "actors/workflow/engine/operation.hpp"
#include "actors/workflow/engine/run.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace shannon::workflow {

class cancel_scope;

/// Answers a query as long as this lives.
class [[nodiscard]] query_registration {
public:
  query_registration(durable_run& run, std::string name, query_handler answer);
  query_registration(const query_registration&) = delete;
  query_registration& operator=(const query_registration&) = delete;
  ~query_registration();

private:
  durable_run& run_;
  std::string name_;
  query_handler answer_;
};

/// What a strategy may do with the world; docs/context.md shows each by an
/// example. A small value: copies share the run; each holds one scope path.
/// Everything here is recorded under `scope/key#occurrence` and given back on
/// replay.
class context {
public:
  context(durable_run& run, std::string scope)
      : run_(&run), scope_(std::move(scope)) {}

  /// The same run, one scope deeper. Parallel branches each need their own, so
  /// that their steps keep their places whatever order they end in.
  context scope(std::string_view name) const;

  /// Does the log hold anything of the next step of this key? For programs that
  /// ask otherwise than they did: so runs of before keep their course.
  bool has_record(std::string_view key) const;

  // -- steps ------------------------------------------------------------------

  /// One effect, recorded once: starts at once, gives the recorded output.
  /// Throws step_failed when it failed for good.
  template <class Effect>
  durable<typename effect_traits<Effect>::output>
  step(std::string_view key, Effect effect, step_options options = {}) const {
    return run_step<Effect>(*run_, run_->places_.next(scope_, key), cancels_,
                            std::make_shared<const Effect>(std::move(effect)),
                            std::move(options));
  }

  /// A function as a step: called in place once what came before is on disk,
  /// and recorded before anything that rests on it. Gives bytes or a message;
  /// an exception is a failed attempt. Should be short: the run waits.
  template <class Fn>
  durable<std::invoke_result_t<Fn&>> local(std::string_view key, Fn fn,
                                           step_options options = {}) const {
    return run_local<std::invoke_result_t<Fn&>>(
        *run_, run_->places_.next(scope_, key), cancels_, std::move(fn),
        std::move(options));
  }

  /// Another program as a run of its own; gives its result. Given up, or when
  /// this run ends, it is cancelled or goes on as its `parent_close` says.
  durable<remote::ChildResult> child(std::string_view key,
                                     remote::ChildRun run) const;
  /// The same, but done as soon as the child is on disk.
  durable<remote::ChildResult> start_child(std::string_view key,
                                           remote::ChildRun run) const;

  // -- time and signals -------------------------------------------------------

  /// Waits until `delay` after the moment it was first asked. Survives
  /// restarts.
  durable<nothing> sleep(std::string_view key,
                         std::chrono::microseconds delay) const;
  /// Until then, microseconds since 1970; at once if that is past.
  durable<nothing> sleep_until(std::string_view key, std::int64_t at_us) const;

  /// The next signal of this name, in the order they were recorded; those that
  /// nobody waits for are kept.
  durable<std::string> signal(std::string name) const;
  /// The same, read as a message. One that cannot be read is taken and throws.
  template <class Message>
  durable<Message> signal(std::string name) const {
    return read_signal<Message>(signal(std::move(name)));
  }

  // -- values -----------------------------------------------------------------

  /// Wall clock, microseconds since 1970, as it was when first asked.
  std::int64_t now_us(std::string_view key) const;
  /// 64 random bits.
  std::uint64_t random(std::string_view key) const;
  /// An id nothing else has: a random UUID.
  std::string new_id(std::string_view key) const;

  // -- what others see --------------------------------------------------------

  /// Tells clients something, once.
  void publish(std::string_view key, facts::Event event) const;
  /// What lists and searches find the run by; replaces all from before.
  void set_attributes(std::map<std::string, std::string> attributes) const;
  /// `answer` serves queries of this name from the live state, as long as what
  /// is returned lives. It may refer to the coroutine's variables.
  query_registration on_query(std::string name, query_handler answer) const {
    return {*run_, std::move(name), std::move(answer)};
  }

  // -- cancelling -------------------------------------------------------------

  bool cancelling() const noexcept {
    return run_->cancelling();
  }
  /// A branch that can be cancelled by itself.
  cancel_scope cancellable() const;
  /// A branch that no cancel from outside reaches: for clean-up. Once the run
  /// is being cancelled it has `limit` in all; then it is cancelled with
  /// `timeout`. 0 for no limit.
  context shielded(std::chrono::microseconds limit
                   = std::chrono::seconds{30}) const;

  // -- anew -------------------------------------------------------------------

  /// Ends this turn: the program begins again with `input` in the same log,
  /// and nothing recorded before is needed any more. Signals that were not
  /// taken, attributes and usage are carried over; whatever is under way is
  /// stopped. Never returns.
  durable<nothing> continue_as_new(std::string input) const;

  const facts::Usage& usage() const noexcept {
    return run_->usage();
  }

private:
  friend class cancel_scope;

  static durable<nothing> run_sleep(durable_run& run, place where,
                                    std::shared_ptr<cancel_state> cancels,
                                    std::int64_t due_us);
  static durable<std::string> run_signal(durable_run& run, place where,
                                         std::shared_ptr<cancel_state> cancels,
                                         std::string name);
  static durable<nothing> run_again(durable_run& run,
                                    std::shared_ptr<cancel_state> cancels,
                                    std::string input);

  template <class Output>
  static Output read(std::string bytes) {
    if constexpr (std::is_same_v<Output, std::string>) {
      return bytes;
    } else {
      Output output;
      if (!output.ParseFromString(bytes))
        throw step_failed{
            {errc::invalid_argument,
             Output::descriptor()->full_name() + " expected, other bytes found",
             false, std::nullopt}};
      return output;
    }
  }

  template <class Effect>
  static durable<typename effect_traits<Effect>::output>
  run_step(durable_run& run, place where, std::shared_ptr<cancel_state> cancels,
           std::shared_ptr<const Effect> effect, step_options options) {
    using traits = effect_traits<Effect>;
    operation op{run, operation::kind::effect, where, std::move(cancels)};
    op.effect = traits::kind;
    op.identity = traits::identity(*effect);
    if constexpr (requires { traits::takes_key; })
      op.takes_key = traits::takes_key;
    if constexpr (requires { traits::outlives; })
      op.outlives = traits::outlives;
    if constexpr (requires { traits::meets_earlier; })
      op.meets_earlier = traits::meets_earlier;
    if constexpr (requires { traits::configure(op, *effect); })
      traits::configure(op, *effect);
    op.input = std::move(effect);
    op.options = std::move(options);
    std::string bytes = co_await op;
    co_return read<typename traits::output>(std::move(bytes));
  }

  template <class Output, class Fn>
  static durable<Output> run_local(durable_run& run, place where,
                                   std::shared_ptr<cancel_state> cancels, Fn fn,
                                   step_options options) {
    operation op{run, operation::kind::effect, where, std::move(cancels)};
    op.effect = "local";
    op.options = std::move(options);
    op.work = [&fn] { return outcome_of_call<Output>(fn); };
    std::string bytes = co_await op;
    co_return read<Output>(std::move(bytes));
  }

  template <class Output, class Fn>
  static effect_outcome outcome_of_call(Fn& fn) {
    try {
      if constexpr (std::is_same_v<Output, std::string>)
        return {fn(), {}, {}, 0};
      else
        return {fn().SerializeAsString(), {}, {}, 0};
    } catch (const step_failed& thrown) {
      return {tl::unexpected<error>(thrown.why()), {}, {}, 0};
    } catch (const std::exception& thrown) {
      return {fail(errc::failed, thrown.what()), {}, {}, 0};
    }
  }

  template <class Message>
  static durable<Message> read_signal(durable<std::string> next) {
    std::string bytes = co_await next;
    co_return read<Message>(std::move(bytes));
  }

  durable_run* run_;
  std::string scope_;
  std::shared_ptr<cancel_state> cancels_;
};

/// A branch of a run that can be cancelled while the rest goes on. What waits
/// in it gets step_failed with `cancelled`, so that its clean-up still runs
/// (behind a shield, if it needs steps for that).
class cancel_scope {
public:
  cancel_scope(const context& parent);

  const context& branch() const noexcept {
    return branch_;
  }
  void cancel(std::string reason);
  bool cancelled() const noexcept {
    return branch_.cancels_->cancelled.has_value();
  }

private:
  context branch_;
};

} // namespace shannon::workflow
