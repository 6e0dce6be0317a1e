#pragma once

#include "actors/kit/directory.hpp"
#include "actors/kit/roster.hpp"
#include "protocols/envelope.hpp"
#include "protocols/errc.hpp"

#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace shannon::metrics {
class actor_metrics;
}

namespace shannon::kit {

class owned_shards;

/// What every actor of a node shares. Outlives the actor system.
struct actor_env {
  directory& addresses;
  /// Wall clock, replaced in tests.
  std::function<std::chrono::system_clock::time_point()> now
      = [] { return std::chrono::system_clock::now(); };
  /// Null: nothing is counted.
  metrics::actor_metrics* metrics = nullptr;
  /// Which shards are this node's. Null: all of them.
  const owned_shards* shards = nullptr;
  /// Where all actors of the node are seen. Null: nowhere.
  roster* actors = nullptr;
  /// Messages that an actor holds if it names no bound of its own.
  std::size_t mailbox_max = 10'000;
};

/// Numbers any thread may read while the actor works.
struct actor_stats {
  /// Messages in the mailbox, the one in work among them.
  std::atomic<std::int64_t> depth{0};
  std::atomic<std::uint64_t> processed{0};
  std::atomic<std::uint64_t> rejected{0};
  /// When the oldest message was sent: the one in work, else the first of a
  /// mailbox that was empty. Between two messages it is the former's time.
  /// By a clock that ticks every few milliseconds, in nanoseconds; of no
  /// meaning while `depth` is 0.
  std::atomic<std::int64_t> head_sent{0};
  /// It has read its table and `started` is over.
  std::atomic<bool> running{false};

  std::uint64_t mailbox_depth() const noexcept {
    // A reader may see a message taken out before it was counted in.
    auto now = depth.load(std::memory_order_relaxed);
    return now > 0 ? static_cast<std::uint64_t>(now) : 0;
  }
  /// How long ago the oldest message was sent; nothing while there is none.
  std::optional<std::chrono::nanoseconds> oldest_age() const noexcept;
};

/// `steady_clock` to a few milliseconds, for a fifth of its cost.
std::chrono::steady_clock::time_point coarse_now() noexcept;

/// Something to run on the actor's own thread of control.
using job = std::function<void()>;
using job_ptr = std::shared_ptr<job>;

/// One line of an actor's table of contents: a message type and its handler.
struct handler {
  std::type_index type;
  std::function<void(const envelope&)> run;
};

using handlers = std::vector<handler>;

/// `on<remote::StartTask>([this](const envelope& mail, const auto& msg) {…})`
template <class T, class F>
handler on(F run) {
  return {typeid(T), [run = std::move(run)](const envelope& mail) mutable {
            run(mail, *mail.body.get_if<T>());
          }};
}

/// Base class of every actor: what CAF 0.17 lacks or does dangerously.
///
/// - Its whole behaviour is `make_handlers()`: a table of message types.
/// - `ask` completes exactly once: answer, refusal, timeout, or nobody there.
/// - The mailbox is bounded: at the limit an ask is refused `overloaded`; a
///   tell is counted and dropped, so what must not be lost is asked.
/// - A throw in a handler ends the actor with the text as its reason; its
///   supervisor decides what comes next.
class actor_base : public caf::event_based_actor, public listed {
public:
  using body_result = result<message_body>;
  using reply_handler = std::function<void(body_result)>;
  using duration = std::chrono::milliseconds;

  /// `self` is the address this actor is bound to while it lives. Without a
  /// bound of its own its mailbox has that of `env`.
  actor_base(caf::actor_config& cfg, actor_env& env, shannon::address self,
             std::size_t mailbox_max = 0);
  ~actor_base() override;

  const actor_stats& stats() const noexcept {
    return stats_;
  }
  const shannon::address& self_address() const noexcept {
    return self_;
  }
  /// Who started it, as the roster numbers it; 0 if no actor did.
  std::uint64_t parent() const noexcept {
    return parent_;
  }
  std::chrono::steady_clock::time_point born() const noexcept {
    return born_;
  }
  /// For those whom no SUPERVISOR brings back. Read by other threads: never
  /// changes while the actor lives.
  struct comeback {
    std::uint64_t restarts = 0; ///< Failures before it, in a row.
    std::string_view last_error;
  };
  virtual comeback came_back() const noexcept {
    return {};
  }

  /// What it is about, in some words for operators; empty for most. Called by
  /// other threads, and must be quick.
  virtual std::string about() const {
    return {};
  }

