#include "actors/llm/provider.hpp"

#include "actors/kit/log.hpp"
#include "actors/kit/mail_context.hpp"
#include "actors/llm/breaker.hpp"
#include "actors/llm/llm_call.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

namespace shannon::llm {

namespace {

using std::chrono::milliseconds;

/// Idle connections kept beyond this many would rather time out than be used.
constexpr std::uint32_t idle_connections_max = 64;

/// How long the refused should stay away when the queue is full.
constexpr milliseconds queue_retry_after{1'000};

class provider final : public kit::actor_base {
public:
  provider(caf::actor_config& cfg, provider_args args)
      : actor_base(cfg, args.env, provider_address(args.entry->name)),
        args_(std::move(args)), name_(args_.entry->name) {}

  const char* name() const override {
    return "llm_provider";
  }

protected:
  kit::handlers make_handlers() override {
    using kit::on;
    return {
        on<provider_call>([this](const envelope& mail, const auto& what) {
          take(mail, what);
        }),
        on<remote::CancelEffect>([this](const envelope&, const auto& what) {
          cancel(what.attempt_key());
        }),
    };
  }

  void started() override {
    set_down_handler([this](caf::down_msg& msg) { call_went_down(msg); });
    kit::http_client_options options;
    options.idle_max
        = std::min(args_.settings.concurrent_calls_max, idle_connections_max);
    client_ = std::make_shared<kit::http_client>(args_.loop, options);
  }

  void stopping() override {
    error why{errc::unavailable, name_ + ": PROVIDER ended", true,
              std::nullopt};
    for (auto& [number, one] : running_) {
      args_.metrics.call_ended(name_, "unavailable", age(one));
      refuse(one.request, why);
      caf::anon_send_exit(one.handle, caf::exit_reason::user_shutdown);
    }
    for (auto& mail : waiting_)
      refuse(mail, why);
    running_.clear();
    waiting_.clear();
    client_.reset();
  }

private:
  struct flight {
    envelope request;
    caf::actor handle;
    std::string attempt_key;
    std::string model;
    std::chrono::steady_clock::time_point since;
  };

  static const remote::LlmCall& call_of(const envelope& mail) {
    return *mail.body.get_if<provider_call>()->call.get_if<remote::LlmCall>();
  }

  std::chrono::microseconds age(const flight& one) {
    return std::chrono::duration_cast<std::chrono::microseconds>(clock_now()
                                                                 - one.since);
  }

  // -- the door ---------------------------------------------------------------

  void take(const envelope& mail, const provider_call& what) {
    if (what.call.get_if<remote::LlmCall>() == nullptr)
      return refuse(mail, {errc::invalid_argument, "no LlmCall", false, {}});
    if (running_.size() >= args_.settings.concurrent_calls_max) {
      if (waiting_.size() >= args_.settings.queued_calls_max) {
        args_.metrics.call_refused(name_, "queue");
        return refuse(mail, {errc::overloaded,
                             name_ + ": " + std::to_string(waiting_.size())
                                 + " calls are waiting, the limit",
                             true, queue_retry_after});
      }
      waiting_.push_back(mail);
      args_.metrics.calls_waiting(name_, waiting_.size());
      return;
    }
    start(mail);
  }

  void start(const envelope& mail) {
    const auto& what = *mail.body.get_if<provider_call>();
    if (!breaker_.admit(clock_now())) {
      args_.metrics.call_refused(name_, "breaker");
      auto wait = breaker_.wait(clock_now());
      return what.no_other ? refuse(mail, all_failed(wait))
                           : reply(mail, breaker_open{wait});
    }
    auto number = ++last_number_;
    flight one{mail, nullptr, call_of(mail).context().attempt_key(),
               what.model.id, clock_now()};
    args_.metrics.call_started(name_);
    one.handle = spawn_llm_call(
        *this,
        {env(), name_ + "-" + std::to_string(number), args_.settings, client_,
         args_.models, args_.entry, what.model, what.call, what.deltas_to,
         mail.traceparent,
         [post = poster(), this, number](result<remote::LlmResponse> how) {
           post([this, number, how = std::move(how)]() mutable {
             ended(number, std::move(how));
           });
         }});
    running_.emplace(number, std::move(one));
  }

  void start_waiting() {
    auto before = waiting_.size();
    while (!waiting_.empty()
           && running_.size() < args_.settings.concurrent_calls_max) {
      auto mail = std::move(waiting_.front());
      waiting_.pop_front();
      bool expired = mail.deadline.time_since_epoch().count() != 0
                     && mail.deadline < clock_now();
      if (!expired)
        start(mail);
    }
    if (before != waiting_.size())
      args_.metrics.calls_waiting(name_, waiting_.size());
  }

  // -- ends -------------------------------------------------------------------

  void ended(std::uint64_t number, result<remote::LlmResponse> how) {
    auto at = running_.find(number);
    if (at == running_.end())
      return; // Cancelled: it has been answered.
    auto one = std::move(at->second);
    running_.erase(at);
    kit::in_context of_asker{one.request};
    judge(how);
    args_.metrics.call_ended(
        name_, std::string{how ? "ok" : to_string(how.error().code)}, age(one));
    if (how) {
      const auto& usage = how->usage();
      args_.metrics.answer_came(
          name_, usage.input_tokens(), usage.output_tokens(),
          usage.cost_nanousd(),
          std::chrono::microseconds{how->first_token_us()});
      reply(one.request, std::move(*how));
    } else {
      kit::log::warning("llm-call-failed", "PROVIDER gets no answer",
                        {{"provider", name_},
                         {"model", one.model},
                         {"attempt_key", one.attempt_key},
                         {"code", to_string(how.error().code)},
                         {"retryable", how.error().retryable}});
      refuse(one.request, std::move(how.error()));
    }
    start_waiting();
  }

  /// A rate limit says that the provider lives, a refusal that it works.
  void judge(const result<remote::LlmResponse>& how) {
    if (how || (!how.error().retryable && how.error().code != errc::cancelled))
      return breaker_.succeeded();
    if (how.error().code == errc::overloaded
        || how.error().code == errc::cancelled)
      return breaker_.undecided();
    auto before = breaker_.wait(clock_now());
    breaker_.failed(clock_now());
    auto wait = breaker_.wait(clock_now());
    if (wait <= before)
      return;
    args_.metrics.breaker_opened(name_);
    kit::log::warning("llm-breaker-opened", "PROVIDER stops asking for a while",
                      {{"provider", name_}, {"wait_ms", wait.count()}});
  }

  void cancel(const std::string& attempt_key) {
    error why{errc::cancelled, name_ + ": call was cancelled", false,
              std::nullopt};
    for (auto at = running_.begin(); at != running_.end();) {
      auto& one = at->second;
      if (one.attempt_key != attempt_key) {
        ++at;
        continue;
      }
      caf::anon_send_exit(one.handle, caf::exit_reason::user_shutdown);
      args_.metrics.call_ended(name_, "cancelled", age(one));
      refuse(one.request, why);
      breaker_.undecided();
      at = running_.erase(at);
    }
    std::erase_if(waiting_, [&](const envelope& mail) {
      bool gone = call_of(mail).context().attempt_key() == attempt_key;
      if (gone)
        refuse(mail, why);
      return gone;
    });
    start_waiting();
  }

  /// A CALL that ended well has reported before; one that threw has not.
  void call_went_down(const caf::down_msg& msg) {
    for (auto& [number, one] : running_)
      if (one.handle.address() == msg.source)
        // Behind the report that may be on its way.
        return after(duration{0}, [this, n = number] {
          ended(n, fail(errc::unavailable, name_ + ": LLM CALL ended", true));
        });
  }

  provider_args args_;
  std::string name_;
  std::shared_ptr<kit::http_client> client_;
  breaker breaker_;
  std::map<std::uint64_t, flight> running_;
  std::deque<envelope> waiting_;
  std::uint64_t last_number_ = 0;
};

} // namespace

error all_failed(std::optional<milliseconds> wait) {
  return {errc::unavailable,
          "no provider can be asked now: each failed too often", true, wait};
}

address provider_address(const std::string& name) {
  return {"llm-provider/" + name};
}

caf::actor spawn_provider(caf::local_actor& parent, provider_args args) {
  return parent.spawn<provider>(std::move(args));
}

} // namespace shannon::llm
