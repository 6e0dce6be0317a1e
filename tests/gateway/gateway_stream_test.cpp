#include "tests/gateway/gateway_fixture.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

/// One stream: opens it and reads frames.
class follower {
public:
  follower(gateway_fixture& fixture, const std::string& query,
           const std::string& fields = {})
      : client_(fixture.client()) {
    // HTTP/1.0 gets the frames without chunks.
    client_.send("GET /api/v1/stream/sse?" + query + " HTTP/1.0\r\nHost: a\r\n"
                 + fields + "\r\n");
    head = client_.response(false).value_or(raw_response{});
  }

  /// The next frame without its empty line; empty if none comes.
  std::string frame(std::chrono::milliseconds wait = raw_client::patience) {
    auto text = client_.read_until("\n\n", wait);
    return text ? text->substr(0, text->size() - 2) : std::string{};
  }

  /// Ids of all frames until the stream closes.
  std::vector<std::string> ids_to_end() {
    std::vector<std::string> all;
    for (auto text = frame(); !text.empty(); text = frame())
      if (text.rfind("id: ", 0) == 0)
        all.push_back(text.substr(4, text.find('\n') - 4));
    closed = client_.read_to_end().has_value();
    return all;
  }

  raw_client& client() {
    return client_;
  }

  raw_response head;
  bool closed = false;

private:
  raw_client client_;
};

std::vector<std::string> counting(int from, int to) {
  std::vector<std::string> all;
  for (int i = from; i <= to; ++i)
    all.push_back(std::to_string(i));
  return all;
}

void ended_run(gateway_fixture& fixture, const std::string& task, int events) {
  fixture.fakes.publish(task, fact_of("WORKFLOW_STARTED", "Starting up"));
  for (int i = 2; i < events - 1; ++i)
    fixture.fakes.publish(task, fact_of("PROGRESS", "step"));
  fixture.fakes.publish(task, fact_of("WORKFLOW_COMPLETED", "All done"));
  fixture.fakes.publish(task, fact_of("STREAM_END", "Done"));
  fixture.runs.with(task, [](fake_runs::run& run) {
    run.live = false;
    run.head.status = store::log_status::completed;
  });
}

} // namespace

TEST_CASE("another tenant's run is followed like one that is not there") {
  gateway_fixture fixture;
  ended_run(fixture, "theirs", 5);
  fixture.fakes.publish("live", fact_of("WORKFLOW_STARTED", "theirs alone"));
  for (const char* task : {"theirs", "live"})
    fixture.runs.with(task, [](fake_runs::run& run) {
      run.head.birth.tenant = tenant_id{"another"};
    });
  std::vector<std::string> told;
  for (const std::string task : {"theirs", "live", "nowhere"}) {
    follower one{fixture, "workflow_id=" + task};
    CHECK(one.head.status == 200);
    auto all = one.client().read_to_end();
    REQUIRE(all);
    for (auto at = all->find(task); at != std::string::npos;
         at = all->find(task))
      all->replace(at, task.size(), "TASK");
    told.push_back(*all);
  }
  CHECK(told[0].find("id: ") == std::string::npos);
  CHECK(told[1].find("alone") == std::string::npos);
}

TEST_CASE("a stream opens at once with its documented head") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](auto&) {});
  auto client = fixture.client();
  client.send(get("/api/v1/stream/sse?workflow_id=t"));
  auto head = client.response(false);
  REQUIRE(head);
  CHECK(head->status == 200);
  CHECK(head->fields["content-type"] == "text/event-stream");
  CHECK(head->fields["cache-control"] == "no-cache");
  CHECK(head->fields["connection"] == "keep-alive");
  CHECK(head->fields["keep-alive"] == "timeout=65");
  CHECK(head->fields["x-accel-buffering"] == "no");
  CHECK(head->fields["transfer-encoding"] == "chunked");
  CHECK(head->fields["access-control-allow-methods"] == "GET, OPTIONS");
  CHECK(head->fields["x-trace-id"].size() == 32);
  CHECK(client.read_until("1b\r\n: connected to workflow t\n\n\r\n"));
}

