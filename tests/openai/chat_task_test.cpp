#include "actors/gateway/openai/chat_task.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::gateway;
using namespace shannon::gateway::chat;
using remote::ChatMessage;

namespace {

chat_request request(const std::string& body) {
  auto got = read_chat(json_in::parse(body));
  REQUIRE(got);
  return *got;
}

const config::chat_model simple{"shannon-chat", "", "simple", "", 4096, 0};
const config::chat_model deep{"shannon-deep-research", "", "", "deep", 8192, 0};

} // namespace

TEST_CASE("a chat becomes a task: the last message asks, others are history") {
  auto got = task_of(request(R"({"messages": [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "one"},
    {"role": "assistant", "content": "two"},
    {"role": "assistant", "tool_calls": [{"id": "c", "type": "function",
      "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c", "content": "r"},
    {"role": "system", "content": "And polite."},
    {"role": "user", "content": "three"}],
    "temperature": 0.25, "stop": "END",
    "shannon_options": {"context": {"k": 1}, "role": "r",
      "model_tier": "large"}})"),
                     simple);
  REQUIRE(got);
  CHECK(got->input().query() == "three");
  CHECK(got->input().mode() == "simple");
  CHECK(got->input().tier() == "large");
  REQUIRE(got->input().history_size() == 2);
  CHECK(got->input().history(0).role() == ChatMessage::USER);
  CHECK(got->input().history(0).text() == "one");
  CHECK(got->input().history(1).text() == "two");
  CHECK(json_in::parse(got->input().context_json())
        == json_in::parse(R"({"k": 1,
    "role": "r", "model_tier": "large", "max_tokens": 4096,
    "system_prompt": "Be brief.\nAnd polite.", "temperature": 0.25,
    "stop": ["END"]})"));
}

TEST_CASE("a research model asks for research, and the client for which") {
  const std::string body = R"({"messages": [{"role": "user", "content": "q"}],
            "max_tokens": 100000)";
  auto got = task_of(request(body + "}"), deep);
  auto context = json_in::parse(got->input().context_json());
  CHECK(context["force_research"] == true);
  CHECK(context["research_strategy"] == "deep");
  CHECK(context["max_tokens"] == 16384);
  auto chosen = task_of(
      request(body + R"(, "shannon_options": {"research_strategy": "quick"}})"),
      deep);
  CHECK(json_in::parse(chosen->input().context_json())["research_strategy"]
        == "quick");
}

TEST_CASE("pictures of the last message alone go to the task") {
  auto got = task_of(request(R"({"messages": [
    {"role": "user", "content": [{"type": "image_url",
      "image_url": {"url": "data:image/gif;base64,R0lG"}}]},
    {"role": "user", "content": [{"type": "image_url",
      "image_url": {"url": "data:image/png;base64,AAAA"}}]}]})"),
                     simple);
  REQUIRE(got);
  CHECK(got->input().query() == "[User sent file attachments]");
  REQUIRE(got->bodies_size() == 1);
  CHECK(got->bodies(0) == std::string(3, '\0'));
  REQUIRE(got->input().attachments_size() == 1);
  CHECK(got->input().attachments(0).media_type() == "image/png");
  auto shown = json_in::parse(got->input().context_json())["attachments"][0];
  CHECK(shown["size_bytes"] == 3);
  CHECK(shown["blob"] == got->input().attachments(0).url());
  CHECK_FALSE(shown.contains("data"));
}

TEST_CASE("what a task cannot hold is refused") {
  auto why = [](const std::string& content, const std::string& more) {
    auto got = task_of(request(R"({"messages": [{"role": "user",
      "content": )" + content + "}]"
                               + more + "}"),
                       simple);
    REQUIRE(!got);
    CHECK(got.error().code == errc::invalid_argument);
    return got.error().text;
  };
  CHECK(why(R"("  ")", "") == "the last user message is empty");
  CHECK(why(R"("q")", R"(, "shannon_options": {"model_tier": "huge"})")
        == "Invalid model_tier (allowed: small, medium, large)");
  CHECK(why(R"([{"type": "image_url", "image_url":
          {"url": "data:image/png;base64,not base64"}}])",
            "")
        == "Attachment error: context.attachments[0].data is not valid "
           "base64");
  CHECK(why(R"([{"type": "file", "file":
          {"file_data": "data:application/x-sh;base64,AAAA"}}])",
            "")
        == "Attachment error: context.attachments[0].media_type is not "
           "accepted: application/x-sh");
  CHECK(why('"' + std::string(2'000'000, 'x') + '"', "")
            .rfind("the conversation is too large for a task: ", 0)
        == 0);
}

TEST_CASE("a conversation that grows stays in one session") {
  const user_id user{"u1"};
  auto one = request(R"({"messages": [{"role": "system", "content": "s"},
    {"role": "user", "content": "first"}]})");
  auto more = request(R"({"messages": [{"role": "system", "content": "s"},
    {"role": "user", "content": "first"},
    {"role": "assistant", "content": "a"},
    {"role": "user", "content": "second"}]})");
  auto other = request(R"({"messages": [{"role": "system", "content": "t"},
    {"role": "user", "content": "first"}]})");
  auto name = session_of(one, user, "").name;
  CHECK(name.size() == 20);
  CHECK(name.rfind("oai-", 0) == 0);
  CHECK(name.find_first_not_of("0123456789abcdef", 4) == std::string::npos);
  CHECK(session_of(more, user, "").name == name);
  CHECK(session_of(other, user, "").name != name);
  CHECK(session_of(one, user_id{"u2"}, "").name != name);
  CHECK(session_of(one, user, "").id == "shannon-u1-" + name);
}

TEST_CASE("a session that the client names is taken, if it can be one") {
  const user_id user{"u1"};
  auto one = request(R"({"messages": [{"role": "user", "content": "q"}]})");
  CHECK(session_of(one, user, "mine").id == "shannon-u1-mine");
  CHECK(session_of(one, user, "not an id!").name.rfind("oai-", 0) == 0);
}
