#include "actors/kit/io_loop.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/kit/workspace/path.hpp"
#include "actors/tool/tool.hpp"
#include "protocols/remote/tool.pb.h"
#include "tests/kit/temp_folder.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <functional>
#include <future>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::tool;
using namespace std::chrono_literals;
using std::chrono::steady_clock;

namespace {

/// Asks on behalf of a test that waits on its own thread.
class asker final : public kit::actor_base {
public:
  asker(caf::actor_config& cfg, kit::actor_env& env)
      : actor_base(cfg, env, {"asker"}) {}

  using kit::actor_base::ask;
  using kit::actor_base::poster;

protected:
  kit::handlers make_handlers() override {
    return {};
  }
};

/// A tool whose runs end when the test says so.
struct held_tool {
  std::mutex mutex;
  std::vector<tool_done> open;
  std::atomic<int> started{0};
  std::atomic<int> cancelled{0};

  tool_definition definition() {
    tool_definition out;
    out.name = "held";
    out.parameters = R"({"type": "object"})";
    out.run = [this](const tool_input&, tool_done done) -> tool_cancel {
      std::lock_guard lock{mutex};
      open.push_back(std::move(done));
      ++started;
      return [this] { ++cancelled; };
    };
    return out;
  }

  void end(std::size_t which) {
    tool_done done;
    {
      std::lock_guard lock{mutex};
      done = open.at(which);
    }
    remote::ToolResult out;
    out.set_success(true);
    out.set_output("ended");
    done(std::move(out));
  }
};

tool_definition throwing_tool() {
  tool_definition out;
  out.name = "throws";
  out.parameters = R"({"type": "object"})";
  out.run = [](const tool_input&, const tool_done&) -> tool_cancel {
    throw std::runtime_error("secret detail");
  };
  return out;
}

struct runner_fixture {
  struct config : caf::actor_system_config {
    config() {
      kit::schedule_on(*this, 2);
    }
  };

  shannon::test::temp_folder folder;
  held_tool held;
  kit::io_loop loop{"test"};
  kit::directory addresses;
  kit::actor_env env{addresses};
  metrics::registry numbers;
  config system_config;
  caf::actor_system system{system_config};
  caf::actor runner;
  asker* voice = nullptr;
  caf::actor voice_handle;

  using answer = result<message_body>;

  void begin(std::vector<tool_definition> tools = {}, std::uint32_t running = 2,
             std::uint32_t waiting = 2) {
    shannon::config::tool_settings settings;
    settings.workspace_dir = folder.path();
    settings.concurrent_runs_max = running;
    settings.waiting_runs_max = waiting;
    runner = spawn_tool(system,
                        {env, settings, loop, metrics::tool_metrics{numbers},
                         std::move(tools)});
    voice_handle = system.spawn<asker>(env);
    voice = caf::actor_cast<asker*>(voice_handle);
    auto due = steady_clock::now() + 5s;
    while ((!addresses.find({"tool/worker"}) || !addresses.find({"asker"}))
           && steady_clock::now() < due)
      std::this_thread::sleep_for(1ms);
  }

  ~runner_fixture() {
    caf::anon_send_exit(runner, caf::exit_reason::user_shutdown);
    caf::anon_send_exit(voice_handle, caf::exit_reason::user_shutdown);
    runner = nullptr;
    voice_handle = nullptr;
    system.await_all_actors_done();
    addresses.clear();
  }

  std::future<answer> ask(message_body body,
                          std::chrono::milliseconds timeout = 30s) {
    auto promise = std::make_shared<std::promise<answer>>();
    auto future = promise->get_future();
    auto* self = voice;
    self->poster()([self, promise, body = std::move(body), timeout] {
      self->ask({"tool/worker"}, body, timeout,
                kit::actor_base::reply_handler{[promise](answer got) {
                  promise->set_value(std::move(got));
                }});
    });
    return future;
  }

  static remote::ToolRun call(const std::string& tool,
                              const std::string& arguments,
                              const std::string& key = "") {
    remote::ToolRun out;
    out.mutable_context()->set_attempt_key(key);
    out.mutable_context()->set_session("s");
    out.mutable_request()->set_tool(tool);
    out.mutable_request()->set_arguments_json(arguments);
    return out;
  }

