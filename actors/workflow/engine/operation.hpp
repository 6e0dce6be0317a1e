#pragma once

#include "protocols/errc.hpp"
#include "protocols/facts/run.pb.h"

#include <google/protobuf/message.h>

#include <chrono>
#include <coroutine>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace shannon::workflow {

class durable_run;

/// What a coroutine catches when a step has failed for good or the run was
/// cancelled. Leaves the engine only as a fact.
class step_failed : public std::exception {
public:
  explicit step_failed(error why) : why_(std::move(why)) {}
  const error& why() const noexcept {
    return why_;
  }
  const char* what() const noexcept override {
    return why_.text.c_str();
  }

private:
  error why_;
};

/// How often and how long a step is tried.
struct step_options {
  /// Attempts in all; 0 for the run's default.
  std::uint32_t attempts_max = 0;
  /// One attempt that takes longer has failed, and may be tried again. 0: no
  /// limit but the effect's own.
  std::chrono::milliseconds attempt_timeout{0};
  /// All attempts together, from when the step was first asked for; durable.
  /// 0: no limit.
  std::chrono::milliseconds total_timeout{0};
  /// The attempt is recorded before it is made, and never made again after a
  /// crash: then the step fails, since nobody knows how it ended.
  bool at_most_once = false;
  /// Makes the event clients see when the step has completed, from its output.
  std::function<facts::Event(const std::string& output)> completed_event;
  /// Output goes to the blob table whatever its size: for model messages,
  /// which later steps of the run repeat.
  bool always_blob = false;
};

/// Text form of a step's place: `scope/key#2`. What indexes and attempt keys
/// are made of.
std::string to_string(const facts::StepId& id);

/// One thing a coroutine waits for. Lives in the coroutine's frame; the run
/// knows it by address until it is resolved or destroyed.
class operation {
public:
  enum class kind : std::uint8_t { effect, timer, signal };

  operation(durable_run& run, kind what, facts::StepId id);
  operation(const operation&) = delete;
  operation& operator=(const operation&) = delete;
  ~operation();

  bool await_ready();
  void await_suspend(std::coroutine_handle<> waiter) noexcept {
    waiter_ = waiter;
  }
  /// The output, or throws step_failed.
  std::string await_resume();

  // -- what is asked, set before the co_await ---------------------------------

  std::string effect;
  std::shared_ptr<const google::protobuf::Message> input;
  /// It goes on when this process dies: the run's end waits until it was told
  /// to stop.
  bool outlives = false;
  /// What of `input` must not change between a record and a replay.
  std::string identity;
  step_options options;
  std::chrono::microseconds delay{0}; ///< Of a timer.
  std::string signal;                 ///< Name of the signal waited for.

private:
  friend class durable_run;

  durable_run& run_;
  kind kind_;
  facts::StepId id_;
  std::string key_; ///< Text form of `id_`.
  std::string input_hash_;
  std::coroutine_handle<> waiter_;
  std::optional<result<std::string>> outcome_;
  // Engine's book-keeping of an effect.
  std::uint32_t attempt_ = 1;
  std::int64_t barrier_ = 0; ///< The fact that must be on disk before it.
  std::int64_t not_before_us_ = 0;
  std::int64_t attempt_due_us_ = 0; ///< 0 for never.
  std::int64_t step_due_us_ = 0;    ///< 0 for never.
  bool announced_ = false;          ///< StepStarted of this attempt is staged.
  bool started_ = false;
  bool settled_ = false; ///< Its end is staged: what comes later is late.
};

} // namespace shannon::workflow