  // -- CAF hooks: not for derived classes -------------------------------------

  using caf::event_based_actor::enqueue;
  void enqueue(caf::mailbox_element_ptr what,
               caf::execution_unit* host) override;
  caf::invoke_message_result consume(caf::mailbox_element& what) override;
  resume_result resume(caf::execution_unit* host,
                       std::size_t messages_max) override;
  void on_exit() final;
  /// Mail that was not read goes back to its address: to whoever stands there
  /// now, else its ask is refused.
  bool cleanup(caf::error&& why, caf::execution_unit* host) override;
  /// Binds the address before `spawn` returns, so that who is started next
  /// already finds this actor.
  void launch(caf::execution_unit* host, bool lazy, bool hide) override;

protected:
  caf::behavior make_behavior() final;

  /// The table of contents. Called once, when the actor starts.
  virtual handlers make_handlers() = 0;

  /// After the table stands: recover, arm timers, start children.
  virtual void started() {}
  /// The actor ends: drop handles, close sockets, hand back mail that was kept.
  /// Nothing may be asked here.
  virtual void stopping() {}
  /// A message of a type the table does not list. Default: refuse an ask.
  virtual void unexpected(const envelope& mail);
  /// An ask came too late: the asker has been told `timeout` already.
  virtual void expired(const envelope& /*mail*/) {}
  /// A message and its line of the table. Who cannot take it now keeps it and
  /// says `take` later.
  virtual void receive(const handler& line, const envelope& mail) {
    line.run(mail);
  }

  /// Looks `mail` up in the table.
  void take(const envelope& mail);

  // -- talking ----------------------------------------------------------------

  actor_env& env() noexcept {
    return env_;
  }

  /// The clock of timers and deadlines: steady, and virtual in tests.
  std::chrono::steady_clock::time_point clock_now();

  /// Sends without waiting for anything. False if nobody stands there.
  bool tell(const shannon::address& to, message_body body);

  /// Sends and calls `then` exactly once on this actor: with the answer, the
  /// refusal, `timeout`, or `unavailable` if nobody stands at `to`.
  /// Returns a number that `forget` takes.
  std::uint64_t ask(const shannon::address& to, message_body body,
                    duration timeout, reply_handler then);

  /// Typed form: an answer of another type is `failed`.
  template <class Answer, class F>
  std::uint64_t ask(const shannon::address& to, message_body body,
                    duration timeout, F then) {
    return ask(to, std::move(body), timeout,
               reply_handler{[then = std::move(then)](body_result got) mutable {
                 if (!got)
                   then(result<Answer>{tl::unexpect, std::move(got.error())});
                 else if (auto* ptr = got->template get_if<Answer>())
                   then(result<Answer>{*ptr});
                 else
                   then(result<Answer>{
                       fail(errc::failed, "answer of an unexpected type")});
               }});
  }

  /// Asks of this actor that have no answer yet.
  std::size_t open_asks() const noexcept;

  /// The answer of this ask is not wanted any more.
  void forget(std::uint64_t correlation);

  /// Answers an ask; does nothing for a tell.
  void reply(const envelope& request, message_body body);
  void refuse(const envelope& request, error why);

  /// For `stopping`: this mail was taken and not carried out. It is delivered
  /// again, to whoever stands at its address now; else its ask is refused
  /// `unavailable`, so that its asker need not wait for a timeout.
  void hand_back(const envelope& mail);

  /// Runs `what` on this actor after `delay`; never after it has ended.
  void after(duration delay, job what);

  /// For foreign threads (sockets, libpq, processes): what they hand over runs
  /// on this actor, or is dropped if it has ended.
  std::function<void(job)> poster();

private:
  void handle(const envelope_ptr& mail);
  void complete(std::uint64_t correlation, body_result got);
  void arm_sweep(std::chrono::steady_clock::time_point now);
  void sweep();

  /// What waits for answers. Most actors ask nobody: it is made with the
  /// first ask.
  struct pending_asks;

  actor_env& env_;
  shannon::address self_;
  std::size_t mailbox_max_;
  actor_stats stats_;
  std::uint64_t parent_;
  std::chrono::steady_clock::time_point born_;
  /// Short enough to be looked through; hashing a type costs more.
  handlers table_;
  std::unique_ptr<pending_asks> asks_;
  std::uint64_t correlation_;
};

} // namespace shannon::kit

CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shannon::envelope_ptr)
CAF_ALLOW_UNSAFE_MESSAGE_TYPE(shannon::kit::job_ptr)
