// Faults at named points of a node's work: docs/reliability.md lists them. The
// node is started with its failpoint armed, and as usual again afterwards.

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
constexpr point giving[] = {{"shards.leave", 1}, {"shards.released", 1}};

constexpr point stopping[] = {{"database.sent", 90}, {"step.answered", 4}};

} // namespace

/// Killed and started again, so that it may meet this. That is a fault of its
/// own.
void storm::arm(unsigned node, const std::string& order) {
  INFO("armed: " << order << " at " << cluster_->name(node));
  begin_span("K2");
  cluster_->kill(node);
  end_span();
  start(node, {"SHANNON_FAILPOINTS=" + order});
}

bool storm::is_blown(unsigned node, const std::string& name,
                     std::chrono::milliseconds most) {
  auto line = "failpoint " + name + ": ";
  for (auto until = std::chrono::steady_clock::now() + most;
       cluster_->log(node).find(line) == std::string::npos; pause(10ms))
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
    auto at = log.find(line);
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

void storm::kill_at(unsigned node, const std::string& name, int pass_max,
                    bool ends) {
  auto order = name + "=kill@" + std::to_string(draw(1, pass_max));
  arm(node, order);
  // What is read when shards are taken is what happens to lie in them: if that
  // is too little, the node takes them once more.
  for (int again = 0;
       again < 5 && name.starts_with("run.rea") && !is_blown(node, name, 10s);
       ++again)
    arm(node, order);
  if (ends) {
    await_ready(nodes_max, 60s);
    cluster_->signal(node, SIGTERM);
  }
  begin_span();
  await_blow(node, name);
  auto end = cluster_->await_exit(node, 5s);
  CHECK(end.code == 128 + SIGKILL);
  end_span();
  start(node);
  await_ready(nodes_max - 1, 60s);
}

void storm::kill_at_work() {
  for (const auto& one : working)
    kill_at(draw_node(), one.name, one.pass_max, false);
}

void storm::kill_at_hand_over() {
  for (const auto& one : taking)
    kill_at(draw_node(), one.name, one.pass_max, false);
  for (const auto& one : giving)
    kill_at(draw_node(), one.name, one.pass_max, true);
}

void storm::stop_at_points() {
  for (const auto& one : stopping) {
    auto node = draw_node();
    std::string name = one.name;
    arm(node, name + "=stop@" + std::to_string(draw(1, one.pass_max)));
    begin_span();
    await_blow(node, name);
    pause(milliseconds{draw(4'000, 6'000)});
    cluster_->signal(node, SIGCONT);
    end_span();
    // All it has been refused since its start, which is nothing else.
    await_refusals(node, 0);
    begin_span("K2");
    cluster_->kill(node);
    end_span();
    start(node);
    await_ready(nodes_max - 1, 60s);
  }
}

/// Whoever throws ends, and is started again by who looks after it.
void storm::throw_in_handlers() {
  auto node = draw_node();
  arm(node, "actor.handles=throw%" + std::to_string(draw(300, 900)));
  begin_span();
  auto before = unix_now_us();
  await_blow(node, "actor.handles");
  span_from(before);
  pause(8s);
  const auto& log = cluster_->log(node);
  CHECK(log.find("\"actor-threw\"") != log.npos);
  cluster_->kill(node);
  end_span();
  start(node);
}

} // namespace shannon::test