TEST_CASE("an ended run is resumed from each position and closes") {
  gateway_fixture fixture;
  ended_run(fixture, "t", 150);
  for (auto after : {0, 1, 2, 63, 64, 65, 100, 147, 148, 149, 150}) {
    INFO("after " << after);
    auto id = std::to_string(after);
    follower by_query{fixture, "workflow_id=t&last_event_id=" + id};
    CHECK(by_query.ids_to_end() == counting(after + 1, 150));
    CHECK(by_query.closed);
    // The header wins over the parameter.
    follower by_header{fixture, "workflow_id=t&last_event_id=7",
                       "Last-Event-ID: " + id + "\r\n"};
    CHECK(by_header.ids_to_end() == counting(after + 1, 150));
  }
}

TEST_CASE("a position of another server, or none at all, replays everything") {
  gateway_fixture fixture;
  ended_run(fixture, "t", 5);
  follower by_query{fixture, "workflow_id=t&last_event_id=1700000000-0"};
  CHECK(by_query.ids_to_end() == counting(1, 5));
  follower by_header{fixture, "workflow_id=t", "Last-Event-ID: what\r\n"};
  CHECK(by_header.ids_to_end() == counting(1, 5));
}

TEST_CASE("a chunked stream ends in order, and its connection serves on") {
  gateway_fixture fixture;
  ended_run(fixture, "t", 4);
  auto client = fixture.client();
  client.send(get("/api/v1/stream/sse?workflow_id=t"));
  REQUIRE(client.response(false));
  auto body = client.read_until("\r\n0\r\n\r\n");
  REQUIRE(body);
  CHECK(body->substr(body->size() - 5) == "0\r\n\r\n");
  auto text = dechunk(*body);
  auto end = std::string{"id: 4\nevent: done\ndata: [DONE]\n\n"};
  CHECK(text.substr(text.size() - end.size()) == end);
  client.send(get("/health"));
  CHECK(client.response()->status == 200);
}

TEST_CASE("live events follow the stored ones without gap or repeat") {
  gateway_fixture fixture;
  std::vector<std::unique_ptr<follower>> all;
  // Joined at different moments of the run, all see the same.
  for (int i = 1; i <= 60; ++i) {
    if (i % 6 == 1)
      all.push_back(std::make_unique<follower>(fixture, "workflow_id=t"));
    fixture.fakes.publish("t",
                          fact_of(i == 60 ? "STREAM_END" : "PROGRESS", "step"));
  }
  for (auto& one : all) {
    CHECK(one->ids_to_end() == counting(1, 60));
    CHECK(one->closed);
  }
}

TEST_CASE("deltas have no id and are not seen by who filters them") {
  gateway_fixture fixture;
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  follower all{fixture, "workflow_id=t"};
  follower some{fixture, "workflow_id=t&types=LLM_OUTPUT,%20STREAM_END"};
  CHECK(all.frame() == ": connected to workflow t");
  CHECK(some.frame() == ": connected to workflow t");
  CHECK(all.frame().rfind("id: 1\nevent: WORKFLOW_STARTED\n", 0) == 0);
  REQUIRE(eventually(
      [&] { return fixture.runs.find("t")->subscribers.size() == 2; }));
  remote::LlmDelta piece;
  piece.set_agent("a");
  piece.set_text("wo");
  // The first may come before this stream has read the store, and is dropped.
  std::string frame;
  for (int i = 0; i < 500 && frame.empty(); ++i) {
    fixture.fakes.delta("t", piece);
    frame = all.frame(20ms);
  }
  CHECK(frame
        == "event: thread.message.delta\n"
           "data: {\"agent_id\":\"a\",\"delta\":\"wo\",\"seq\":1,"
           "\"stream_id\":\"1\",\"workflow_id\":\"t\"}");
  fixture.fakes.publish("t", fact_of("LLM_OUTPUT", "word", "a"));
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  CHECK(some.frame()
        == "id: 2\nevent: thread.message.completed\n"
           "data: {\"agent_id\":\"a\",\"response\":\"word\",\"seq\":2,"
           "\"stream_id\":\"2\",\"workflow_id\":\"t\"}");
  CHECK(some.ids_to_end() == counting(3, 3));
  CHECK(some.closed);
}

