// OpenAI's chat completions.

#include "actors/gateway/openai/writers.hpp"
#include "actors/gateway/text/json_text.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace shannon::gateway::chat {

namespace {

using std::string;
using std::string_view;

/// What who watches an agent is shown, of all that happens in its run.
constexpr std::array<string_view, 24> shown_types{"WORKFLOW_STARTED",
                                                  "AGENT_STARTED",
                                                  "AGENT_COMPLETED",
                                                  "AGENT_THINKING",
                                                  "TOOL_INVOKED",
                                                  "TOOL_OBSERVATION",
                                                  "PROGRESS",
                                                  "DATA_PROCESSING",
                                                  "WAITING",
                                                  "ERROR_RECOVERY",
                                                  "TEAM_RECRUITED",
                                                  "TEAM_RETIRED",
                                                  "TEAM_STATUS",
                                                  "ROLE_ASSIGNED",
                                                  "DELEGATION",
                                                  "DEPENDENCY_SATISFIED",
                                                  "BUDGET_THRESHOLD",
                                                  "APPROVAL_REQUESTED",
                                                  "APPROVAL_DECISION",
                                                  "WORKFLOW_PAUSING",
                                                  "WORKFLOW_PAUSED",
                                                  "WORKFLOW_RESUMED",
                                                  "WORKFLOW_CANCELLING",
                                                  "WORKFLOW_CANCELLED"};

std::int64_t unix_time(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::seconds>(at.time_since_epoch())
      .count();
}

string usage_text(const remote::TokenUsage& usage) {
  auto total = usage.input_tokens() + usage.output_tokens();
  auto all = "{\"prompt_tokens\":" + std::to_string(usage.input_tokens())
             + ",\"completion_tokens\":" + std::to_string(usage.output_tokens())
             + ",\"total_tokens\":" + std::to_string(total);
  if (usage.cache_read_tokens() > 0)
    all += ",\"prompt_tokens_details\":{\"cached_tokens\":"
           + std::to_string(usage.cache_read_tokens()) + "}";
  return all += "}";
}

bool is_zero(const remote::TokenUsage& usage) noexcept {
  return usage.input_tokens() == 0 && usage.output_tokens() == 0;
}

/// Written piece by piece: a tree of it would cost as much as all the rest of
/// an answer.
string message_text(const remote::ChatMessage& message) {
  string all = "{\"role\":\"assistant\",\"content\":";
  all += message.text().empty() && message.tool_calls_size() > 0
             ? "null"
             : json_string(message.text());
  for (int i = 0; i < message.tool_calls_size(); ++i) {
    const auto& call = message.tool_calls(i);
    all += i == 0 ? ",\"tool_calls\":[" : ",";
    all += "{\"id\":" + json_string(call.id())
           + ",\"type\":\"function\",\"function\":{\"name\":"
           + json_string(call.name())
           + ",\"arguments\":" + json_string(call.arguments_json()) + "}}";
  }
  return all += message.tool_calls_size() > 0 ? "]}" : "}";
}

class writer final : public answer_writer {
public:
  explicit writer(answer_head head) : head_(std::move(head)) {
    prefix_ = "data: {\"id\":" + json_string(head_.id)
              + ",\"object\":\"chat.completion.chunk\",\"created\":"
              + std::to_string(unix_time(head_.created))
              + ",\"model\":" + json_string(head_.model) + ",\"choices\":[";
  }

  http_response whole(const remote::LlmResponse& answer) override {
    string all = "{\"id\":" + json_string(head_.id)
                 + ",\"object\":\"chat.completion\",\"created\":"
                 + std::to_string(unix_time(head_.created))
                 + ",\"model\":" + json_string(head_.model)
                 + ",\"choices\":[{\"index\":0,\"message\":"
                 + message_text(answer.message()) + ",\"finish_reason\":"
                 + json_string(answer.finish_reason()) + "}]";
    if (!is_zero(answer.usage()))
      all += ",\"usage\":" + usage_text(answer.usage());
    return {200, {{"Content-Type", "application/json"}}, all += "}\n"};
  }

  http_response refused(const error& why) override {
    return refusal(dialect::openai, why);
  }

  string begin() override {
    return head_.is_agent ? keepalive() : string{};
  }

  string text(string_view piece) override {
    return chunk("\"content\":" + json_string(piece));
  }

  string call(const remote::ToolCallDelta& piece) override {
    string line = "\"tool_calls\":[{\"index\":" + std::to_string(piece.index());
    if (!piece.id().empty())
      line += ",\"id\":" + json_string(piece.id()) + ",\"type\":\"function\"";
    line += ",\"function\":{";
    if (!piece.name().empty())
      line += "\"name\":" + json_string(piece.name()) + ",";
    line += "\"arguments\":" + json_string(piece.arguments()) + "}}]";
    return chunk(line);
  }

  string event(const run_event& what) override {
    const auto& type = what.event.type();
    if (std::find(shown_types.begin(), shown_types.end(), type)
        == shown_types.end())
      return {};
    json_out line;
    line["type"] = type;
    if (!what.event.agent_id().empty())
      line["agent_id"] = what.event.agent_id();
    if (!what.event.message().empty())
      line["message"] = what.event.message();
    line["timestamp"] = unix_time(what.at);
    if (auto payload = stored_json(what.event.payload_json());
        !payload.is_null())
      line["payload"] = std::move(payload);
    return chunk({}, {}, ",\"shannon_events\":[" + go_text(line) + "]");
  }

  string keepalive() override {
    return ": keepalive\n\n";
  }

  string end(const remote::LlmResponse& answer) override {
    auto finish = ",\"finish_reason\":" + json_string(answer.finish_reason());
    bool tells = head_.include_usage && !is_zero(answer.usage());
    auto usage = tells ? ",\"usage\":" + usage_text(answer.usage()) : string{};
    if (!tells || head_.is_agent)
      return chunk({}, finish, usage) + done;
    return chunk({}, finish) + prefix_ + "]" + usage + "}\n\n" + done;
  }

  string broke(const error& why) override {
    if (!head_.is_agent)
      return "data: " + error_object(dialect::openai, why) + "\n\n" + done;
    constexpr string_view stop = ",\"finish_reason\":\"stop\"";
    return chunk("\"content\":" + json_string("\n\n[Error: " + why.text + "]"),
                 stop)
           + chunk({}, stop) + done;
  }

private:
  static constexpr const char* done = "data: [DONE]\n\n";

  /// One choice with this delta; `finish` goes behind it, `more` behind the
  /// choices. The first of a stream names the role.
  string chunk(string_view delta, string_view finish = {},
               string_view more = {}) {
    string all;
    all.reserve(prefix_.size() + delta.size() + finish.size() + more.size()
                + 64);
    all += prefix_;
    all += "{\"index\":0,\"delta\":{";
    if (!std::exchange(begun_, true)) {
      all += "\"role\":\"assistant\"";
      if (!delta.empty())
        all += ',';
    }
    all += delta;
    all += '}';
    all += finish;
    all += "}]";
    all += more;
    return all += "}\n\n";
  }

  answer_head head_;
  string prefix_;
  bool begun_ = false;
};

} // namespace

std::unique_ptr<answer_writer> chat_writer(answer_head head) {
  return std::make_unique<writer>(std::move(head));
}

} // namespace shannon::gateway::chat
