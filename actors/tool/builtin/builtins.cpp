#include "actors/tool/builtin/builtins.hpp"

#include "actors/tool/builtin/calculator.hpp"

#include <nlohmann/json.hpp>

namespace shannon::tool {

tool_definition calculator_tool() {
  tool_definition out;
  out.name = "calculator";
  out.description
      = "Evaluates an arithmetic expression exactly where possible. Operators: "
        "+ - * / // % ^ ** ! and parentheses; functions: sqrt abs round floor "
        "ceil trunc ln log log2 log10 exp sin cos tan asin acos atan min max "
        "pow factorial; constants: pi, e. Angles are in radians.";
  out.parameters = R"({
    "type": "object",
    "properties": {
      "expression": {
        "type": "string", "minLength": 1, "maxLength": 4096,
        "description": "for example (3 + 4) * 2^10 / 7"
      }
    },
    "required": ["expression"],
    "additionalProperties": false
  })";
  // Bounded by the expression's length: quick enough for the caller's thread.
  out.run = [](const tool_input& input, const tool_done& done) -> tool_cancel {
    auto got = calculate(
        input.arguments.at("expression").get_ref<const std::string&>());
    if (!got) {
      done(failed_result(got.error().text));
    } else {
      remote::ToolResult answer;
      answer.set_success(true);
      answer.set_output(got->value);
      answer.set_metadata_json(
          nlohmann::json{{"value", got->value}, {"exact", got->exact}}.dump());
      done(std::move(answer));
    }
    return [] {};
  };
  return out;
}

std::vector<tool_definition>
builtin_tools(const std::shared_ptr<tool_parts>& parts) {
  return {calculator_tool(),     web_fetch_tool(parts),  python_tool(parts),
          file_read_tool(parts), file_write_tool(parts), file_list_tool(parts)};
}

} // namespace shannon::tool
