#pragma once

#include "actors/llm/local/local_model.hpp"
#include "tests/llm/requests.hpp"

#include <nlohmann/json.hpp>

#include <cstdio>
#include <map>
#include <optional>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

namespace shannon::test {

/// Drives the local model as an agent would, with tools that answer from
/// tables: the first entry whose key stands in the arguments.
struct local_agent {
  explicit local_agent(std::string task) {
    request.set_purpose("agent");
    add(request, remote::ChatMessage::SYSTEM, "You are an agent.");
    add(request, remote::ChatMessage::USER, std::move(task));
  }

  void run() {
    for (const auto& name : tools)
      request.add_tools()->set_name(name);
    for (turns = 1; turns < 10; ++turns) {
      auto got = llm::local_answer(request).message();
      *request.add_messages() = got;
      if (got.tool_calls().empty()) {
        answer = got.text();
        return;
      }
      for (const auto& call : got.tool_calls()) {
        calls.push_back(call);
        use(call);
      }
    }
  }

  std::vector<std::string> tools{"calculator", "python_executor", "web_fetch",
                                 "file_read", "file_write"};
  std::vector<std::pair<std::string, std::string>> results;
  std::vector<std::pair<std::string, std::string>> errors;

  std::vector<remote::ToolCall> calls;
  std::string answer;
  int turns = 0;
  remote::LlmRequest request;

private:
  void use(const remote::ToolCall& call) {
    auto& message = add(request, remote::ChatMessage::TOOL, "144");
    message.set_tool_call_id(call.id());
    message.set_tool_name(call.name());
    for (const auto& [key, text] : results)
      if (call.arguments_json().find(key) != std::string::npos) {
        message.set_text(text);
        break;
      }
    for (const auto& [key, text] : errors)
      if (call.arguments_json().find(key) != std::string::npos) {
        message.set_text(text);
        message.set_is_error(true);
      }
  }
};

/// Runs programs as they are, all in one interpreter; what each printed, or
/// none where one failed.
inline std::vector<std::optional<std::string>>
run_programs(const std::vector<std::string>& codes) {
  const std::string driver
      = "import contextlib, io, json, sys\n"
        "out = []\n"
        "for code in json.load(open(sys.argv[1])):\n"
        "    printed = io.StringIO()\n"
        "    try:\n"
        "        with contextlib.redirect_stdout(printed):\n"
        "            exec(code, {})\n"
        "        out.append(printed.getvalue())\n"
        "    except Exception:\n"
        "        out.append(None)\n"
        "print(json.dumps(out))\n";
  char name[] = "/tmp/shannon-code-XXXXXX";
  int fd = ::mkstemp(name);
  auto text = nlohmann::json(codes).dump();
  bool wrote = fd >= 0
               && ::write(fd, text.data(), text.size())
                      == static_cast<ssize_t>(text.size());
  ::close(fd);
  std::string printed;
  if (auto* pipe
      = ::popen(("python3 -c '" + driver + "' " + name).c_str(), "r");
      pipe && wrote) {
    char buffer[4096];
    while (auto n = std::fread(buffer, 1, sizeof(buffer), pipe))
      printed.append(buffer, n);
    ::pclose(pipe);
  }
  ::unlink(name);
  std::vector<std::optional<std::string>> out(codes.size());
  auto all = nlohmann::json::parse(printed, nullptr, false);
  for (std::size_t i = 0; all.is_array() && i < codes.size(); ++i)
    if (all[i].is_string())
      out[i] = all[i].get<std::string>();
  return out;
}

} // namespace shannon::test
