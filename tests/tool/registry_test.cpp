#include "actors/tool/registry.hpp"
#include "actors/tool/run_table.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <string>

using namespace shannon;
using namespace shannon::tool;

namespace {

tool_definition nothing(std::string name) {
  tool_definition out;
  out.name = std::move(name);
  out.parameters = R"({"type": "object"})";
  out.run = [](const tool_input&, const tool_done&) -> tool_cancel {
    return [] {};
  };
  return out;
}

remote::ToolRun call_of(const std::string& key, const std::string& arguments) {
  remote::ToolRun out;
  out.mutable_context()->set_attempt_key(key);
  out.mutable_request()->set_tool("x");
  out.mutable_request()->set_arguments_json(arguments);
  return out;
}

/// A run table with a registry of one tool.
struct table_fixture {
  registry tools = *registry::make({nothing("x")});
  run_table table{2, 2};

  result<void> add(const std::string& key, const std::string& arguments = "") {
    auto what = call_of(key, arguments);
    envelope mail;
    mail.correlation = 1;
    return table.add(mail, what, *tools.check(what.request()));
  }
};

} // namespace

TEST_CASE("a registry refuses tools that are not whole or stand twice") {
  CHECK_FALSE(registry::make({nothing("a"), nothing("a")}));
  CHECK_FALSE(registry::make({nothing("")}));
  auto bad = nothing("a");
  bad.parameters = "{";
  CHECK_FALSE(registry::make({bad}));
}

TEST_CASE("an unknown tool is answered with the names there are") {
  auto tools = *registry::make({nothing("a"), nothing("b")});
  remote::ToolRequest request;
  request.set_tool("rm -rf");
  auto got = tools.check(request);
  REQUIRE_FALSE(got);
  CHECK(got.error().text == "unknown tool 'rm -rf', expected one of a, b");
  CHECK(tools.list().tools_size() == 2);
}

TEST_CASE("an answer is valid UTF-8 and cut at a character") {
  remote::ToolResult raw;
  raw.set_output("a\xff"
                 "b");
  CHECK(presentable(raw, 100).output()
        == "a\xef\xbf\xbd"
           "b");
  raw.set_output(std::string(10, 'x') + "\xc3\xa9" + std::string(10, 'y'));
  auto cut = presentable(raw, 11);
  CHECK(cut.truncated());
  CHECK(cut.output() == "xxxxxxxxxx\n[cut: 10 of 22 bytes shown]");
  raw.set_output(std::string("a\0b", 3));
  CHECK(presentable(raw, 100).output().find('\0') == std::string::npos);
}

TEST_CASE("calls run up to the limit, then wait, then are refused") {
  table_fixture f;
  CHECK(f.add("1"));
  CHECK(f.add("2"));
  REQUIRE(f.table.next());
  REQUIRE(f.table.next());
  CHECK(f.add("3"));
  CHECK(f.add("4"));
  CHECK(f.table.next() == nullptr);
  auto refused = f.add("5");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::overloaded);
  CHECK(refused.error().retryable);
  CHECK(f.table.remove(1)->attempt_key == "1");
  CHECK(f.table.next()->attempt_key == "3");
  CHECK(f.table.running() == 2);
  CHECK(f.table.waiting() == 1);
}

TEST_CASE("the same attempt asked twice is one run with two askers") {
  table_fixture f;
  CHECK(f.add("k", R"({"a": 1})"));
  CHECK(f.add("k", R"({ "a" : 1 })"));
  CHECK(f.table.waiting() == 1);
  CHECK(f.table.next()->askers.size() == 2);
  auto other = f.add("k", R"({"a": 2})");
  REQUIRE_FALSE(other);
  CHECK(other.error().code == errc::conflict);
  // Without a key nothing can be told apart: each runs.
  CHECK(f.add(""));
  CHECK(f.add(""));
  CHECK(f.table.waiting() == 2);
  CHECK(f.table.under("").empty());
}