TEST_CASE("token deltas and prompts told from outside reach who follows, and "
          "are not stored") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](auto& run) { run.head.birth.kind = "workflow"; });
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  follower all{fixture, "workflow_id=t"};
  follower some{fixture, "workflow_id=t&types=LLM_PROMPT,%20STREAM_END"};
  CHECK(all.frame() == ": connected to workflow t");
  CHECK(some.frame() == ": connected to workflow t");
  CHECK(all.frame().rfind("id: 1\nevent: WORKFLOW_STARTED\n", 0) == 0);
  REQUIRE(eventually(
      [&] { return fixture.runs.find("t")->subscribers.size() == 2; }));
  auto tell = [&](const std::string& type) {
    auto one = fixture.admin_client();
    REQUIRE(one.send(post("/events", R"({"workflow_id":"t","type":")" + type
                                         + R"(","agent_id":"a",)"
                                           R"("message":"wo"})")));
    auto got = one.response();
    REQUIRE(got);
    CHECK(got->status == 200);
  };
  // The first may come before a stream has read the store, and is dropped.
  std::string frame;
  for (int i = 0; i < 500 && frame.empty(); ++i) {
    tell("LLM_PARTIAL");
    frame = all.frame(20ms);
  }
  CHECK(frame
        == "event: thread.message.delta\n"
           "data: {\"agent_id\":\"a\",\"delta\":\"wo\",\"seq\":1,"
           "\"stream_id\":\"1\",\"workflow_id\":\"t\"}");
  frame.clear();
  for (int i = 0; i < 500 && frame.empty(); ++i) {
    tell("LLM_PROMPT");
    frame = some.frame(20ms);
  }
  CHECK(frame.rfind("event: LLM_PROMPT\ndata: {\"workflow_id\":\"t\","
                    "\"type\":\"LLM_PROMPT\",\"agent_id\":\"a\","
                    "\"message\":\"wo\"",
                    0)
        == 0);
  CHECK(fixture.runs.find("t")->facts.size() == 1);
}

TEST_CASE("an unknown run is told after a moment") {
  gateway_fixture fixture;
  follower one{fixture, "workflow_id=nobody"};
  CHECK(one.head.status == 200);
  CHECK(one.frame() == ": connected to workflow nobody");
  CHECK(one.frame()
        == "event: ERROR_OCCURRED\n"
           "data: {\"workflow_id\":\"nobody\",\"type\":\"ERROR_OCCURRED\","
           "\"message\":\"Workflow not found\"}");
  CHECK(one.ids_to_end().empty());
  CHECK(one.closed);
}

TEST_CASE("a run that begins while it is looked for is followed") {
  gateway_fixture fixture;
  follower one{fixture, "workflow_id=t"};
  CHECK(one.frame() == ": connected to workflow t");
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  CHECK(one.ids_to_end() == counting(1, 2));
}

TEST_CASE("a WORKFLOW that is away is asked again, the store meanwhile") {
  gateway_fixture fixture;
  fixture.runs.refuse_subscriptions(
      error{errc::unavailable, "recovering", true, {}});
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  follower one{fixture, "workflow_id=t"};
  CHECK(one.frame() == ": connected to workflow t");
  CHECK(one.frame().rfind("id: 1\n", 0) == 0);
  fixture.fakes.publish("t", fact_of("PROGRESS", "not told"));
  CHECK(one.frame().rfind("id: 2\n", 0) == 0);
  fixture.runs.refuse_subscriptions(std::nullopt);
  REQUIRE(
      eventually([&] { return !fixture.runs.find("t")->subscribers.empty(); }));
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  CHECK(one.ids_to_end() == counting(3, 3));
}

