#include "actors/llm/provider.hpp"

#include "actors/kit/mail_context.hpp"
#include "actors/llm/llm_call.hpp"
#include "actors/llm/provider_gate.hpp"
#include "actors/llm/provider_request.hpp"
#include "actors/llm/straight_calls.hpp"

#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <algorithm>
#include <deque>
#include <map>
#include <utility>

namespace shannon::llm {

namespace {

using std::chrono::milliseconds;

/// How long the refused should stay away when the queue is full.
constexpr milliseconds queue_retry_after{1'000};

class provider final : public kit::actor_base {
public:
  provider(caf::actor_config& cfg, provider_args args)
      : actor_base(cfg, args.env, provider_address(args.entry->name)),
        args_(std::move(args)), name_(args_.entry->name),
        gate_(std::make_shared<provider_gate>(
            name_, args_.settings.concurrent_calls_max, args_.metrics,
            [this, post = poster()] { post([this] { start_waiting(); }); })),
        straight_(std::make_shared<straight_calls>(args_, gate_)) {}

  const char* name() const override {
    return "llm_provider";
  }

  /// Calls that pass its mailbox are no actors: here they are seen.
  std::string about() const override {
    auto now = gate_->now();
    return std::to_string(now.running) + " calls under way, "
           + std::to_string(now.straight) + " of them straight, "
           + std::to_string(now.waiting) + " wait";
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
        // Before these could pass by; who sent one asks as others do.
        on<straight_offer>([](auto&, auto&) {}),
    };
  }

  void started() override {
    set_down_handler([this](caf::down_msg& msg) { call_went_down(msg); });
    client_ = std::make_shared<kit::http_client>(
        args_.loop, client_options(args_.settings));
    env().addresses.bind_direct(
        self_address(), address(), typeid(straight_offer),
        [straight = straight_](const envelope_ptr& mail) {
          straight->take(*mail);
        });
  }

  void stopping() override {
    error why{errc::unavailable, name_ + ": PROVIDER ended", true,
              std::nullopt};
    straight_->stop();
    for (auto& [number, one] : running_) {
      gate_->given_up(told_of(one), errc::unavailable);
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

  provider_gate::about_call told_of(const flight& one) {
    return {one.model, one.attempt_key,
            std::chrono::duration_cast<std::chrono::microseconds>(clock_now()
                                                                  - one.since)};
  }

  // -- the door ---------------------------------------------------------------

  void take(const envelope& mail, const provider_call& what) {
    if (what.call.get_if<remote::LlmCall>() == nullptr)
      return refuse(mail, {errc::invalid_argument, "no LlmCall", false, {}});
    switch (gate_->enter(clock_now())) {
    case provider_gate::answer::begun:
      return start(mail);
    case provider_gate::answer::down:
      return refuse_down(mail);
    case provider_gate::answer::full:
      break;
    }
    if (waiting_.size() >= args_.settings.queued_calls_max) {
      gate_->left(1);
      args_.metrics.call_refused(name_, "queue");
      return refuse(mail, {errc::overloaded,
                           name_ + ": " + std::to_string(waiting_.size())
                               + " calls are waiting, the limit",
                           true, queue_retry_after});
    }
    waiting_.push_back(mail);
    args_.metrics.calls_waiting(name_, waiting_.size());
  }

  void refuse_down(const envelope& mail) {
    auto wait = gate_->wait(clock_now());
    if (mail.body.get_if<provider_call>()->no_other)
      refuse(mail, all_failed(wait));
    else
      reply(mail, breaker_open{wait});
  }

  void start(const envelope& mail) {
    const auto& what = *mail.body.get_if<provider_call>();
    auto number = ++last_number_;
    flight one{mail, nullptr, call_of(mail).context().attempt_key(),
               what.model.id, clock_now()};
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
    while (!waiting_.empty()) {
      const auto& first = waiting_.front();
      bool expired = first.deadline.time_since_epoch().count() != 0
                     && first.deadline < clock_now();
      auto got = provider_gate::answer::down;
      if (expired)
        gate_->left(1);
      else
        got = gate_->enter_waiting(clock_now());
      if (got == provider_gate::answer::full)
        break;
      auto mail = std::move(waiting_.front());
      waiting_.pop_front();
      if (got == provider_gate::answer::begun)
        start(mail);
      else if (!expired) // Who asked was told so.
        refuse_down(mail);
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
    gate_->ended(told_of(one), how, clock_now());
    if (how)
      reply(one.request, std::move(*how));
    else
      refuse(one.request, std::move(how.error()));
    start_waiting();
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
      gate_->given_up(told_of(one), errc::cancelled);
      refuse(one.request, why);
      at = running_.erase(at);
    }
    auto gone = std::erase_if(waiting_, [&](const envelope& mail) {
      bool is_it = call_of(mail).context().attempt_key() == attempt_key;
      if (is_it)
        refuse(mail, why);
      return is_it;
    });
    gate_->left(gone);
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
  std::shared_ptr<provider_gate> gate_;
  std::shared_ptr<straight_calls> straight_;
  std::shared_ptr<kit::http_client> client_;
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
