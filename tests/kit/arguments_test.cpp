#include "actors/kit/arguments.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>
#include <utility>
#include <vector>

using namespace shannon;
using namespace shannon::kit;

namespace {

const char* const schema_text = R"({
  "type": "object",
  "properties": {
    "url": {"type": "string", "minLength": 3, "maxLength": 10},
    "count": {"type": "integer", "minimum": 1, "maximum": 5},
    "ratio": {"type": "number"},
    "flag": {"type": "boolean"},
    "mode": {"type": "string", "enum": ["a", "b"]},
    "list": {"type": "array", "maxItems": 2, "items": {"type": "string"}},
    "inner": {
      "type": "object",
      "properties": {"x": {"type": "integer"}},
      "required": ["x"],
      "additionalProperties": false
    }
  },
  "required": ["url"],
  "additionalProperties": false
})";

std::string verdict(const std::string& arguments) {
  static auto schema = argument_schema::compile(schema_text);
  auto parsed = parse_arguments(arguments);
  if (!parsed)
    return parsed.error().text;
  auto ok = schema->check(*parsed);
  return ok ? "ok" : ok.error().text;
}

} // namespace

TEST_CASE("arguments that fit the schema pass") {
  for (const char* text :
       {R"({"url": "abc"})", R"({"url": "abc", "count": 5, "flag": false})",
        R"({"url": "abc", "ratio": 1})", R"({"url": "abc", "ratio": 1.5})",
        R"({"url": "abc", "list": ["x", "y"]})",
        R"({"url": "abc", "inner": {"x": 1}})", R"( {"url":"abc"} )"}) {
    INFO(text);
    CHECK(verdict(text) == "ok");
  }
}

TEST_CASE("arguments that do not fit say field, expected and found") {
  const std::vector<std::pair<std::string, std::string>> lines{
      {"{}", R"(field "url" is required, found nothing)"},
      {"", R"(field "url" is required, found nothing)"},
      {R"({"url": 5})", R"(field "url": expected string, found 5)"},
      {R"({"url": null})", R"(field "url": expected string, found null)"},
      {R"({"url": ["abc"]})",
       R"(field "url": expected string, found an array)"},
      {R"({"url": {}})", R"(field "url": expected string, found an object)"},
      {R"({"url": "ab"})",
       R"(field "url": expected at least this many characters: 3, at most this many characters: 10, found a string of 2 bytes, "ab")"},
      {R"({"url": "abc", "count": 9})",
       R"(field "count": expected at least 1, at most 5, found 9)"},
      {R"({"url": "abc", "count": 2.5})",
       R"(field "count": expected integer, found 2.5)"},
      {R"({"url": "abc", "count": "2"})",
       R"(field "count": expected integer, found a string of 1 bytes, "2")"},
      {R"({"url": "abc", "ratio": true})",
       R"(field "ratio": expected number, found true)"},
      {R"({"url": "abc", "mode": "c"})",
       R"(field "mode": expected one of ["a","b"], found a string of 1 bytes, "c")"},
      {R"({"url": "abc", "list": ["x", 7]})",
       R"(field "list[1]": expected string, found 7)"},
      {R"({"url": "abc", "list": ["x", "y", "z"]})",
       R"(field "list": expected at most this many items: 2, found an array)"},
      {R"({"url": "abc", "inner": {}})",
       R"(field "inner.x" is required, found nothing)"},
      {R"({"url": "abc", "inner": {"x": 1, "y": 2}})",
       R"(field "inner.y" is unknown, expected x)"},
      {R"({"url": "abc", "adress": 1})",
       R"(field "adress" is unknown, expected count, flag, inner, list, mode, ratio, url)"},
  };
  for (const auto& [text, why] : lines) {
    INFO(text);
    CHECK(verdict(text) == why);
  }
}

TEST_CASE("what is no JSON object is told so") {
  const std::vector<std::pair<std::string, std::string>> lines{
      {"[1]", "arguments: expected a JSON object, found array"},
      {"\"x\"", "arguments: expected a JSON object, found string"},
      {"null", "arguments: expected a JSON object, found null"},
      {"{", "no JSON at byte"},
      {"{'a': 1}", "no JSON at byte"},
      {"{\"a\": 1} x", "no JSON at byte"},
      {"{\"a\": NaN}", "no JSON at byte"},
      {"{\"a\": \"\xff\"}", "no JSON at byte"},
      {"{\"a\": \"\\ud800\"}", "no JSON at byte"},
      {"{\"a\": 1e999}", "a number out of range"},
      {"http://example.com", "no JSON at byte"},
      {std::string(100, '[') + std::string(100, ']'), "levels of nesting"},
      {std::string(1'000'000, '['), "expected at most 262144 bytes"},
      {std::string(200'000, '['), "levels of nesting"},
      {"{\"a\":\"" + std::string(300'000, 'x') + "\"}", "found 300008"},
  };
  for (const auto& [text, why] : lines) {
    INFO(text.substr(0, 80));
    auto got = parse_arguments(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().code == errc::invalid_argument);
    INFO(got.error().text);
    CHECK(got.error().text.find(why) != std::string::npos);
  }
}

TEST_CASE("the depth of JSON text counts brackets outside of strings") {
  CHECK(json_depth("1") == 0);
  CHECK(json_depth("{}") == 1);
  CHECK(json_depth(R"({"a":[{"b":1}]})") == 3);
  CHECK(json_depth(R"({"a":"[[[["})") == 1);
  CHECK(json_depth(R"({"a":"\"[[[["})") == 1);
  CHECK(json_depth("]]]]") == 0);
}

TEST_CASE("a text that is no schema does not compile") {
  CHECK_FALSE(argument_schema::compile("{"));
  CHECK_FALSE(argument_schema::compile(R"({"type": 5})"));
}