TEST_CASE("a WORKFLOW that lost its subscribers is subscribed to again") {
  gateway_fixture fixture;
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  follower one{fixture, "workflow_id=t"};
  one.frame();
  CHECK(one.frame().rfind("id: 1\n", 0) == 0);
  REQUIRE(
      eventually([&] { return !fixture.runs.find("t")->subscribers.empty(); }));
  fixture.runs.with("t", [](auto& run) { run.subscribers.clear(); });
  fixture.fakes.publish("t", fact_of("PROGRESS", "not told"));
  CHECK(one.frame(15s).rfind("id: 2\n", 0) == 0);
}

TEST_CASE("a quiet stream is kept awake") {
  auto settings = quick_settings();
  settings.sse_heartbeat = 50ms;
  gateway_fixture fixture{settings};
  fixture.runs.with("t", [](auto&) {});
  follower one{fixture, "workflow_id=t"};
  one.frame();
  CHECK(one.frame() == ": ping");
  CHECK(one.frame() == ": ping");
}

TEST_CASE("any method opens a stream, HEAD only its head") {
  gateway_fixture fixture;
  ended_run(fixture, "t", 3);
  auto poster = fixture.client();
  poster.send(post("/api/v1/stream/sse?workflow_id=t", "{}"));
  CHECK(poster.response(false)->status == 200);
  CHECK(poster.read_until("data: [DONE]\n\n"));
  auto client = fixture.client();
  client.send("HEAD /api/v1/stream/sse?workflow_id=t HTTP/1.1\r\n"
              "Host: a\r\n\r\n");
  CHECK(client.response(false)->fields["content-type"] == "text/event-stream");
  client.send(get("/health"));
  CHECK(client.response()->status == 200);
}

TEST_CASE("a client that leaves is forgotten") {
  gateway_fixture fixture;
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  {
    follower one{fixture, "workflow_id=t"};
    one.frame();
    REQUIRE(eventually(
        [&] { return !fixture.runs.find("t")->subscribers.empty(); }));
  }
  CHECK(
      eventually([&] { return fixture.runs.find("t")->subscribers.empty(); }));
  CHECK(eventually([&] {
    return fixture.registry.render().find("shannon_gateway_streams 0")
           != std::string::npos;
  }));
}