  static remote::ToolResult wait(std::future<answer>& future) {
    REQUIRE(future.wait_for(30s) == std::future_status::ready);
    auto got = future.get();
    REQUIRE(got);
    REQUIRE(got->get_if<remote::ToolResult>());
    return *got->get_if<remote::ToolResult>();
  }

  static error refusal(std::future<answer>& future) {
    REQUIRE(future.wait_for(10s) == std::future_status::ready);
    auto got = future.get();
    REQUIRE_FALSE(got);
    return got.error();
  }

  remote::ToolResult run(const std::string& tool,
                         const std::string& arguments) {
    auto future = ask(call(tool, arguments));
    return wait(future);
  }

  void cancel(const std::string& key) {
    remote::CancelEffect what;
    what.set_attempt_key(key);
    auto future = ask(what);
    REQUIRE(future.wait_for(5s) == std::future_status::ready);
  }

  static void until(const std::function<bool()>& true_at_last) {
    auto due = steady_clock::now() + 20s;
    while (!true_at_last() && steady_clock::now() < due)
      std::this_thread::sleep_for(1ms);
    REQUIRE(true_at_last());
  }
};

} // namespace

TEST_CASE_METHOD(runner_fixture, "the builtin tools are listed with schemas") {
  begin();
  auto future = ask(remote::ListTools{});
  auto got = future.get();
  REQUIRE(got);
  const auto* list = got->get_if<remote::ToolList>();
  REQUIRE(list);
  std::string names;
  for (const auto& tool : list->tools()) {
    names += tool.name() + " ";
    CHECK(nlohmann::json::parse(tool.parameters_json())["type"] == "object");
    CHECK_FALSE(tool.description().empty());
  }
  CHECK(names
        == "calculator web_fetch python_executor file_read file_write "
           "file_list ");
}

TEST_CASE_METHOD(runner_fixture, "tools run and answer") {
  begin();
  auto sum = run("calculator", R"({"expression": "2^70 + 1"})");
  CHECK(sum.success());
  CHECK(sum.output() == "1180591620717411303425");
  CHECK(sum.duration_us() >= 0);
  CHECK(run("file_write", R"({"path": "a/b.txt", "content": "hi"})").success());
  CHECK(run("file_read", R"({"path": "a/b.txt"})").output() == "hi");
  CHECK(run("file_list", "").output() == "a/\n");
  auto python
      = run("python_executor", "{\"code\": \"print(open('a/b.txt').read())\"}");
  INFO(python.error());
  CHECK(python.output() == "hi\n");
  CHECK(numbers.render().find(
            R"(shannon_tool_runs_total{outcome="ok",tool="calculator"} 1)")
        != std::string::npos);
}

