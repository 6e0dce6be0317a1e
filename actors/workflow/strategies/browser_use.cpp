#include "actors/workflow/strategies/browser_use.hpp"

#include "embedded/prompts.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <string_view>

namespace shannon::workflow {

namespace {

using nlohmann::json;

constexpr std::string_view strategy = "browser_use";
/// As the reference platform has it.
constexpr std::uint32_t iterations_usual = 15;
constexpr std::uint32_t pixels_max = 8'192;
constexpr std::size_t text_max = 512;
constexpr std::array sites{"weixin.qq.com"};

json context_of(const remote::TaskInput& task) {
  auto all = json::parse(task.context_json(), nullptr, false);
  return all.is_object() ? all : json::object();
}

std::string text_in(const json& from, const char* key) {
  auto at = from.find(key);
  if (at == from.end() || !at->is_string())
    return {};
  auto text = at->get<std::string>();
  return text.size() <= text_max ? text : std::string{};
}

std::uint32_t pixels_in(const json& from, const char* key) {
  auto at = from.find(key);
  if (at == from.end() || !at->is_number_unsigned())
    return 0;
  auto value = at->get<std::uint64_t>();
  return value <= pixels_max ? static_cast<std::uint32_t>(value) : 0;
}

} // namespace

bool uses_browser(const remote::TaskInput& task) {
  auto context = context_of(task);
  if (text_in(context, "role") == strategy
      || text_in(context, "cognitive_strategy") == strategy)
    return true;
  for (const auto* site : sites)
    if (task.query().find(site) != std::string::npos)
      return true;
  return false;
}

void give_browser(const remote::TaskInput& task, remote::AgentBrief& brief) {
  brief.set_role(std::string{strategy});
  brief.clear_tools();
  brief.add_tools("browser_*");
  if (task.iterations_max() == 0)
    brief.set_iterations_max(iterations_usual);
  if (brief.tier().empty())
    brief.set_tier("medium");
  auto context = context_of(task);
  if (brief.system_prompt().empty())
    for (const auto& [file, text] : embedded::prompts())
      if (file == "browser_use.txt")
        brief.set_system_prompt(std::string{text});
  auto wish = context.find("browser");
  if (wish == context.end() || !wish->is_object())
    return;
  auto& options = *brief.mutable_browser();
  options.set_width(pixels_in(*wish, "width"));
  options.set_height(pixels_in(*wish, "height"));
  options.set_user_agent(text_in(*wish, "user_agent"));
  options.set_locale(text_in(*wish, "locale"));
}

} // namespace shannon::workflow
