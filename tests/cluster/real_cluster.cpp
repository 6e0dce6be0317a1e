#include "tests/cluster/real_cluster.hpp"

#include "nodes/commands/server_url.hpp"
#include "nodes/commands/task_view.hpp"
#include "tests/kit/postgres_fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <thread>

namespace shannon::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;

/// They are given their share soon: most of a test would be that wait.
constexpr const char* newcomers = "membership: {settle: 1s}\n";

std::string local(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

} // namespace

std::int64_t unix_now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

real_cluster::real_cluster(unsigned nodes)
    : real_cluster(std::vector<std::string>(
        nodes, "gateway, orchestrator, agent, llm, tool, browser, inspector")) {
}

real_cluster::real_cluster(const std::vector<std::string>& roles,
                           const std::string& more, const std::string& each)
    : dsn_(fresh_database()) {
  std::string pattern
      = (std::filesystem::temp_directory_path() / "shannon-cluster-XXXXXX")
            .string();
  REQUIRE(mkdtemp(pattern.data()) != nullptr);
  folder_ = pattern;
  upstream_ = std::make_unique<process>(std::vector<std::string>{
      SHANNON_UPSTREAM, "--ledger", (folder_ / "ledger.jsonl").string()});
  REQUIRE(upstream_->await("listening ", 10s));
  REQUIRE(upstream_->await("\n", 10s));
  auto port = upstream_->out().substr(10);
  port.erase(port.find_first_not_of("0123456789"));
  upstream_url_ = "http://127.0.0.1:" + port;
  upstream_port_ = static_cast<std::uint16_t>(std::stoi(port));
  std::ofstream manifest{folder_ / "cluster.yaml"};
  manifest << "cluster: test\ntool: {workspace_dir: "
           << (folder_ / "work").string() << "}\n"
           << (more.find("membership:") == more.npos ? newcomers : "") << more
           << "nodes:\n";
  for (unsigned i = 0; i < roles.size(); ++i) {
    auto& one = nodes_.emplace_back();
    one.http = closed_port();
    one.admin = closed_port();
    one.link = closed_port();
    one.program = SHANNON_BINARY;
    manifest << "- name: " << name(i) << "\n  roles: [" << roles[i]
             << "]\n  http: {listen: \"" << local(one.http)
             << "\", admin_listen: \"" << local(one.admin)
             << "\"}\n  link: {listen: \"" << local(one.link) << "\"}\n"
             << each;
  }
}

