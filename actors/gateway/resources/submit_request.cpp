#include "actors/gateway/resources/submit_request.hpp"

#include "actors/gateway/resources/attachments.hpp"
#include "actors/gateway/resources/skills.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/media_type.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <optional>

namespace shannon::gateway {

namespace {

using std::string;
using std::string_view;

constexpr std::size_t session_bytes_max = 256;
constexpr std::size_t model_bytes_max = 256;
constexpr std::size_t reason_bytes_max = 4 * 1024;

constexpr std::array<string_view, 4> modes{"simple", "standard", "complex",
                                           "supervisor"};
constexpr std::array<string_view, 3> tiers{"small", "medium", "large"};
constexpr std::array<string_view, 4> strategies{"quick", "standard", "deep",
                                                "academic"};
/// The contract's list, and ours that needs no key.
constexpr std::array<string_view, 14> providers{
    "openai", "anthropic", "google",  "groq",   "xai",     "deepseek", "qwen",
    "zai",    "kimi",      "minimax", "ollama", "mistral", "cohere",   "local"};

template <class List>
string listed(const List& all) {
  string text;
  for (auto name : all)
    text += (text.empty() ? "" : ", ") + string{name};
  return text;
}

string lower(string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  });
  return text;
}

/// A value as a flag of `context`: clients send booleans as text, too.
bool is_truthy(const json_in* value) {
  if (!value)
    return false;
  if (value->is_boolean())
    return value->get<bool>();
  if (value->is_number())
    return value->get<double>() != 0;
  if (!value->is_string())
    return false;
  auto text = lower(value->get<string>());
  return text == "true" || text == "1" || text == "yes" || text == "y";
}

/// A wish that is not understood would be no bound at all.
bool is_amount(const json_in& value) {
  if (value.is_number())
    return value.get<double>() >= 0;
  if (!value.is_string())
    return false;
  const auto& text = value.get_ref<const string&>();
  char* end = nullptr;
  auto number = std::strtod(text.c_str(), &end);
  return !text.empty() && end == text.c_str() + text.size()
         && std::isfinite(number) && number >= 0;
}

bool has_control(string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return (c >= 0 && c < 0x20) || c == 0x7f; });
}

/// Fills a StartTask step by step; the first step that fails ends it.
class submit_reader {
public:
  submit_reader(const json_in& body, const identity& who)
      : body_(body), who_(who) {}

  result<remote::StartTask> read() {
    for (auto check :
         {&submit_reader::context, &submit_reader::query,
          &submit_reader::session, &submit_reader::mode, &submit_reader::skill,
          &submit_reader::tier, &submit_reader::model, &submit_reader::provider,
          &submit_reader::strategy, &submit_reader::bounds,
          &submit_reader::no_ai, &submit_reader::finish})
      if (auto done = (this->*check)(); !done)
        return tl::unexpected<error>(done.error());
    return std::move(start_);
  }

private:
  using step = result<void>;

  static step refuse(string text) {
    return fail(errc::invalid_argument, std::move(text));
  }

  /// A field at the top wins over the same key in `context`, and is written
  /// there, where later stages look for it.
  result<std::optional<string>> either(const char* name) {
    auto top = read_string(body_, name, "");
    if (!top)
      return top;
    if (!(*top).value_or("").empty()) {
      context_[name] = **top;
      return top;
    }
    return read_string(context_, name, "context.");
  }

  step context() {
    const auto* given = find_field(body_, "context");
    context_ = json_in::object();
    if (!given)
      return {};
    if (!given->is_object())
      return refuse("Invalid request body: context must be an object, not "
                    + type_name(*given));
    if (auto at = find_nul(*given, "context"); !at.empty())
      return refuse("Invalid request body: " + at
                    + " contains a NUL character");
    context_ = *given;
    // Of the names that clients know; the others are for people who wait.
    if (auto at = context_.find("priority"); at != context_.end())
      if (*at == "low" || *at == "batch")
        input_.set_priority("batch");
    return take_attachments(context_, start_);
  }

  step query() {
    auto text = read_string(body_, "query", "");
    if (!text)
      return tl::unexpected<error>(text.error());
    auto query = text->value_or("");
    if (query.find_first_not_of(" \t\r\n") == string::npos) {
      auto files = context_.find("attachments");
      if (files == context_.end() || !files->is_array() || files->empty())
        return refuse("Query is required");
      query = "[User sent file attachments]";
    }
    input_.set_query(std::move(query));
    return {};
  }

  step session() {
    auto id = read_session(body_);
    if (!id)
      return tl::unexpected<error>(id.error());
    input_.set_session(std::move(*id));
    return {};
  }

  template <class List>
  result<string> one_of(const char* name, const List& allowed,
                        bool names_value = false) {
    auto given = either(name);
    if (!given)
      return tl::unexpected<error>(given.error());
    auto text = lower(given->value_or(""));
    if (!text.empty()
        && std::find(allowed.begin(), allowed.end(), text) == allowed.end())
      return fail(errc::invalid_argument,
                  "Invalid " + string{name}
                      + (names_value ? ": " + (*given)->substr(0, 64) : "")
                      + " (allowed: " + listed(allowed) + ")");
    return text;
  }

  step mode() {
    auto given = read_string(body_, "mode", "");
    if (!given)
      return tl::unexpected<error>(given.error());
    auto text = lower(given->value_or(""));
    if (!text.empty()
        && std::find(modes.begin(), modes.end(), text) == modes.end())
      return refuse("Invalid mode (allowed: " + listed(modes) + ")");
    input_.set_mode(std::move(text));
    return {};
  }