TEST_CASE("a slow reader of live events is dropped, and resumes whole") {
  // At the bound of its own, or of all together.
  auto settings = quick_settings();
  auto [of_one, of_all] = GENERATE(
      std::pair<std::uint64_t, std::uint64_t>{64 * 1024, 1ull << 30},
      std::pair<std::uint64_t, std::uint64_t>{1ull << 30, 64 * 1024});
  settings.sse_buffer_bytes_max = of_one;
  settings.sse_buffers_bytes_max = of_all;
  gateway_fixture fixture{settings};
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  follower slow{fixture, "workflow_id=t"};
  slow.client().receive_little();
  slow.frame();
  REQUIRE(slow.frame().rfind("id: 1\n", 0) == 0);
  REQUIRE(
      eventually([&] { return !fixture.runs.find("t")->subscribers.empty(); }));
  const std::string long_text(8'000, 'x');
  auto dropped = [&] {
    return fixture.registry.render().find(
               "shannon_gateway_streams_dropped_total 1")
           != std::string::npos;
  };
  int events = 1;
  for (; events < 3'000 && !dropped(); ++events)
    fixture.fakes.publish("t", fact_of("PROGRESS", long_text));
  REQUIRE(dropped());
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  ++events;
  auto seen = slow.ids_to_end();
  auto last = seen.empty() ? 1 : std::stoi(seen.back());
  CHECK(last < events);
  CHECK(seen == counting(2, last));
  follower again{fixture, "workflow_id=t",
                 "Last-Event-ID: " + std::to_string(last) + "\r\n"};
  CHECK(again.ids_to_end() == counting(last + 1, events));
}

TEST_CASE("a slow reader of an old run is waited for") {
  auto settings = quick_settings();
  settings.sse_buffer_bytes_max = 32 * 1024;
  gateway_fixture fixture{settings};
  const std::string long_text(8'000, 'x');
  for (int i = 0; i < 400; ++i)
    fixture.fakes.publish("t", fact_of("PROGRESS", long_text));
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  follower slow{fixture, "workflow_id=t"};
  slow.frame();
  // Three megabytes against a buffer of 32 KiB: what it has not read yet was
  // not read from the store either, and nobody drops it.
  for (int i = 1; i <= 401; ++i) {
    if (i % 100 == 0)
      std::this_thread::sleep_for(100ms); // The slowness under test.
    auto text = slow.frame();
    REQUIRE(text.substr(0, text.find('\n')) == "id: " + std::to_string(i));
  }
  CHECK(slow.client().read_to_end() == "");
}

TEST_CASE("a reader that takes nothing at all is cut off") {
  auto settings = quick_settings();
  settings.write_timeout = 300ms;
  gateway_fixture fixture{settings};
  const std::string long_text(9'000, 'x');
  for (int i = 0; i < 1'000; ++i)
    fixture.fakes.publish("t", fact_of("PROGRESS", long_text));
  follower stuck{fixture, "workflow_id=t"};
  stuck.client().receive_little();
  CHECK(eventually([&] {
    return fixture.registry.render().find("shannon_gateway_streams 0")
           != std::string::npos;
  }));
}

TEST_CASE("streams end with their GATEWAY and are resumed at the next") {
  gateway_fixture fixture;
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  follower one{fixture, "workflow_id=t"};
  one.frame();
  CHECK(one.frame().rfind("id: 1\n", 0) == 0);
  fixture.end_gateway();
  CHECK(one.ids_to_end().empty());
  CHECK(one.closed);
  fixture.start_gateway();
  fixture.fakes.publish("t", fact_of("STREAM_END", "Done"));
  follower two{fixture, "workflow_id=t", "Last-Event-ID: 1\r\n"};
  CHECK(two.ids_to_end() == counting(2, 2));
}

TEST_CASE("many streams of one run all see all of it") {
  gateway_fixture fixture;
  fixture.runs.with("t", [](auto&) {});
  std::vector<std::unique_ptr<follower>> all;
  for (int i = 0; i < 200; ++i)
    all.push_back(std::make_unique<follower>(fixture, "workflow_id=t"));
  for (int i = 1; i <= 30; ++i)
    fixture.fakes.publish("t",
                          fact_of(i == 30 ? "STREAM_END" : "PROGRESS", "step"));
  for (auto& one : all)
    CHECK(one->ids_to_end() == counting(1, 30));
}

TEST_CASE("a node that drains ends its streams with a hint to come again, and "
          "opens none") {
  gateway_fixture fixture;
  fixture.fakes.publish("t", fact_of("WORKFLOW_STARTED", "Starting up"));
  follower one{fixture, "workflow_id=t"};
  CHECK(one.frame() == ": connected to workflow t");
  CHECK(one.frame().starts_with("id: 1\n"));
  fixture.drain_gateway();
  CHECK(one.frame() == "retry: 1000");
  CHECK(one.client().read_to_end() == std::string{});
  auto late = fixture.ask(get("/api/v1/stream/sse?workflow_id=t"));
  CHECK(late.status == 503);
  CHECK(late.fields["retry-after"] == "1");
  // What is short is answered, and is the last of its connection.
  auto client = fixture.client();
  client.send(get("/api/v1/tasks/t"));
  auto answer = client.response();
  REQUIRE(answer);
  CHECK(answer->status == 200);
  CHECK(answer->fields["connection"] == "close");
}