real_cluster::~real_cluster() {
  // In order, but what is under way is not waited for: the second signal.
  for (auto& one : nodes_)
    if (one.run)
      for (auto number : {SIGCONT, SIGTERM, SIGINT})
        one.run->signal(number);
  for (auto& one : nodes_)
    if (one.run)
      one.run->wait(15s);
  nodes_.clear();
  upstream_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

void real_cluster::start(unsigned node,
                         const std::vector<std::string>& special) {
  environment all = special;
  for (const auto& usual :
       {"SHANNON_DATABASE_URL=" + dsn_, std::string{"SHANNON_REDIS_URL="},
        "OPENAI_BASE_URL=" + upstream_url_ + "/v1",
        std::string{"OPENAI_API_KEY=test-key"},
        std::string{"ANTHROPIC_API_KEY="}})
    if (std::none_of(special.begin(), special.end(), [&](const auto& one) {
          return one.starts_with(usual.substr(0, usual.find('=') + 1));
        }))
      all.push_back(usual);
  auto& one = nodes_[node];
  std::vector<std::string> words{
      one.program, "node",    "--manifest", (folder_ / "cluster.yaml").string(),
      "--name",    name(node)};
  if (one.secrets.empty())
    words.push_back("--dev");
  else
    all.push_back("SHANNON_IDENTITY__SECRETS_FILE=" + one.secrets);
  one.run = std::make_unique<process>(std::move(words), std::move(all));
}

void real_cluster::await_ready(unsigned node) {
  auto ready = nodes_[node].run->await("ready http://", 60s);
  INFO(nodes_[node].run->err());
  REQUIRE(ready);
}

void real_cluster::kill(unsigned node) {
  nodes_[node].run->signal(SIGKILL);
  nodes_[node].run->wait(5s);
}

void real_cluster::signal(unsigned node, int number) {
  nodes_[node].run->signal(number);
}

void real_cluster::listen(std::chrono::milliseconds how_long) {
  for (auto& one : nodes_)
    if (one.run)
      one.run->listen(how_long);
}

outcome real_cluster::stop(unsigned node) {
  nodes_[node].run->signal(SIGTERM);
  auto end = nodes_[node].run->wait(20s);
  nodes_[node].run.reset();
  return end;
}

outcome real_cluster::await_exit(unsigned node,
                                 std::chrono::milliseconds most) {
  return nodes_[node].run->wait(most);
}

std::shared_ptr<commands::api_client>
real_cluster::client(std::uint16_t port) const {
  auto where = commands::parse_server_url("http://" + local(port));
  REQUIRE(where);
  return std::make_shared<commands::api_client>(*where, std::string{});
}

std::optional<std::string> real_cluster::submit(unsigned node,
                                                const std::string& query) {
  auto got = client(nodes_[node].http)
                 ->post("/api/v1/tasks", {{"query", query}, {"mode", "simple"}},
                        std::chrono::steady_clock::now() + 10s);
  if (!got)
    return std::nullopt;
  return (*got)["task_id"].get<std::string>();
}

bool real_cluster::cancel(unsigned node, const std::string& task) {
  auto got
      = client(nodes_[node].http)
            ->post("/api/v1/tasks/" + task + "/cancel", {{"reason", "test"}},
                   std::chrono::steady_clock::now() + 20s);
  return got && (*got)["success"] == true;
}

json real_cluster::await_end(unsigned node, const std::string& task,
                             std::chrono::seconds most) {
  auto until = std::chrono::steady_clock::now() + most;
  json last;
  while (std::chrono::steady_clock::now() < until) {
    auto got = client(nodes_[node].http)
                   ->get("/api/v1/tasks/" + task,
                         std::chrono::steady_clock::now() + 10s);
    last = got ? *got : json(nullptr);
    if (last.is_object() && commands::is_over(last))
      return last;
    std::this_thread::sleep_for(50ms);
  }
  FAIL("task " << task << " did not end: " << last.dump());
  return last;
}

std::string real_cluster::page(unsigned node, const std::string& target,
                               bool admin) {
  std::string body;
  auto done = client(admin ? nodes_[node].admin : nodes_[node].http)
                  ->stream(target, {}, std::chrono::steady_clock::now() + 10s,
                           [&](std::string_view bytes) {
                             body += bytes;
                             return true;
                           });
  INFO(target);
  CHECK(done);
  return body;
}

std::vector<model_call> real_cluster::calls() const {
  std::vector<model_call> all;
  std::map<std::int64_t, std::size_t> numbered;
  std::ifstream file{folder_ / "ledger.jsonl"};
  for (std::string line; std::getline(file, line);) {
    auto entry = json::parse(line, nullptr, false);
    if (!entry.is_object())
      continue;
    auto number = entry.value("request", std::int64_t{0});
    if (entry.contains("attempt_key")) {
      numbered[number] = all.size();
      all.push_back({entry["attempt_key"].get<std::string>(),
                     entry.value("at_us", std::int64_t{0}), 0,
                     entry.value("traceparent", std::string{})});
    } else if (auto at = numbered.find(number); at != numbered.end()) {
      all[at->second].ended_us = entry.value("ended_us", std::int64_t{0});
    }
  }
  return all;
}

std::int64_t real_cluster::await_call(const std::string& key, std::size_t nth,
                                      std::chrono::seconds most) const {
  auto until = std::chrono::steady_clock::now() + most;
  while (std::chrono::steady_clock::now() < until) {
    std::size_t seen = 0;
    for (const auto& call : calls())
      if (call.attempt_key.starts_with(key) && ++seen == nth)
        return call.at_us;
    std::this_thread::sleep_for(10ms);
  }
  FAIL("no call " << nth << " of " << key);
  return 0;
}

} // namespace shannon::test