  step skill() {
    auto name = read_string(body_, "skill", "");
    if (!name)
      return tl::unexpected<error>(name.error());
    if (name->value_or("").empty())
      return {};
    const auto* found = find_skill(**name);
    if (!found)
      return refuse("Unknown skill: " + (*name)->substr(0, 128));
    if (!found->enabled)
      return refuse("Skill " + found->name + " is disabled");
    auto trusted = who_.role == "admin" || who_.role == "owner"
                   || who_.may("skills:dangerous");
    if (found->dangerous && !trusted)
      return fail(errc::denied,
                  "Skill " + found->name
                      + " is dangerous: expected the role admin or owner, or "
                        "the scope skills:dangerous");
    context_["skill"] = found->name;
    context_["skill_version"] = found->version;
    context_["system_prompt"] = found->content;
    if (!found->requires_role.empty())
      context_["role"] = found->requires_role;
    if (found->budget_max > 0)
      context_["budget_max"] = found->budget_max;
    return {};
  }

  step tier() {
    auto text = one_of("model_tier", tiers);
    if (!text)
      return tl::unexpected<error>(text.error());
    input_.set_tier(std::move(*text));
    return {};
  }

  step model() {
    auto text = either("model_override");
    if (!text)
      return tl::unexpected<error>(text.error());
    auto id = text->value_or("");
    if (id.size() > model_bytes_max || has_control(id))
      return refuse("Invalid model_override: at most 256 bytes without "
                    "control characters");
    input_.set_model(std::move(id));
    return {};
  }

  step provider() {
    auto text = one_of("provider_override", providers, true);
    if (!text)
      return tl::unexpected<error>(text.error());
    input_.set_provider(std::move(*text));
    return {};
  }

  step strategy() {
    auto text = one_of("research_strategy", strategies);
    if (!text)
      return tl::unexpected<error>(text.error());
    auto verify = read_bool(body_, "enable_verification", "");
    if (!verify)
      return tl::unexpected<error>(verify.error());
    if (*verify)
      context_["enable_verification"] = **verify;
    return {};
  }

  /// A number of the context that counts where the field beside it names none;
  /// 0 for what is none, or out of bounds.
  std::int64_t hint(const char* name, std::int64_t most) const {
    auto at = context_.find(name);
    if (at == context_.end() || !at->is_number_integer())
      return 0;
    auto wish = at->get<std::int64_t>();
    return wish >= 1 && wish <= most ? wish : 0;
  }

  step bounds() {
    auto rounds = read_int(body_, "max_iterations", 1, 50);
    if (!rounds)
      return tl::unexpected<error>(rounds.error());
    auto agents = read_int(body_, "max_concurrent_agents", 1, 20);
    if (!agents)
      return tl::unexpected<error>(agents.error());
    input_.set_iterations_max(static_cast<std::uint32_t>(
        rounds->value_or(hint("react_max_iterations", 50))));
    input_.set_agents_max(static_cast<std::uint32_t>(
        agents->value_or(hint("max_concurrent_agents", 20))));
    for (const char* name : {"budget_max", "token_budget_per_agent"})
      if (auto at = context_.find(name);
          at != context_.end() && !is_amount(*at))
        return refuse(
            string{"Invalid context."} + name
            + ": expected a number that is not negative, or its "
              "text; found "
            + at->dump(-1, ' ', false, json_in::error_handler_t::replace)
                  .substr(0, 80));
    return {};
  }

  step no_ai() {
    auto flag = context_.find("disable_ai");
    if (is_truthy(flag == context_.end() ? nullptr : &*flag)
        && (!input_.tier().empty() || !input_.model().empty()
            || !input_.provider().empty()))
      return refuse("disable_ai=true conflicts with model_tier/model_override");
    return {};
  }

  step finish() {
    if (!context_.empty())
      input_.set_context_json(
          context_.dump(-1, ' ', false, json_in::error_handler_t::replace));
    if (input_.ByteSizeLong() > task_input_bytes_max)
      return refuse("Task input is too large: "
                    + std::to_string(input_.ByteSizeLong())
                    + " bytes in query and context, at most "
                    + std::to_string(task_input_bytes_max));
    return {};
  }

  const json_in& body_;
  const identity& who_;
  json_in context_;
  remote::StartTask start_;
  remote::TaskInput& input_ = *start_.mutable_input();
};

} // namespace

result<std::string> read_session(const json_in& body) {
  auto given = read_string(body, "session_id", "");
  if (!given)
    return tl::unexpected<error>(given.error());
  auto text = given->value_or("");
  if (text.size() > session_bytes_max)
    return fail(errc::invalid_argument,
                "Invalid session_id: longer than 256 bytes");
  if (has_control(text))
    return fail(errc::invalid_argument,
                "Invalid session_id: contains a control character");
  return text;
}

tl::expected<remote::StartTask, http_response>
read_submit(const http_request& request, const identity& who,
            std::uint32_t json_depth_max) {
  if (auto refused = check_media_type(request))
    return tl::unexpected<http_response>(std::move(*refused));
  auto body = body_object(request, json_depth_max);
  if (!body)
    return tl::unexpected<http_response>(error_answer(body.error()));
  auto input = submit_reader{*body, who}.read();
  if (!input)
    return tl::unexpected<http_response>(error_answer(input.error()));
  return std::move(*input);
}

std::string read_reason(const http_request& request,
                        std::uint32_t json_depth_max) {
  auto body = body_object(request, json_depth_max);
  if (!body)
    return {};
  auto reason = read_string(*body, "reason", "");
  if (!reason)
    return {};
  return std::string{kit::utf8_prefix(reason->value_or(""), reason_bytes_max)};
}

} // namespace shannon::gateway
