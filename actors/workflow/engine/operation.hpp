#pragma once

#include "actors/workflow/engine/cancellation.hpp"
#include "actors/workflow/engine/places.hpp"
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
#include <string_view>
#include <vector>

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

/// How often and how long a step is tried. An attempt is made again when its
/// error says that it may succeed later, unless the policy says otherwise.
struct step_options {
  /// Attempts in all; 0 for the run's default.
  std::uint32_t attempts_max = 0;
  /// So many that are refused `overloaded` are no attempts, for nothing was
  /// begun: it is asked again. More of them count.
  std::uint32_t refusals_max = 0;
  /// Pause before the second attempt, before jitter; 0 for the run's default.
  std::chrono::milliseconds backoff_min{0};
  /// No pause is longer, but what the far side asks for; 0 for the run's
  /// default.
  std::chrono::milliseconds backoff_max{0};
  /// Each pause is this much longer than the one before.
  double backoff_factor = 2;
  /// Errors after which no attempt is made again, whatever they say.
  std::vector<errc> not_retried;
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
  /// Under which name clients see the agent that carries it out; empty: that of
  /// its brief. Nothing of the record: an agent keeps the name it began with.
  /// Lives as long as the program. (No std::string: of options that stand in a
  /// co_await GCC 12 makes a copy by bytes, which a short one does not
  /// survive.)
  std::string_view shown_as;
};

/// How an effect ended.
struct effect_outcome {
  result<std::string> output;
  facts::Usage usage;
  std::vector<facts::ModelUse> models;
  std::int64_t duration_us = 0;
  /// Kept with the log beside the output, which names them by their SHA-256.
  std::vector<std::string> bodies;
};

/// One thing a coroutine waits for. Lives in the coroutine's frame; the run
/// knows it by address until it is resolved or destroyed.
class operation {
public:
  enum class kind : std::uint8_t { effect, timer, signal };

  operation(durable_run& run, kind what, place where,
            std::shared_ptr<cancel_state> scope);
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

  std::string_view effect; ///< Lives as long as the program.
  std::shared_ptr<const google::protobuf::Message> input;
  /// What of `input` must not change between a record and a replay.
  std::string identity;
  step_options options;
  /// Of an effect that is a function: carried out in place.
  std::function<effect_outcome()> work;
  /// It goes on when this process dies: the run's end waits until it was told
  /// to stop.
  bool outlives = false;
  /// The far side tells by the attempt key when it is asked twice.
  bool takes_key = false;
  /// A later attempt of it meets the one before on the far side, and both have
  /// one end: that one is not told to stop.
  bool meets_earlier = false;
  /// Told to stop when nobody waits for it any more.
  bool stops_when_dropped = true;
  /// Has completed here and goes on there: told to stop when the run ends.
  bool stops_at_end = false;
  std::int64_t due_us = 0; ///< Of a timer: what to set it to.
  std::string signal;      ///< Name of the signal waited for.

private:
  friend class durable_run;

  durable_run& run_;
  kind kind_;
  place where_;
  std::shared_ptr<cancel_state> scope_;
  cancel_state* clock_of_ = nullptr; ///< The shield whose time this is.
  std::string input_hash_;
  std::coroutine_handle<> waiter_;
  std::optional<result<std::string>> outcome_;
  // Among all that wait, in the order of asking.
  operation* before_ = nullptr;
  operation* after_ = nullptr;
  std::uint64_t serial_ = 0;
  // Engine's book-keeping of an effect.
  std::uint32_t attempt_ = 1;
  std::uint32_t attempts_before_ = 0; ///< Made before it was forgotten.
  std::uint32_t refused_ = 0;         ///< Attempts that ended `overloaded`.
  std::int64_t resumed_ = 0; ///< The RunResumed that its name outside has.
  std::int64_t barrier_ = 0; ///< The fact that must be on disk before it.
  std::int64_t not_before_us_ = 0;
  std::int64_t attempt_due_us_ = 0; ///< 0 for never.
  std::int64_t step_due_us_ = 0;    ///< 0 for never.
  std::int64_t alarm_us_ = 0;       ///< What the run's alarm for it is set to.
  std::int64_t since_us_ = 0;       ///< When it was asked for; 0: not known.
  bool read_back_ = false;          ///< Asked for by an earlier activation too.
  bool waits_ = false;              ///< The run knows it.
  bool ready_ = false;              ///< Resolved, not resumed yet.
  bool queued_ = false;  ///< Is started as soon as its barrier is on disk.
  bool started_ = false; ///< This attempt.
  bool settled_ = false; ///< Its end is decided: what comes later is late.
  /// An earlier activation may have made this attempt too.
  bool made_before_ = false;
};

} // namespace shannon::workflow
