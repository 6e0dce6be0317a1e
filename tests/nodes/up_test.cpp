#include "tests/nodes/own_node.hpp"
#include "tests/nodes/scripted_server.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <netinet/in.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

using namespace std::chrono_literals;
using namespace shannon::test;
using nlohmann::json;
using std::chrono::steady_clock;

namespace fs = std::filesystem;

namespace {

/// The status of GET /health/ready; 0 if nobody answers.
int readiness(const std::string& url) {
  auto port = std::stoi(url.substr(url.rfind(':') + 1));
  auto socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(port));
  where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const std::string request = "GET /health/ready HTTP/1.1\r\nHost: node\r\n"
                              "Connection: close\r\n\r\n";
  char answer[16] = {}; // `HTTP/1.1 200 OK…`
  int status = 0;
  if (::connect(socket, reinterpret_cast<sockaddr*>(&where), sizeof where) == 0
      && ::send(socket, request.data(), request.size(), MSG_NOSIGNAL) > 0
      && ::recv(socket, answer, 12, MSG_WAITALL) == 12)
    status = std::atoi(answer + 9);
  ::close(socket);
  return status;
}

void await_readiness(const std::string& url, int status) {
  auto until = steady_clock::now() + 40s;
  while (readiness(url) != status)
    REQUIRE(steady_clock::now() < until);
}

/// Programs whose command line names `text`.
int processes_with(const std::string& text) {
  int count = 0;
  std::error_code ec;
  for (fs::directory_iterator at{"/proc", ec}, end; !ec && at != end;
       at.increment(ec)) {
    std::ifstream in{at->path() / "cmdline"};
    std::string line{std::istreambuf_iterator<char>{in}, {}};
    count += line.find(text) != std::string::npos ? 1 : 0;
  }
  return count;
}

} // namespace

TEST_CASE("up serves, and ends all it started") {
  own_node it;
  it.start();
  CHECK(it.node->out() == "ready " + it.url + "\n");
  CHECK(processes_with(it.data) > 1);
  auto begin = steady_clock::now();
  auto what = it.stop();
  CHECK(what.code == 0);
  CHECK(steady_clock::now() - begin < 10s);
  CHECK(processes_with(it.data) == 0);
}

TEST_CASE("a task is submitted, followed, listed and shown") {
  own_node it;
  it.start();
  auto answer = it.client({"submit", "What is 17 * 23?", "--wait"});
  INFO(answer.err);
  CHECK(answer.code == 0);
  CHECK(answer.out.find("391") != std::string::npos);
  CHECK(answer.err.empty());

  auto followed
      = it.client({"submit", "What is 6 * 7?", "--follow", "-o", "json"});
  INFO(followed.err);
  REQUIRE(followed.code == 0);
  auto task = json::parse(followed.out);
  CHECK(task["status"] == "TASK_STATUS_COMPLETED");
  CHECK(followed.err.find("WORKFLOW_COMPLETED") != std::string::npos);
  auto id = task["task_id"].get<std::string>();

  auto submitted = it.client({"submit", "What is 2 + 2?"});
  CHECK(submitted.code == 0);
  CHECK(std::count(submitted.out.begin(), submitted.out.end(), '\n') == 1);

  auto list = it.client({"list", "-o", "json"});
  CHECK(list.code == 0);
  CHECK(json::parse(list.out)["tasks"].size() == 3);
  CHECK(it.client({"list"}).out.find(id) != std::string::npos);

  auto shown = it.client({"show", id});
  CHECK(shown.code == 0);
  CHECK(shown.out.find("COMPLETED") != std::string::npos);
  CHECK(shown.out.find("WORKFLOW_STARTED") != std::string::npos);
  shown = it.client({"show", id, "-o", "json"});
  auto events = json::parse(shown.out)["events"];
  for (std::size_t i = 0; i < events.size(); ++i)
    CHECK(events[i]["seq"] == i + 1);

  CHECK(it.client({"cancel", id}).code == 1);
  CHECK(it.client({"show", "task-unknown"}).code == 3);
  CHECK(it.client({"cancel", "task-unknown"}).code == 3);
  CHECK(it.stop().code == 0);
}

TEST_CASE("what is done is still there after kill -9") {
  own_node it;
  it.start();
  auto first = it.client({"submit", "What is 17 * 23?", "--wait"});
  REQUIRE(first.code == 0);
  auto before = json::parse(it.client({"list", "-o", "json"}).out);
  it.node->signal(SIGKILL);
  it.killed = true;
  it.node->wait(10s);
  it.start();
  it.killed = false;
  auto after = json::parse(it.client({"list", "-o", "json"}).out);
  CHECK(before["tasks"] == after["tasks"]);
  CHECK(it.stop().code == 0);
  CHECK(processes_with(it.data) == 0);
}

TEST_CASE("tasks go on when the database they stand in is killed") {
  own_node it;
  it.start();
  REQUIRE(it.client({"submit", "What is 2 + 2?", "--wait"}).code == 0);
  for (int kill = 0; kill < 2; ++kill) {
    pid_t postmaster = 0;
    std::ifstream{it.data + "/postgres/postmaster.pid"} >> postmaster;
    REQUIRE(postmaster > 0);
    std::vector<std::string> tasks;
    for (int i = 0; i < 8; ++i) {
      if (i == 4)
        ::kill(postmaster, SIGKILL);
      auto what = it.client({"submit", "What is 17 * 23?"});
      // Who submits meanwhile waits, or is told to come again.
      INFO(what.err);
      CHECK((what.code == 0 || what.code == 6));
      if (what.code == 0)
        tasks.push_back(what.out.substr(0, what.out.find('\n')));
    }
    CHECK(tasks.size() >= 4);
    auto until = steady_clock::now() + 40s;
    for (const auto& task : tasks) {
      INFO(task);
      outcome shown;
      do {
        shown = it.client({"show", task});
      } while (shown.out.find("COMPLETED") == std::string::npos
               && steady_clock::now() < until);
      CHECK(shown.out.find("391") != std::string::npos);
    }
  }
  auto what = it.stop();
  CHECK(what.code == 0);
  CHECK(what.err.find("postgres-died") != std::string::npos);
  CHECK(what.err.find("postgres-restarted") != std::string::npos);
  CHECK(processes_with(it.data) == 0);
}

