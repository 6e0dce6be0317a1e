#include "actors/llm/llm_call.hpp"

#include "actors/kit/failpoint.hpp"
#include "actors/llm/incoming_answer.hpp"
#include "actors/llm/models/affordable.hpp"
#include "actors/llm/named_bodies.hpp"
#include "actors/llm/provider_request.hpp"

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>

namespace shannon::llm {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds watch_interval_max{1'000};

class llm_call final : public kit::actor_base {
public:
  llm_call(caf::actor_config& cfg, llm_call_args args)
      : actor_base(cfg, args.env, {"llm-call/" + args.id}),
        args_(std::move(args)), call_(*args_.call.get_if<remote::LlmCall>()) {}

  const char* name() const override {
    return "llm_call";
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }

  void started() override {
    // First of all on this actor: what throws does so in here.
    after(duration{0}, [this] { gather(); });
  }

  void stopping() override {
    if (exchange_)
      exchange_->cancel();
    exchange_.reset();
  }

private:
  // -- asking -----------------------------------------------------------------

  /// Most requests hold all that they are about, and are not copied.
  void gather() {
    if (bodies_named(call_.request()).empty())
      return begin(call_.request());
    read_bodies(
        call_,
        [this](store::get_tenant_blob what, auto then) {
          ask<store::blob_body>({"store"}, std::move(what), body_timeout,
                                std::move(then));
        },
        [this](const result<remote::LlmRequest>& got) {
          got ? begin(*got) : end(got.error());
        });
  }

  void begin(const remote::LlmRequest& asked) {
    if (asked.cost_nanousd_max() <= 0)
      return send(asked);
    auto shorter = asked;
    auto kept = keep_affordable(shorter, args_.model);
    kept ? send(shorter) : end(std::move(kept.error()));
  }

  void send(const remote::LlmRequest& asked) {
    answer_.emplace(incoming_answer::asked{call_, *args_.provider, args_.model,
                                           args_.settings},
                    clock_now());
    auto inbox = inbox_;
    auto wake = [this, inbox, post = poster()] {
      if (!std::exchange(inbox->told, true))
        post([this] { take_all(); });
    };
    kit::http_events events;
    events.head = [inbox, wake](const kit::http_head& head) {
      std::lock_guard guard{inbox->mutex};
      inbox->head = head;
      wake();
    };
    events.data = [inbox, wake](std::string_view piece) {
      std::lock_guard guard{inbox->mutex};
      inbox->bytes += piece;
      wake();
    };
    events.end = [inbox, wake](result<void> how) {
      std::lock_guard guard{inbox->mutex};
      inbox->end = std::move(how);
      wake();
    };
    exchange_ = args_.client->start(
        provider_request(*args_.provider, args_.model, call_.context(), asked,
                         args_.traceparent),
        provider_limits(args_.settings, call_.request().stream()),
        std::move(events));
    SHANNON_FAILPOINT("llm.asked");
    if (call_.request().stream())
      watch();
  }

  /// Looks now and then whether tokens still come: a timer per token would
  /// cost more than the token, and a long one would keep a call that has ended
  /// in memory until it rings.
  void watch() {
    if (ended_)
      return;
    auto left = answer_->patience(clock_now());
    if (!left)
      return finish(tl::unexpected<error>{std::move(left.error())});
    after(std::min(*left, watch_interval_max), [this] { watch(); });
  }

  // -- reading ----------------------------------------------------------------

  void take_all() {
    std::optional<kit::http_head> head;
    std::string bytes;
    std::optional<result<void>> how;
    {
      std::lock_guard guard{inbox_->mutex};
      inbox_->told = false;
      head = std::exchange(inbox_->head, std::nullopt);
      bytes = std::exchange(inbox_->bytes, {});
      how = std::exchange(inbox_->end, std::nullopt);
    }
    if (head)
      answer_->head(*head);
    if (!bytes.empty())
      take(bytes);
    if (how) {
      exchange_.reset();
      finish(std::move(*how));
    }
  }

  void take(const std::string& bytes) {
    if (ended_)
      return;
    SHANNON_FAILPOINT("llm.answers");
    auto ok = answer_->take(bytes, clock_now());
    ok ? flush_soon() : finish(std::move(ok));
  }

  // -- deltas -----------------------------------------------------------------

  /// At once if the last delta is old, else when it is.
  void flush_soon() {
    auto wait = answer_->delta_due_in(clock_now());
    if (!wait || flush_armed_)
      return;
    if (wait->count() == 0)
      return flush();
    flush_armed_ = true;
    after(*wait, [this] {
      flush_armed_ = false;
      flush();
    });
  }

  void flush() {
    auto delta = answer_->delta(clock_now());
    if (delta && !args_.deltas_to.empty())
      tell(args_.deltas_to, std::move(*delta));
  }

  // -- the end ----------------------------------------------------------------

  void finish(result<void> how) {
    if (ended_)
      return;
    auto answer = answer_->end(std::move(how), clock_now(), env().now());
    flush();
    report(std::move(answer));
  }

  /// Nobody was asked.
  void end(error why) {
    why.text = args_.provider->name + ": " + why.text;
    report(tl::unexpected<error>{std::move(why)});
  }

  void report(result<remote::LlmResponse> how) {
    if (std::exchange(ended_, true))
      return;
    args_.report(std::move(how));
    quit();
  }

  /// What came from the socket since this actor looked last: one message wakes
  /// it, however much it is. The loop's thread writes it.
  struct socket_inbox {
    std::mutex mutex;
    std::optional<kit::http_head> head;
    std::string bytes;
    std::optional<result<void>> end;
    bool told = false;
  };

  llm_call_args args_;
  const remote::LlmCall& call_;
  std::optional<incoming_answer> answer_;
  std::shared_ptr<kit::http_call> exchange_;
  std::shared_ptr<socket_inbox> inbox_ = std::make_shared<socket_inbox>();
  bool ended_ = false;
  bool flush_armed_ = false;
};

} // namespace

caf::actor spawn_llm_call(caf::local_actor& parent, llm_call_args args) {
  return parent.spawn<llm_call, caf::monitored>(std::move(args));
}

} // namespace shannon::llm
