// What is read without a tree says what the tree says.

#include "actors/llm/wire/plain_answer.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <random>
#include <string>
#include <string_view>
#include <vector>

using namespace shannon::llm;
using nlohmann::json;

namespace {

const std::string whole
    = R"({"id":"c1","object":"chat.completion","created":1700000000,)"
      R"("model":"m","choices":[{"index":0,"message":{"role":"assistant",)"
      R"("content":"Some \"words\"\nand möre.","refusal":null},"logprobs":)"
      R"(null,"finish_reason":"stop"},{"index":1,"message":{"content":"no"}}],)"
      R"("usage":{"prompt_tokens":12,"completion_tokens":11,"total_tokens":23,)"
      R"("prompt_tokens_details":{"cached_tokens":4,"audio_tokens":0}},)"
      R"("system_fingerprint":null,"x":[1.5,-2,true,false,{"y":[]}]})";
const std::string piece
    = R"({"id":"c1","choices":[{"index":0,"delta":{"content":"~word "},)"
      R"("finish_reason":null}]})";

/// What the tree says; nothing where it is no JSON object at all.
std::optional<plain_answer> by_tree(std::string_view text, const char* part) {
  auto all = json::parse(text, nullptr, false);
  if (!all.is_object())
    return std::nullopt;
  plain_answer out;
  auto text_of = [](const json& in, const char* key) {
    auto at = in.is_object() ? in.find(key) : in.end();
    return in.is_object() && at != in.end() && at->is_string()
               ? at->get<std::string>()
               : std::string{};
  };
  auto count_of = [](const json& in, const char* key) -> std::int64_t {
    auto at = in.is_object() ? in.find(key) : in.end();
    if (!in.is_object() || at == in.end() || !at->is_number_integer())
      return -1;
    auto n = at->get<std::int64_t>();
    return n < 0 || n > 1'000'000'000 ? -1 : n;
  };
  auto usage = all.value("usage", json{});
  out.input_tokens = count_of(usage, "prompt_tokens");
  out.output_tokens = count_of(usage, "completion_tokens");
  if (usage.is_object())
    out.cached_tokens = count_of(usage.value("prompt_tokens_details", json{}),
                                 "cached_tokens");
  auto choices = all.value("choices", json{});
  if (choices.is_array() && !choices.empty() && choices[0].is_object()) {
    out.finish_reason = text_of(choices[0], "finish_reason");
    out.text = text_of(choices[0].value(part, json{}), "content");
  }
  return out;
}

/// Plain or not: never anything else than the tree. True if it was plain.
bool says_the_same(const std::string& text, const char* part) {
  auto plain = read_plain(text, part);
  if (!plain)
    return false;
  INFO(text);
  auto tree = by_tree(text, part);
  REQUIRE(tree);
  CHECK(plain->text == tree->text);
  CHECK(plain->finish_reason == tree->finish_reason);
  CHECK(plain->input_tokens == tree->input_tokens);
  CHECK(plain->output_tokens == tree->output_tokens);
  CHECK(plain->cached_tokens == tree->cached_tokens);
  return true;
}

} // namespace

TEST_CASE("whole answers and pieces of streams are plain") {
  CHECK(says_the_same(whole, "message"));
  CHECK(says_the_same(piece, "delta"));
  CHECK(says_the_same(R"( {"choices" : [ ] , "usage" : null } )", "delta"));
  CHECK(says_the_same(R"({"choices":[{"delta":{},"finish_reason":"length"}]})",
                      "delta"));
  CHECK(says_the_same(R"({"usage":{"prompt_tokens":0}})", "delta"));
  CHECK(says_the_same("{}", "delta"));
  auto got = read_plain(whole, "message");
  REQUIRE(got);
  CHECK(got->text == "Some \"words\"\nand möre.");
  CHECK(got->cached_tokens == 4);
}

TEST_CASE("whatever is anything else is left to the tree") {
  std::vector<std::string> odd{
      "",
      "[]",
      "null",
      "{",
      "{} {}",
      "{\"a\":1,}",
      R"({"error":{"message":"m"}})",
      R"({"choices":null})",
      R"({"choices":[null]})",
      R"({"choices":[{"delta":{"tool_calls":[]}}]})",
      R"({"choices":[{"delta":{"refusal":"no"}}]})",
      R"({"choices":[{"delta":{"content":[{"text":"a"}]}}]})",
      R"({"choices":[{"delta":{"content":"\u0041"}}]})",
      R"({"choices":[],"choices":[]})",
      R"({"choices":[{"finish_reason":1}]})",
      R"({"usage":{"prompt_tokens":-1}})",
      R"({"usage":{"prompt_tokens":1.0}})",
      R"({"usage":{"prompt_tokens":1000000001}})",
      R"({"a":01})",
      R"({"a":1e9})",
      R"({"a":nul})",
      R"({"a":"\x"})",
      "{\"a\":\"\n\"}",
      "{\"a\":\"\xff\"}",
      "{\"a\":\"\xed\xa0\x80\"}",
      "{\"a\":" + std::string(40, '[') + std::string(40, ']') + "}"};
  for (const auto& text : odd) {
    INFO(text);
    CHECK_FALSE(read_plain(text, "delta"));
  }
}

TEST_CASE("what is broken somewhere is not read as something else") {
  std::mt19937 draw{42};
  int plain = 0;
  for (int i = 0; i < 100'000; ++i) {
    bool is_whole = i % 2 == 0;
    auto text = is_whole ? whole : piece;
    for (auto n = draw() % 3; n != 0 || text.empty(); --n) {
      auto at = draw() % text.size();
      switch (draw() % 4) {
      case 0:
        text[at] = static_cast<char>(draw());
        break;
      case 1:
        text.erase(at, 1 + draw() % 4);
        break;
      case 2:
        text.insert(at, 1, "\"\\{}[],:0-.enul \xc3"[draw() % 17]);
        break;
      default:
        text.insert(at, text.substr(draw() % text.size(), draw() % 24));
      }
      if (text.empty())
        text = "{}";
    }
    plain += says_the_same(text, is_whole ? "message" : "delta") ? 1 : 0;
  }
  CHECK(plain > 10'000);
}
