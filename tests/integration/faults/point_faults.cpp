// Faults at named points of a node's work: docs/reliability.md lists them. What
// it is to meet as it starts it is started with; the rest it is told as it
// works.

#include "tests/integration/faults/storm.hpp"

#include <algorithm>
#include <csignal>

namespace shannon::test {

using namespace std::chrono_literals;

namespace {

struct point {
  const char* name;
  int pass_max; ///< The blow falls at a drawn pass, up to this one.
};

/// Of runs, their log, their steps and those whom they start.
constexpr point working[] = {
    {"log.appends", 30},  {"database.sent", 90}, {"log.committed", 30},
    {"run.stored", 20},   {"run.told", 20},      {"step.starts", 8},
    {"step.answered", 8}, {"llm.asked", 8},      {"llm.answers", 8},
    {"child.started", 2}, {"child.ended", 2},    {"lease.renews", 4},
};

/// While shards are taken, and what is in them is read.
constexpr point taking[]
    = {{"shards.claimed", 1}, {"run.reads", 3}, {"run.read", 3}};

/// While a node that ends in order gives its shards away.
constexpr const char* giving[] = {"shards.leave", "shards.released"};

constexpr point stopping[] = {{"database.sent", 90}, {"step.answered", 4}};

} // namespace

void storm::arm(unsigned node, const std::string& order) {
  armed_at_ = cluster_->log(node).size();
  orders_[node].give(order);
}

/// Killed and started again, so that it meets this as it starts. That is a
/// fault of its own.
void storm::start_armed(unsigned node, const std::string& order) {
  INFO("armed: " << order << " at " << cluster_->name(node));
  begin_span("K2");
  cluster_->kill(node);
  end_span();
  armed_at_ = 0;
  start(node, order);
}

bool storm::is_blown(unsigned node, const std::string& name,
                     std::chrono::milliseconds most) {
  auto line = "failpoint " + name + ": ";
  for (auto until = std::chrono::steady_clock::now() + most;
       cluster_->log(node).find(line, armed_at_) == std::string::npos;
       pause(10ms))
    if (std::chrono::steady_clock::now() >= until)
      return false;
  return true;
}

/// The blow itself says when it fell.
void storm::await_blow(unsigned node, const std::string& name) {
  auto until = std::chrono::steady_clock::now() + 60s;
  auto line = "failpoint " + name + ": ";
  for (;;) {
    const auto& log = cluster_->log(node);
    auto at = log.find(line, armed_at_);
    auto end = at == log.npos ? log.npos : log.find('\n', at);
    if (end != log.npos) {
      auto time = log.rfind(' ', end);
      span_from(std::stoll(log.substr(time + 1, end - time - 1)));
      return;
    }
    INFO("no pass of "
         << name << " by " << cluster_->name(node) << "\n"
         << log.substr(log.size() - std::min<std::size_t>(log.size(), 2'000)));
    REQUIRE(std::chrono::steady_clock::now() < until);
    pause(10ms);
  }
}

/// It kills itself there, and is started again.
void storm::await_kill(unsigned node, const std::string& name) {
  begin_span();
  await_blow(node, name);
  auto end = cluster_->await_exit(node, 5s);
  CHECK(end.code == 128 + SIGKILL);
  end_span();
  start(node);
  await_ready(nodes_max - 1, 60s);
}

void storm::kill_at_work() {
  for (const auto& [name, pass_max] : working) {
    auto node = draw_ready_node();
    arm(node, std::string{name} + "=kill@" + std::to_string(draw(1, pass_max)));
    await_kill(node, name);
  }
}

/// What is read when shards are taken is what happens to lie in them: if that
/// is too little, the node takes them once more.
void storm::kill_as_it_takes(const char* name, int pass_max) {
  auto node = draw_node();
  auto order = std::string{name} + "=kill@" + std::to_string(draw(1, pass_max));
  start_armed(node, order);
  bool may_read_little = order.starts_with("run.rea");
  for (int again = 0;
       again < 5 && may_read_little && !is_blown(node, name, 10s); ++again)
    start_armed(node, order);
  await_kill(node, name);
}

void storm::kill_as_it_gives(const char* name) {
  auto node = draw_node();
  // Else it dies as it gives a newcomer its share, which others wait for.
  await_ready(nodes_max, 60s);
  arm(node, std::string{name} + "=kill@1");
  cluster_->signal(node, SIGTERM);
  await_kill(node, name);
}

void storm::kill_at_hand_over() {
  for (const auto& one : taking)
    kill_as_it_takes(one.name, one.pass_max);
  for (const auto* name : giving)
    kill_as_it_gives(name);
}

void storm::stop_at_points() {
  for (const auto& [name, pass_max] : stopping) {
    auto node = draw_ready_node();
    auto before = refusals(node);
    arm(node, std::string{name} + "=stop@" + std::to_string(draw(1, pass_max)));
    begin_span();
    await_blow(node, name);
    pause(milliseconds{draw(4'000, 6'000)});
    cluster_->signal(node, SIGCONT);
    end_span();
    await_refusals(node, before);
    await_ready(nodes_max - 1, 60s);
  }
}

/// Whoever throws ends, and is started again by who looks after it.
void storm::throw_in_handlers() {
  auto node = draw_ready_node();
  begin_span();
  arm(node, "actor.handles=throw%" + std::to_string(draw(300, 900)));
  await_blow(node, "actor.handles");
  pause(8s);
  CHECK(cluster_->log(node).find("\"actor-threw\"") != std::string::npos);
  cluster_->kill(node);
  end_span();
  start(node);
}

} // namespace shannon::test
