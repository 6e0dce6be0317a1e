#include "actors/llm/local/local_provider.hpp"

#include "actors/llm/local/local_model.hpp"
#include "actors/llm/named_bodies.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace shannon::llm {

namespace {

/// An answer is told in pieces of about this many bytes, at most so many.
constexpr std::size_t delta_bytes = 80;
constexpr std::size_t deltas_max = 16;

class local_provider final : public kit::actor_base {
public:
  local_provider(caf::actor_config& cfg, provider_args args)
      : actor_base(cfg, args.env, provider_address(args.entry->name)),
        args_(std::move(args)) {}

  const char* name() const override {
    return "llm_local_provider";
  }

protected:
  kit::handlers make_handlers() override {
    using kit::on;
    return {
        on<provider_call>([this](const envelope& mail, const auto& what) {
          take(mail, what);
        }),
        on<remote::CancelEffect>([](const envelope&, const auto&) {}),
    };
  }

private:
  void take(const envelope& mail, const provider_call& what) {
    const auto* call = what.call.get_if<remote::LlmCall>();
    if (call == nullptr)
      return refuse(mail, {errc::invalid_argument, "no LlmCall", false, {}});
    if (bodies_named(call->request()).empty())
      return answer(mail, what, *call, call->request());
    read_bodies(
        *call,
        [this](store::get_tenant_blob body, auto then) {
          ask<store::blob_body>({"store"}, std::move(body), body_timeout,
                                std::move(then));
        },
        [this, mail](const result<remote::LlmRequest>& got) {
          if (!got)
            return refuse(mail, got.error());
          const auto& asked = *mail.body.get_if<provider_call>();
          answer(mail, asked, *asked.call.get_if<remote::LlmCall>(), *got);
        });
  }

  void answer(const envelope& mail, const provider_call& what,
              const remote::LlmCall& call, const remote::LlmRequest& request) {
    const auto& name = args_.entry->name;
    args_.metrics.call_started(name);
    auto since = std::chrono::steady_clock::now();
    auto answer = local_answer(request);
    auto took = std::chrono::duration_cast<std::chrono::microseconds>(
        std::chrono::steady_clock::now() - since);
    answer.set_model(what.model.id);
    answer.set_provider(name);
    answer.set_duration_us(took.count());
    answer.set_first_token_us(took.count());
    args_.metrics.call_ended(name, "ok", took);
    args_.metrics.answer_came(name, answer.usage().input_tokens(),
                              answer.usage().output_tokens(), 0, took);
    if (request.stream())
      stream(call.context(), what.deltas_to, answer.message().text());
    reply(mail, std::move(answer));
  }

  /// Cut at spaces, so that no character is torn.
  void stream(const remote::EffectContext& context, const shannon::address& to,
              std::string_view text) {
    if (to.empty())
      return;
    auto size = std::max(delta_bytes, text.size() / deltas_max);
    for (std::uint32_t index = 0; !text.empty(); ++index) {
      auto end = text.find(' ', std::min(size, text.size()));
      end = end == std::string_view::npos ? text.size() : end + 1;
      remote::LlmDelta delta;
      delta.set_attempt_key(context.attempt_key());
      delta.set_agent(context.agent());
      delta.set_text(std::string{text.substr(0, end)});
      delta.set_index(index);
      tell(to, std::move(delta));
      text.remove_prefix(end);
    }
  }

  provider_args args_;
};

} // namespace

caf::actor spawn_local_provider(caf::local_actor& parent, provider_args args) {
  return parent.spawn<local_provider>(std::move(args));
}

} // namespace shannon::llm
