#include "actors/gateway/openai/chat_task.hpp"

#include "actors/gateway/openai/field_reader.hpp"
#include "actors/gateway/resources/attachments.hpp"
#include "actors/gateway/resources/submit_request.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>

namespace shannon::gateway::chat {

namespace {

using remote::ChatMessage;
using std::string;

constexpr std::uint32_t output_tokens_max = 16'384;
constexpr std::size_t system_part = 200;
constexpr std::size_t user_part = 100;
constexpr std::size_t session_digits = 16;

/// Where the query stands.
int last_of_user(const remote::LlmRequest& call) {
  int at = -1;
  for (int i = 0; i < call.messages_size(); ++i)
    if (call.messages(i).role() == ChatMessage::USER)
      at = i;
  return at;
}

string system_prompt(const remote::LlmRequest& call) {
  string all;
  for (const auto& message : call.messages())
    if (message.role() == ChatMessage::SYSTEM)
      append_block(all, message.text());
  return all;
}

void add_attachments(json_in& context, const ChatMessage& query) {
  for (const auto& what : query.attachments()) {
    json_in item{{"media_type",
                  what.media_type().empty() ? "image/*" : what.media_type()}};
    if (what.url().empty())
      item["data"] = what.data_base64();
    else
      item["url"] = what.url();
    if (!what.name().empty())
      item["filename"] = what.name();
    context["attachments"].push_back(std::move(item));
  }
}

/// What the client wishes of the model; the agent's strategy may use it.
void add_hints(json_in& context, const remote::LlmRequest& call,
               const config::chat_model& model) {
  auto most = call.max_output_tokens() != 0 ? call.max_output_tokens()
                                            : model.max_tokens;
  context["max_tokens"] = std::min(most, output_tokens_max);
  if (call.has_temperature())
    context["temperature"] = call.temperature();
  if (call.has_top_p())
    context["top_p"] = call.top_p();
  for (const auto& stop : call.stop())
    context["stop"].push_back(stop);
}

string tier_of(const json_in& options) {
  auto tier = text_field(options, "model_tier", "shannon_options.");
  constexpr std::array<std::string_view, 3> known{"small", "medium", "large"};
  if (!tier.empty()
      && std::find(known.begin(), known.end(), tier) == known.end())
    refuse("Invalid model_tier (allowed: small, medium, large)");
  return tier;
}

} // namespace

result<remote::StartTask> task_of(const chat_request& request,
                                  const config::chat_model& model) {
  const auto& call = request.call;
  return read_all([&] {
    auto last = last_of_user(call);
    if (last < 0)
      refuse("no user message found in messages array");
    const auto& query = call.messages(last);
    if (auto at = find_nul(request.options, "shannon_options"); !at.empty())
      refuse("Invalid request body: " + at + " contains a NUL character");
    auto context = request.options;
    if (auto system = system_prompt(call); !system.empty())
      context["system_prompt"] = std::move(system);
    if (!model.research.empty()) {
      context["force_research"] = true;
      context.emplace("research_strategy", model.research);
    }
    add_hints(context, call, model);
    add_attachments(context, query);
    remote::StartTask start;
    auto& input = *start.mutable_input();
    if (auto ok = take_attachments(context, start); !ok)
      refuse("Attachment error: " + ok.error().text);
    input.set_query(query.text());
    if (query.text().find_first_not_of(" \t\r\n") == string::npos) {
      if (query.attachments().empty())
        refuse("the last user message is empty");
      input.set_query("[User sent file attachments]");
    }
    input.set_mode(model.mode);
    input.set_tier(tier_of(request.options));
    for (int i = 0; i < last; ++i) {
      const auto& said = call.messages(i);
      bool counts = said.role() == ChatMessage::USER
                    || said.role() == ChatMessage::ASSISTANT;
      if (!counts || said.text().empty())
        continue;
      auto& kept = *input.add_history();
      kept.set_role(said.role());
      kept.set_text(said.text());
    }
    input.set_context_json(
        context.dump(-1, ' ', false, json_in::error_handler_t::replace));
    if (input.ByteSizeLong() > task_input_bytes_max)
      refuse("the conversation is too large for a task: "
             + std::to_string(input.ByteSizeLong()) + " bytes, at most "
             + std::to_string(task_input_bytes_max));
    return start;
  });
}

chat_session session_of(const chat_request& request, const user_id& user,
                        std::string_view given) {
  chat_session out;
  if (is_identifier(given)) {
    out.name = given;
  } else {
    const auto& messages = request.call.messages();
    auto first
        = std::find_if(messages.begin(), messages.end(), [](const auto& m) {
            return m.role() == ChatMessage::USER;
          });
    auto name = user.value + '\n'
                + system_prompt(request.call).substr(0, system_part) + '\n';
    if (first != messages.end())
      name += first->text().substr(0, user_part);
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(name.data()), name.size(),
           digest.data());
    constexpr std::string_view digits = "0123456789abcdef";
    out.name = "oai-";
    for (std::size_t i = 0; i < session_digits / 2; ++i) {
      out.name += digits[digest[i] >> 4];
      out.name += digits[digest[i] & 15];
    }
  }
  out.id = "shannon-" + user.value + "-" + out.name;
  return out;
}

} // namespace shannon::gateway::chat
