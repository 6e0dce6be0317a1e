#include "tests/cluster/balanced_load.hpp"

#include "nodes/commands/api_client.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <map>

namespace shannon::test {

namespace {

using namespace std::chrono_literals;

commands::api_client client_of(const real_cluster& cluster, unsigned node) {
  return {*commands::parse_server_url("http://127.0.0.1:"
                                      + std::to_string(cluster.port(node))),
          {}};
}

} // namespace

balanced_load::balanced_load(const real_cluster& cluster, unsigned nodes,
                             unsigned clients)
    : cluster_(cluster), ready_until_(nodes) {
  for (unsigned i = 0; i < nodes; ++i)
    lookers_.emplace_back([this, i] { look(i); });
  for (unsigned i = 0; i < clients; ++i)
    clients_.emplace_back([this, i] { submit(i); });
}

balanced_load::~balanced_load() {
  finish();
}

void balanced_load::finish() {
  done_ = true;
  for (auto& one : clients_)
    one.join();
  clients_.clear();
  over_ = true;
  for (auto& one : lookers_)
    one.join();
  lookers_.clear();
}

void balanced_load::look(unsigned node) {
  while (!over_) {
    auto client = client_of(cluster_, node);
    // What it says holds for a while from when it was asked, however long the
    // answer took.
    auto asked = unix_now_us();
    auto ready
        = client.get("/health/ready", std::chrono::steady_clock::now() + 1s)
              .has_value();
    ready_until_[node] = ready ? asked + 250'000 : 0;
    std::this_thread::sleep_for(50ms);
  }
}

unsigned balanced_load::pick() {
  for (;;) {
    auto node = next_++ % static_cast<unsigned>(ready_until_.size());
    if (ready_until_[node] > unix_now_us())
      return node;
    std::this_thread::sleep_for(1ms);
  }
}

void balanced_load::submit(unsigned number) {
  for (int i = 0; !done_; ++i) {
    auto node = pick();
    auto got = client_of(cluster_, node)
                   .post("/api/v1/tasks",
                         {{"query", "[[delay:300]] " + std::to_string(number)
                                        + "/" + std::to_string(i)},
                          {"mode", "simple"}},
                         std::chrono::steady_clock::now() + 30s);
    std::lock_guard guard{mutex_};
    if (got)
      tasks_.push_back((*got)["task_id"].get<std::string>());
    else if (got.error().retry_after)
      ++told_to_wait_;
    else
      failures_.push_back(cluster_.name(node) + ": " + got.error().text);
  }
}

void balanced_load::check(real_cluster& cluster, const std::string& what) {
  for (const auto& text : failures_)
    UNSCOPED_INFO(text);
  CHECK(failures_.empty());
  REQUIRE(tasks_.size() > 50);
  for (const auto& task : tasks_) {
    auto last = cluster.await_end(0, task, 30s);
    INFO(last.dump());
    CHECK(last["status"] == "TASK_STATUS_COMPLETED");
  }
  std::map<std::string, int> attempts;
  for (const auto& call : cluster.calls())
    ++attempts[call.attempt_key];
  int disturbed = 0;
  for (const auto& [key, times] : attempts)
    if (times > 1 || key.substr(key.rfind('/')) != "/1") {
      ++disturbed;
      UNSCOPED_INFO(key << " seen " << times << " times");
    }
  WARN(what << ", " << tasks_.size() << " tasks, " << told_to_wait_
            << " told to come again, " << disturbed << " attempts repeated");
  CHECK(disturbed == 0);
}

} // namespace shannon::test
