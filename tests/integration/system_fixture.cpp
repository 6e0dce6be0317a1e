#include "tests/integration/system_fixture.hpp"

#include "nodes/commands/server_url.hpp"
#include "nodes/commands/task_view.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace shannon::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

std::filesystem::path fresh_folder() {
  std::string name
      = (std::filesystem::temp_directory_path() / "shannon-system-XXXXXX")
            .string();
  REQUIRE(mkdtemp(name.data()) != nullptr);
  return name;
}

std::string port_text(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

std::shared_ptr<commands::api_client> client_of(const std::string& url) {
  auto where = commands::parse_server_url(url);
  REQUIRE(where);
  return std::make_shared<commands::api_client>(*where, std::string{});
}

} // namespace

system_fixture::system_fixture()
    : folder_(fresh_folder()), http_port_(closed_port()),
      admin_port_(closed_port()) {
  upstream_ = std::make_unique<process>(std::vector<std::string>{
      SHANNON_UPSTREAM, "--ledger", (folder_ / "ledger.jsonl").string()});
  REQUIRE(upstream_->await("listening ", 10s));
  // The line may still be on its way when its first word is here.
  REQUIRE(upstream_->await("\n", 10s));
  auto port = upstream_->out().substr(10);
  port.erase(port.find_first_not_of("0123456789"));
  upstream_url_ = "http://127.0.0.1:" + port;
}

system_fixture::~system_fixture() {
  if (node_)
    node_->signal(SIGTERM), node_->wait(15s);
  node_.reset();
  upstream_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void system_fixture::start(const std::vector<std::string>& settings) {
  environment variables{"OPENAI_BASE_URL=" + upstream_url_ + "/v1",
                        "OPENAI_API_KEY=test-key", "ANTHROPIC_API_KEY="};
  variables.insert(variables.end(), settings.begin(), settings.end());
  node_ = std::make_unique<process>(
      std::vector<std::string>{
          SHANNON_BINARY, "up", "--dev", "--data", (folder_ / "data").string(),
          "--http", port_text(http_port_), "--admin", port_text(admin_port_)},
      std::move(variables));
  auto came_up = node_->await("ready http://", 60s);
  INFO(node_->err());
  REQUIRE(came_up);
  url_ = "http://" + port_text(http_port_);
}

void system_fixture::kill() {
  node_->signal(SIGKILL);
  node_->wait(5s);
}

outcome system_fixture::stop() {
  node_->signal(SIGTERM);
  auto end = node_->wait(15s);
  node_.reset();
  return end;
}

std::string system_fixture::admin_url() const {
  return "http://" + port_text(admin_port_);
}

pid_t system_fixture::node_pid() const {
  return node_->pid();
}

std::shared_ptr<commands::api_client> system_fixture::client() const {
  return client_of(url_);
}

std::optional<std::string> system_fixture::submit(const std::string& query,
                                                  const std::string& mode) {
  auto api = client();
  auto until = std::chrono::steady_clock::now() + 10s;
  auto got
      = api->post("/api/v1/tasks", {{"query", query}, {"mode", mode}}, until);
  if (!got)
    return std::nullopt;
  return (*got)["task_id"].get<std::string>();
}

json system_fixture::task(const std::string& id) {
  auto api = client();
  auto got
      = api->get("/api/v1/tasks/" + id, std::chrono::steady_clock::now() + 10s);
  return got ? *got : json(nullptr);
}

json system_fixture::await_end(const std::string& id,
                               std::chrono::seconds most) {
  auto until = std::chrono::steady_clock::now() + most;
  json last;
  while (std::chrono::steady_clock::now() < until) {
    last = task(id);
    if (last.is_object() && commands::is_over(last))
      return last;
    std::this_thread::sleep_for(50ms);
  }
  FAIL("task " << id << " did not end: " << last.dump());
  return last;
}

std::string system_fixture::text(const std::string& target) {
  std::string body;
  auto done
      = client()->stream(target, {}, std::chrono::steady_clock::now() + 10s,
                         [&](std::string_view bytes) {
                           body += bytes;
                           return true;
                         });
  INFO(target);
  CHECK(done);
  return body;
}

std::vector<upstream_call> system_fixture::ledger() {
  std::vector<upstream_call> calls;
  std::ifstream file{folder_ / "ledger.jsonl"};
  for (std::string line; std::getline(file, line);) {
    auto entry = json::parse(line, nullptr, false);
    if (entry.is_object() && entry.contains("attempt_key"))
      calls.push_back({entry["attempt_key"].get<std::string>(),
                       entry.value("at_us", std::int64_t{0})});
  }
  return calls;
}

std::string system_fixture::postgres_dsn() const {
  // Line 5 of the server's own pid file names the folder of its socket.
  for (const auto& found :
       std::filesystem::recursive_directory_iterator(folder_ / "data")) {
    if (found.path().filename() != "postmaster.pid")
      continue;
    std::ifstream file{found.path()};
    std::string line;
    std::string port;
    for (int i = 1; i <= 5; ++i) {
      std::getline(file, line);
      if (i == 4)
        port = line;
    }
    return "host=" + line + " port=" + port + " user=shannon dbname=shannon";
  }
  return {};
}

} // namespace shannon::test