TEST_CASE_METHOD(runner_fixture, "bad arguments are answered, never refused") {
  begin();
  for (const char* arguments :
       {"", "{", "[]", "null", R"({"expression": 1})", R"({"expresion": "1"})",
        R"({"expression": ""})", R"({"expression": "1", "x": 1})"}) {
    INFO(arguments);
    auto got = run("calculator", arguments);
    CHECK_FALSE(got.success());
    CHECK_FALSE(got.error().empty());
  }
  CHECK(run("no_such_tool", "{}").error().find("unknown tool") == 0);
  CHECK(run("file_read", R"({"path": "../x"})").error()
        == "path: '..' is not allowed");
  CHECK(run("calculator",
            "{\"expression\":\"" + std::string(300'000, '1') + "\"}")
            .error()
            .find("262144")
        != std::string::npos);
}

TEST_CASE_METHOD(runner_fixture, "a throw in a tool ends that run alone") {
  begin({throwing_tool(), held.definition()});
  auto other = ask(call("held", "{}"));
  until([&] { return held.started == 1; });
  auto got = run("throws", "{}");
  CHECK_FALSE(got.success());
  CHECK(got.error() == "the tool failed by an error of its own");
  held.end(0);
  CHECK(wait(other).output() == "ended");
  CHECK(run("throws", "{}").success() == false);
}

TEST_CASE_METHOD(runner_fixture,
                 "runs beyond the limit wait, then are refused") {
  begin({held.definition()});
  std::vector<std::future<answer>> all;
  for (int i = 0; i < 4; ++i)
    all.push_back(ask(call("held", "{}", std::to_string(i))));
  until([&] { return held.started == 2; });
  auto late = ask(call("held", "{}", "late"));
  auto why = refusal(late);
  CHECK(why.code == errc::overloaded);
  CHECK(why.retryable);
  held.end(0);
  held.end(1);
  until([&] { return held.started == 4; });
  held.end(2);
  held.end(3);
  for (auto& one : all)
    CHECK(wait(one).success());
}

TEST_CASE_METHOD(runner_fixture, "a cancelled call is refused as cancelled") {
  begin({held.definition()}, 1);
  auto running = ask(call("held", "{}", "a"));
  auto waiting = ask(call("held", "{}", "b"));
  until([&] { return held.started == 1; });
  cancel("b");
  CHECK(refusal(waiting).code == errc::cancelled);
  cancel("a");
  CHECK(refusal(running).code == errc::cancelled);
  CHECK(held.cancelled == 1);
  held.end(0); // Too late: nobody listens.
  cancel("unknown");
  auto next = ask(call("held", "{}", "a"));
  until([&] { return held.started == 2; });
  held.end(1);
  CHECK(wait(next).success());
}

TEST_CASE_METHOD(runner_fixture, "one attempt asked twice runs once") {
  begin({held.definition()});
  auto one = ask(call("held", "{}", "k"));
  auto two = ask(call("held", "{}", "k"));
  auto other = ask(call("held", R"({"x": 1})", "k"));
  CHECK(refusal(other).code == errc::conflict);
  CHECK(held.started == 1);
  held.end(0);
  CHECK(wait(one).success());
  CHECK(wait(two).success());
}

TEST_CASE_METHOD(runner_fixture, "a tool for which nobody waits is stopped") {
  begin({held.definition()});
  auto call_that_expires = ask(call("held", "{}", "k"), 200ms);
  CHECK(refusal(call_that_expires).code == errc::timeout);
  until([&] { return held.cancelled == 1; });
}

TEST_CASE_METHOD(runner_fixture, "a call that waited too long never runs") {
  begin({held.definition()}, 1);
  auto one = ask(call("held", "{}", "a"));
  until([&] { return held.started == 1; });
  auto late = ask(call("held", "{}", "b"), 100ms);
  CHECK(refusal(late).code == errc::timeout);
  held.end(0);
  CHECK(wait(one).success());
  auto next = ask(call("held", "{}", "c"));
  until([&] { return held.started == 2; });
  held.end(1);
  CHECK(wait(next).success());
  CHECK(held.started == 2);
}

TEST_CASE_METHOD(runner_fixture, "a runner that ends stops its tools, and "
                                 "whoever waits learns it at once") {
  begin({held.definition()}, 1);
  auto running = ask(call("held", "{}", "k"));
  auto waiting = ask(call("held", "{}", "l"));
  until([&] { return held.started == 1; });
  caf::anon_send_exit(runner, caf::exit_reason::kill);
  until([&] { return held.cancelled == 1; });
  for (auto* one : {&running, &waiting}) {
    auto why = refusal(*one);
    CHECK(why.code == errc::unavailable);
    CHECK(why.retryable);
  }
  // What it would have said has nowhere to go.
  held.end(0);
}

TEST_CASE_METHOD(runner_fixture, "cancelling kills a program within a second") {
  begin();
  const nlohmann::json program{{"code", "import time\n"
                                        "while True:\n"
                                        "  open('beat', 'a').write('x')\n"
                                        "  time.sleep(0.01)\n"}};
  auto one = ask(call("python_executor", program.dump(), "k"));
  auto beat = folder.path() + "/" + kit::folder_name("") + "/"
              + kit::folder_name("") + "/" + kit::folder_name("s") + "/beat";
  until([&] { return std::filesystem::exists(beat); });
  auto begun = steady_clock::now();
  cancel("k");
  CHECK(refusal(one).code == errc::cancelled);
  CHECK(steady_clock::now() - begun < 1s);
  std::this_thread::sleep_for(500ms);
  auto size = std::filesystem::file_size(beat);
  std::this_thread::sleep_for(200ms);
  CHECK(std::filesystem::file_size(beat) == size);
}
