#include "actors/gateway/openai/models_json.hpp"

#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

namespace shannon::gateway::chat {

namespace {

/// A provider's model has no date here, and clients insist on one.
constexpr std::int64_t created_default = 1'735'689'600;

struct shown_model {
  std::string id;
  std::string owner;
  std::string description;
  std::int64_t created = created_default;
};

/// Agents first; a provider's model of the same name is hidden by its agent,
/// as it is in requests.
std::vector<shown_model> all_models(const config::chat_models& agents,
                                    const remote::ModelList& direct) {
  std::vector<shown_model> all;
  for (const auto& model : agents.all)
    all.push_back({model.id, "shannon", model.description,
                   model.created != 0 ? model.created : created_default});
  for (const auto& model : direct.models())
    if (!agents.find(model.model()))
      all.push_back({model.model(), model.provider(), {}});
  return all;
}

json_out model_json(dialect which, const shown_model& model) {
  json_out line;
  if (which == dialect::anthropic) {
    line["type"] = "model";
    line["id"] = model.id;
    line["display_name"] = model.id;
    line["created_at"] = timestamp(std::chrono::system_clock::time_point{
        std::chrono::seconds{model.created}});
    return line;
  }
  line["id"] = model.id;
  line["object"] = "model";
  line["created"] = model.created;
  line["owned_by"] = model.owner;
  return line;
}

bool starts_with(std::string_view text, std::string_view begin) noexcept {
  return text.substr(0, begin.size()) == begin;
}

} // namespace

http_response models_answer(dialect which, const config::chat_models& agents,
                            const remote::ModelList& direct) {
  auto models = all_models(agents, direct);
  auto lines = json_out::array();
  for (const auto& model : models)
    lines.push_back(model_json(which, model));
  json_out all;
  if (which != dialect::anthropic)
    all["object"] = "list";
  all["data"] = std::move(lines);
  if (which == dialect::anthropic) {
    all["has_more"] = false;
    all["first_id"] = models.front().id;
    all["last_id"] = models.back().id;
  }
  return json_answer(200, all);
}

http_response model_answer(dialect which, const config::chat_models& agents,
                           const remote::ModelList& direct,
                           const std::string& id) {
  auto models = all_models(agents, direct);
  auto at = std::find_if(models.begin(), models.end(),
                         [&](const auto& model) { return model.id == id; });
  auto text = "The model '" + id + "' does not exist";
  if (at == models.end() && which == dialect::anthropic)
    return refusal(which, 404, text);
  if (at == models.end()) {
    json_out why;
    why["error"]["message"] = text;
    why["error"]["type"] = "not_found_error";
    why["error"]["param"] = "model";
    why["error"]["code"] = "model_not_found";
    return json_answer(404, why);
  }
  auto answer = json_answer(200, model_json(which, *at));
  if (!at->description.empty())
    answer.fields.emplace_back("X-Model-Description", at->description);
  return answer;
}

http_response llm_models_answer(const remote::ModelList& direct,
                                std::string_view tier) {
  json_out lines = nullptr;
  for (const auto& model : direct.models()) {
    if (!tier.empty() && model.tier() != tier)
      continue;
    json_out line;
    line["id"] = model.model();
    line["provider"] = model.provider();
    line["tier"] = model.tier();
    line["priority"] = model.priority();
    lines.push_back(std::move(line));
  }
  json_out all;
  all["models"] = std::move(lines);
  return json_answer(200, all);
}

std::optional<dialect> dialect_of(const http_request& request) {
  std::string_view path = request.path;
  if (!starts_with(path, "/v1/") || starts_with(path, "/v1/ws/"))
    return std::nullopt;
  if (starts_with(path, "/v1/messages") || request.has("anthropic-version"))
    return dialect::anthropic;
  return path == "/v1/completions" ? dialect::completions : dialect::openai;
}

} // namespace shannon::gateway::chat
