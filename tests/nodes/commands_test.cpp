#include "nodes/commands/exit_code.hpp"
#include "nodes/commands/server_url.hpp"
#include "nodes/commands/sse_reader.hpp"
#include "nodes/commands/task_view.hpp"
#include "nodes/commands/terminal.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::commands;
using nlohmann::json;

namespace {

/// Descriptor -1 is no terminal: no colour, no window.
const terminal plain{-1};

std::vector<stream_event> events_of(const std::string& bytes,
                                    std::size_t portion) {
  std::vector<stream_event> events;
  sse_reader reader;
  for (std::size_t i = 0; i < bytes.size(); i += portion)
    REQUIRE(reader.take(bytes.substr(i, portion),
                        [&](const stream_event& e) { events.push_back(e); }));
  return events;
}

} // namespace

TEST_CASE("an event stream reads the same in any portions") {
  const std::string bytes = ": connected to workflow t\n\n"
                            "id: 1\nevent: WORKFLOW_STARTED\n"
                            "data: {\"seq\":1}\n\n"
                            ": ping\n\n"
                            "id: 2\r\nevent:done\r\ndata: [DONE]\r\n\r\n"
                            "id: 3\nevent: cut off";
  for (std::size_t portion : {1, 2, 7, 1000}) {
    auto events = events_of(bytes, portion);
    REQUIRE(events.size() == 2);
    CHECK(events[0].id == "1");
    CHECK(events[0].name == "WORKFLOW_STARTED");
    CHECK(events[0].data == "{\"seq\":1}");
    CHECK(events[1].id == "2");
    CHECK(events[1].name == "done");
    CHECK(events[1].data == "[DONE]");
  }
}

TEST_CASE("an event of several data lines keeps its line breaks") {
  auto events = events_of("data: a\ndata:\ndata: b\n\n", 3);
  REQUIRE(events.size() == 1);
  CHECK(events[0].data == "a\n\nb");
}

TEST_CASE("an event above the limit ends the stream") {
  sse_reader reader;
  std::string line = "data: " + std::string(1024 * 1024, 'x') + "\n";
  bool whole = true;
  int taken = 0;
  while (whole && taken < 32) {
    whole = reader.take(line, [](const stream_event&) {});
    ++taken;
  }
  CHECK_FALSE(whole);
  CHECK(taken == 16);
}

TEST_CASE("a server's address is taken apart") {
  auto url = parse_server_url("http://127.0.0.1:8080");
  REQUIRE(url);
  CHECK(url->host == "127.0.0.1");
  CHECK(url->port == 8080);
  CHECK_FALSE(url->tls);
  url = parse_server_url("https://shannon.example.org/base/");
  REQUIRE(url);
  CHECK(url->tls);
  CHECK(url->port == 443);
  CHECK(url->prefix == "/base");
  url = parse_server_url("http://[::1]:9000");
  REQUIRE(url);
  CHECK(url->host == "::1");
  CHECK(url->text() == "http://[::1]:9000");
}

TEST_CASE("a bad address is refused and quoted") {
  for (const char* text :
       {"127.0.0.1:8080", "ftp://x", "http://", "http://:80", "http://x:0",
        "http://x:65536", "http://x:8a", "http://x:", "http://[::1",
        "http://u@x", "http://x?y"}) {
    auto url = parse_server_url(text);
    INFO(text);
    REQUIRE_FALSE(url);
    CHECK(url.error().code == errc::invalid_argument);
    CHECK(url.error().text.find(text) != std::string::npos);
  }
}

TEST_CASE("an id cannot leave its path element") {
  CHECK(url_encoded("task-1.a_b:c~") == "task-1.a_b:c~");
  CHECK(url_encoded("../x?y#z %") == "..%2Fx%3Fy%23z%20%25");
}

TEST_CASE("texts of others cannot steer the terminal") {
  CHECK(harmless("a\x1b[2Jb\r\x07\tc\nd\x7f") == "a[2Jb\tc\nd");
  CHECK(harmless("\xC2\x9Bm\xC2\xA0") == "m\xC2\xA0");
  CHECK(one_line("  a \n\n b\t") == "a b");
}

