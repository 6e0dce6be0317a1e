#include "actors/llm/router.hpp"

#include "actors/llm/models/routing.hpp"
#include "actors/llm/named_bodies.hpp"
#include "actors/llm/provider.hpp"
#include "protocols/remote/llm.pb.h"
#include "protocols/straight_call.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <utility>

namespace shannon::llm {

namespace {

using std::chrono::milliseconds;

/// A PROVIDER ends every call within `call_timeout`; what is beyond it is for
/// one that died without a word. Shorter than what askers add.
constexpr milliseconds answer_grace{3'000};

/// On the sender's thread: the first choice can carry it out at once, or it
/// goes the long way. So does what names files: the store is asked for them.
void pass(const catalogue& models, const kit::directory& addresses,
          const envelope& mail) {
  const auto& offer = *mail.body.get_if<straight::offer>();
  const auto& request = offer.what->request();
  if (request.messages().empty() || !bodies_named(request).empty())
    return;
  auto found = candidates(models, request);
  if (!found || !found->front().provider || found->front().provider->is_local())
    return;
  auto on = std::make_shared<envelope>(mail);
  auto& model = found->front().model;
  on->to = provider_address(model.provider);
  on->body = straight_offer{offer, std::move(model)};
  addresses.deliver(on);
}

class router final : public kit::actor_base {
public:
  router(caf::actor_config& cfg, router_args args)
      : actor_base(cfg, args.env, {"llm/worker"}), args_(std::move(args)) {}

  const char* name() const override {
    return "llm_router";
  }

protected:
  kit::handlers make_handlers() override {
    using kit::on;
    return {
        on<remote::LlmCall>([this](const envelope& mail, const auto& call) {
          take(mail, call);
        }),
        on<remote::CancelEffect>(
            [this](const envelope&, const auto& what) { cancel(what); }),
        on<remote::ListModels>(
            [this](const envelope& mail, const auto&) { list(mail); }),
        // Before these could pass by; who sent one asks as others do.
        on<straight::offer>([](auto&, auto&) {}),
    };
  }

  void started() override {
    env().addresses.bind_direct(
        self_address(), address(), typeid(straight::offer),
        [models = args_.models, &addresses = env().addresses](
            const envelope_ptr& mail) { pass(*models, addresses, *mail); });
  }

  void stopping() override {
    for (auto& [number, one] : flights_)
      for (const auto& mail : one.askers)
        refuse(mail, {errc::unavailable, "LLM ROUTER ended", true, {}});
    flights_.clear();
    by_key_.clear();
  }

private:
  struct flight {
    std::string attempt_key;
    message_body call;
    shannon::address deltas_to;
    std::vector<envelope> askers;
    std::deque<candidate> left;
    std::string provider; ///< Who has it now.
    std::uint64_t ask = 0;
    /// The shortest wait among the breakers met.
    std::optional<milliseconds> wait;
  };

  void take(const envelope& mail, const remote::LlmCall& call) {
    const auto& key = call.context().attempt_key();
    if (auto at = by_key_.find(key); at != by_key_.end()) {
      flights_.at(at->second).askers.push_back(mail);
      return;
    }
    if (call.request().messages().empty())
      return refuse(mail, {errc::invalid_argument, "LlmCall: no messages",
                           false, std::nullopt});
    auto found = candidates(*args_.models, call.request());
    if (!found)
      return refuse(mail, std::move(found.error()));
    if (call.context().log().empty() && found->size() == 1)
      return hand_over(mail, call, std::move(found->front().model));
    auto number = ++last_number_;
    auto& one = flights_[number];
    one.attempt_key = key;
    one.call = mail.body;
    one.deltas_to = deltas_to(mail, call.context());
    one.askers.push_back(mail);
    one.left.assign(found->begin(), found->end());
    if (!key.empty())
      by_key_[key] = number;
    try_next(number);
  }

  /// An address of the asker's process is of ours if it is on this node.
  static shannon::address deltas_to(const envelope& mail,
                                    const remote::EffectContext& context) {
    auto to = context.reply_deltas_to();
    if (to.empty() || to.back() != '@')
      return {std::move(to)};
    to.pop_back();
    if (auto at = mail.from.value.find('@'); at != std::string::npos)
      to += mail.from.value.substr(at);
    return {std::move(to)};
  }

  /// Nobody repeats what no run asks, and there is nobody else to ask: the
  /// PROVIDER answers by itself.
  void hand_over(const envelope& mail, const remote::LlmCall& call,
                 model_entry model) {
    auto on = std::make_shared<envelope>(mail);
    on->to = provider_address(model.provider);
    on->body = provider_call{mail.body, std::move(model),
                             deltas_to(mail, call.context()), true};
    if (!env().addresses.deliver(on))
      refuse(mail, {errc::unavailable, on->to.value + " is not there", true,
                    std::nullopt});
  }

  void try_next(std::uint64_t number) {
    auto& one = flights_.at(number);
    // Other models of a provider whose breaker is open are as far away.
    while (!one.left.empty() && one.left.front().model.provider == one.provider)
      one.left.pop_front();
    if (one.left.empty())
      return end(number, [&](const envelope& mail) {
        refuse(mail, all_failed(one.wait));
      });
    auto next = std::move(one.left.front());
    one.left.pop_front();
    one.provider = next.model.provider;
    one.ask = ask(
        provider_address(one.provider),
        provider_call{one.call, std::move(next.model), one.deltas_to},
        args_.settings.call_timeout + answer_grace,
        [this, number](body_result got) { answered(number, std::move(got)); });
  }

  void answered(std::uint64_t number, body_result got) {
    auto at = flights_.find(number);
    if (at == flights_.end())
      return;
    if (!got)
      return end(number,
                 [&](const envelope& mail) { refuse(mail, got.error()); });
    if (const auto* open = got->get_if<breaker_open>()) {
      auto& wait = at->second.wait;
      wait = wait ? std::min(*wait, open->wait) : open->wait;
      return try_next(number);
    }
    end(number, [&](const envelope& mail) { reply(mail, *got); });
  }

  template <class F>
  void end(std::uint64_t number, F answer) {
    auto at = flights_.find(number);
    for (const auto& mail : at->second.askers)
      answer(mail);
    by_key_.erase(at->second.attempt_key);
    flights_.erase(at);
  }

  /// The PROVIDER answers `cancelled`, and with it all who asked.
  void cancel(const remote::CancelEffect& what) {
    auto at = by_key_.find(what.attempt_key());
    if (at != by_key_.end())
      tell(provider_address(flights_.at(at->second).provider), what);
    else // Handed over, to whom is not kept: others know no such key.
      for (const auto& one : args_.models->providers)
        tell(provider_address(one.name), what);
  }

  void list(const envelope& mail) {
    remote::ModelList out;
    auto per_token = [](std::int64_t price) { return (price + 500) / 1000; };
    for (const auto& model : args_.models->models) {
      const auto* provider = args_.models->provider(model.provider);
      if (provider == nullptr || !provider->is_usable())
        continue;
      auto& info = *out.add_models();
      info.set_model(model.id);
      info.set_provider(model.provider);
      info.set_tier(std::string{to_string(model.size)});
      info.set_input_nanousd_per_token(per_token(model.costs.input));
      info.set_output_nanousd_per_token(per_token(model.costs.output));
      info.set_context_tokens(model.context_tokens);
      info.set_priority(model.priority);
    }
    reply(mail, std::move(out));
  }

  router_args args_;
  std::map<std::uint64_t, flight> flights_;
  std::map<std::string, std::uint64_t> by_key_;
  std::uint64_t last_number_ = 0;
};

} // namespace

caf::actor spawn_router(caf::local_actor& parent, router_args args) {
  return parent.spawn<router>(std::move(args));
}

} // namespace shannon::llm
