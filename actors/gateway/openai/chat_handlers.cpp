#include "actors/gateway/openai/chat_handlers.hpp"

#include "actors/gateway/openai/chat.hpp"
#include "actors/gateway/openai/models_json.hpp"
#include "actors/gateway/openai/straight_chat.hpp"
#include "actors/gateway/text/media_type.hpp"
#include "actors/gateway/text/query_string.hpp"
#include "actors/kit/mail_context.hpp"
#include "protocols/remote/llm.pb.h"

#include <boost/asio/post.hpp>
#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>

#include <atomic>
#include <stdexcept>
#include <string>
#include <utility>

namespace shannon::gateway {

namespace {

/// A body up to this size is read here, which is quicker than to start a CHAT
/// that reads it; more would hold up others.
constexpr std::size_t read_here_max = 16 * 1024;

/// Numbers CHATs over all lives of the GATEWAY.
std::atomic<std::uint64_t> chats_started{0};

} // namespace

void chat_handlers::add_to(handler_table& table) {
  using chat::dialect;
  const auto& settings = gateway_.settings();
  auto agents = config::load_chat_models(settings.chat_models_file);
  if (!agents)
    throw std::runtime_error{agents.error().text};
  agents_ = std::make_shared<const config::chat_models>(std::move(*agents));
  settings_ = std::make_shared<const config::http_settings>(settings);
  auto opens = [this](dialect speaks) {
    return [this, speaks](const call_ptr& call) { open(call, speaks); };
  };
  table.set(endpoint::chat_completions, opens(dialect::openai));
  table.set(endpoint::messages, opens(dialect::anthropic));
  table.set(endpoint::completions, opens(dialect::completions));
  table.set(endpoint::list_models, [this](auto& call) { list(call); });
  table.set(endpoint::get_model, [this](auto& call) { get(call); });
  table.set(endpoint::list_llm_models, [this](auto& call) { list_llm(call); });
}

void chat_handlers::stop() {
  for (const auto& who : open_->take())
    if (auto one = caf::actor_cast<caf::actor>(who))
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
}

void chat_handlers::open(const call_ptr& request, chat::dialect speaks) {
  if (auto refused = check_media_type(request->request()))
    return request->answer(std::move(*refused));
  if (gateway_.is_draining())
    return request->answer(
        error{errc::unavailable, "the node is draining", true, std::nullopt});
  if (request->request().body.size() > read_here_max)
    return spawn(request, speaks, std::nullopt);
  auto asks = chat::read_request(*request, speaks, settings_->json_depth_max);
  if (!asks)
    return request->answer(chat::refusal(speaks, asks.error()));
  if (chat::agent_of(*asks, speaks, *agents_))
    spawn(request, speaks, std::move(*asks));
  else
    open_straight(request, speaks, std::move(*asks));
}

void chat_handlers::open_straight(const call_ptr& request, chat::dialect speaks,
                                  chat::chat_request asks) {
  auto context = kit::current_context();
  auto the_long_way = [this, speaks, context, post = gateway_.poster()](
                          call_ptr call, chat::chat_request read) {
    post([this, speaks, context, call = std::move(call),
          read = std::move(read)]() mutable {
      kit::in_context for_client{context};
      spawn(call, speaks, std::move(read));
    });
  };
  auto chat = std::make_shared<chat::straight_chat>(
      chat::straight_args{gateway_.env(), metrics_, settings_, speaks, request,
                          std::move(asks), context, std::move(the_long_way)});
  boost::asio::post(request->loop(), [chat] { chat->begin(); });
}

void chat_handlers::spawn(const call_ptr& request, chat::dialect speaks,
                          std::optional<chat::chat_request> was_read) {
  auto number = ++chats_started;
  chat::spawn_chat(gateway_,
                   {gateway_.env(), metrics_, settings_, agents_, number,
                    speaks, request, open_, std::move(was_read)});
  if (!std::exchange(keeping_time_, true))
    keep_time();
}

void chat_handlers::keep_time() {
  gateway_.after(settings_->sse_heartbeat / 2, [this] {
    keeping_time_ = false;
    auto open = open_->numbers();
    if (open.empty())
      return;
    for (auto number : open)
      gateway_.tell({"chat/" + std::to_string(number)}, chat::beat{});
    keeping_time_ = true;
    keep_time();
  });
}

// -- models -------------------------------------------------------------------

void chat_handlers::with_models(
    std::function<void(const result<remote::ModelList>&)> then) {
  gateway_.ask<remote::ModelList>({"llm"}, remote::ListModels{},
                                  settings_->ask_timeout, std::move(then));
}

/// Agents are there also while no node plays the role `llm`.
void chat_handlers::list(const call_ptr& request) {
  with_models([this, request](const result<remote::ModelList>& got) {
    auto speaks = chat::dialect_of(request->request());
    request->answer(chat::models_answer(speaks.value_or(chat::dialect::openai),
                                        *agents_,
                                        got.value_or(remote::ModelList{})));
  });
}

void chat_handlers::get(const call_ptr& request) {
  with_models([this, request](const result<remote::ModelList>& got) {
    const auto& id = request->id();
    if (!got && !agents_->find(id))
      return request->answer(got.error());
    auto speaks = chat::dialect_of(request->request());
    request->answer(chat::model_answer(speaks.value_or(chat::dialect::openai),
                                       *agents_,
                                       got.value_or(remote::ModelList{}), id));
  });
}

void chat_handlers::list_llm(const call_ptr& request) {
  auto query = query_string::parse(request->request().query);
  if (!query)
    return request->answer(query.error());
  with_models([request, tier = query->get("tier")](
                  const result<remote::ModelList>& got) {
    got ? request->answer(chat::llm_models_answer(*got, tier))
        : request->answer(got.error());
  });
}

} // namespace shannon::gateway