TEST_CASE("a node is not ready while its database cannot be started again") {
  own_node it;
  it.start();
  CHECK(readiness(it.url) == 200);
  pid_t postmaster = 0;
  std::ifstream{it.data + "/postgres/postmaster.pid"} >> postmaster;
  fs::path settings = it.data + "/postgres/postgresql.conf";
  fs::permissions(settings, fs::perms::none);
  ::kill(postmaster, SIGKILL);
  REQUIRE(it.node->await("postgres-lost", 40s));
  await_readiness(it.url, 503);
  fs::permissions(settings, fs::perms::owner_read | fs::perms::owner_write);
  REQUIRE(it.node->await("postgres-restarted", 40s));
  await_readiness(it.url, 200);
  auto what = it.client({"submit", "What is 6 * 7?", "--wait"});
  CHECK(what.code == 0);
  CHECK(it.stop().code == 0);
}

TEST_CASE("a second up on the same data is refused and names the first") {
  own_node it;
  it.start();
  process second{it.arguments()};
  auto what = second.wait(5s);
  CHECK(what.code == 1);
  CHECK(what.err.find("in use by process ") != std::string::npos);
  CHECK(std::count(what.err.begin(), what.err.end(), '\n') == 1);
  CHECK(it.stop().code == 0);
}

TEST_CASE("a start that cannot be says why in one line within 5 s") {
  own_node it;
  scripted_server busy{{}};
  scripted_server silent{{scripted_server::silence}};
  auto taken = "127.0.0.1:" + std::to_string(busy.port());
  auto manifest = it.data + "/bad.yaml";
  std::ofstream{manifest} << "nodes: 3\n";
  struct attempt {
    std::vector<std::string> more;
    environment extra;
    int code;
    std::string says;
  };
  const std::vector<attempt> attempts{
      {{"--http", taken}, {}, 1, std::to_string(busy.port())},
      {{"--admin", taken}, {}, 1, std::to_string(busy.port())},
      {{"--manifest", manifest}, {}, 1, "bad.yaml"},
      {{"--manifest", it.data + "/none.yaml"}, {}, 1, "none.yaml"},
      {{},
       {"SHANNON_DATABASE_URL=postgresql://127.0.0.1:"
        + std::to_string(closed_port()) + "/shannon"},
       6,
       "database"},
      // Somebody listens who never says a word.
      {{},
       {"SHANNON_DATABASE_URL=postgresql://127.0.0.1:"
        + std::to_string(silent.port()) + "/shannon?connect_timeout=2"},
       6,
       "database"},
      {{}, {"SHANNON_LLM__CALL_TIMEOUT=soon"}, 1, "SHANNON_LLM__CALL_TIMEOUT"},
      {{"--http", "nowhere"}, {}, 2, "nowhere"},
  };
  for (const auto& each : attempts) {
    std::vector<std::string> arguments{SHANNON_BINARY, "up", "--data", it.data};
    if (each.more.empty() || each.more.front() != "--http")
      arguments.insert(arguments.end(), {"--http", "127.0.0.1:0"});
    if (each.more.empty() || each.more.front() != "--admin")
      arguments.insert(arguments.end(), {"--admin", "127.0.0.1:0"});
    arguments.insert(arguments.end(), each.more.begin(), each.more.end());
    auto begin = steady_clock::now();
    process child{arguments, each.extra};
    auto what = child.wait(20s);
    INFO(what.err);
    CHECK(steady_clock::now() - begin < 5s);
    CHECK(what.code == each.code);
    CHECK(what.out.empty());
    CHECK(what.err.find(each.says) != std::string::npos);
    CHECK(std::count(what.err.begin(), what.err.end(), '\n') == 1);
  }
}

TEST_CASE("a signal during the start ends it in order") {
  own_node it;
  process child{it.arguments()};
  // The lock is the first thing an `up` makes.
  auto until = steady_clock::now() + 10s;
  while (!fs::exists(it.data + "/up.lock") && steady_clock::now() < until)
    std::this_thread::yield();
  child.signal(SIGTERM);
  auto what = child.wait(30s);
  // Before the handlers stand the signal's own effect is as good.
  CHECK((what.code == 0 || what.code == 128 + SIGTERM));
  CHECK(processes_with(it.data) == 0);
}

TEST_CASE("doctor tells the state of a data directory") {
  own_node it;
  auto what = run_shannon({"doctor", "--data", it.data});
  INFO(what.out);
  for (const char* subject : {"disk sync", "PostgreSQL", "Redis", "API port",
                              "sandbox", "models", "clock"})
    CHECK(what.out.find(subject) != std::string::npos);
  CHECK(what.err.empty());
  what = run_shannon({"doctor", "--data", it.data},
                     {"SHANNON_DATABASE_URL=postgresql://127.0.0.1:"
                          + std::to_string(closed_port()) + "/shannon",
                      "OPENAI_API_KEY=sk-secret"});
  CHECK(what.code == 1);
  CHECK(what.out.find("mend: start the database") != std::string::npos);
  CHECK(what.out.find("openai") != std::string::npos);
  CHECK(what.out.find("sk-secret") == std::string::npos);
}