TEST_CASE("texts are cut and filled by characters, not bytes") {
  CHECK(shortened("grüße", 5) == "grüße");
  CHECK(shortened("grüße", 4) == "grü…");
  CHECK(padded("üü", 4) == "üü  ");
}

TEST_CASE("every kind of error has its exit code") {
  CHECK(exit_code_of(errc::ok) == exit_code::ok);
  CHECK(exit_code_of(errc::invalid_argument) == exit_code::usage);
  CHECK(exit_code_of(errc::not_found) == exit_code::not_found);
  CHECK(exit_code_of(errc::unavailable) == exit_code::unavailable);
  CHECK(exit_code_of(errc::overloaded) == exit_code::unavailable);
  CHECK(exit_code_of(errc::timeout) == exit_code::timeout);
  CHECK(exit_code_of(errc::denied) == exit_code::failure);
}

TEST_CASE("only a completed task has succeeded") {
  for (const char* status : {"COMPLETED", "FAILED", "CANCELLED", "TIMEOUT"})
    CHECK(is_over({{"status", std::string{"TASK_STATUS_"} + status}}));
  for (const char* status : {"QUEUED", "RUNNING", "PAUSED", "UNSPECIFIED"})
    CHECK_FALSE(is_over({{"status", std::string{"TASK_STATUS_"} + status}}));
  CHECK(has_succeeded({{"status", "TASK_STATUS_COMPLETED"}}));
  CHECK_FALSE(has_succeeded({{"status", "TASK_STATUS_FAILED"}}));
}

TEST_CASE("times are read with fraction and offset") {
  CHECK(rfc3339_seconds("1970-01-01T00:00:01.5Z") == Approx(1.5));
  CHECK(rfc3339_seconds("1970-01-01T01:00:00+01:00") == Approx(0));
  CHECK(rfc3339_seconds("2026-11-23T11:22:33.000250Z")
            - rfc3339_seconds("2026-11-23T11:22:32Z")
        == Approx(1.00025).margin(1e-6));
  CHECK(rfc3339_seconds("yesterday") == 0);
}

TEST_CASE("a timeline tells number, time, type, agent and message") {
  json event{{"seq", 3},
             {"type", "TOOL_INVOKED"},
             {"agent_id", "ada"},
             {"message", "calculator\n17 * 23"},
             {"timestamp", "1970-01-01T00:01:01.250Z"}};
  CHECK(timeline_line(event, 60, plain)
        == "    3     +1.250s  TOOL_INVOKED        ada: calculator 17 * 23");
  CHECK(timeline_line(json::array(), 0, plain) == "    0     +0.000s");
}

TEST_CASE("progress names events as the timeline does") {
  stream_event event{"4", "thread.message.completed",
                     R"({"agent_id":"ada","response":"403"})"};
  CHECK(progress_line(event, 1.5, plain)
        == "   1.50s  LLM_OUTPUT          ada: 403");
  event = {"5", "workflow.cancelled", "{}"};
  CHECK(progress_line(event, 2, plain) == "   2.00s  WORKFLOW_CANCELLED");
  event = {"6", "done", "[DONE]"};
  CHECK(progress_line(event, 2, plain).empty());
  event = {"", "thread.message.delta", R"({"delta":"4"})"};
  CHECK(progress_line(event, 2, plain).empty());
}

TEST_CASE("views of strange answers are poor, not broken") {
  for (const char* text :
       {"null", "[]", "3", R"({"tasks":3})", R"({"tasks":[1,{"task_id":7}]})",
        R"({"usage":[],"status":1})"}) {
    auto value = json::parse(text);
    CHECK_NOTHROW(task_header(value, plain));
    CHECK_NOTHROW(task_table(value, plain));
    CHECK_NOTHROW(task_error(value));
    CHECK_FALSE(is_over(value));
  }
}
