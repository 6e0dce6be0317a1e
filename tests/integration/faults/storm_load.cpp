#include "tests/integration/faults/storm_load.hpp"

#include "nodes/commands/api_client.hpp"
#include "nodes/commands/server_url.hpp"
#include "nodes/commands/sse_reader.hpp"
#include "tests/cluster/real_cluster.hpp"
#include "tests/gateway/raw_client.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <optional>
#include <string_view>
#include <utility>

namespace shannon::test {

namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using clock = std::chrono::steady_clock;

/// Once all nodes are there again.
constexpr auto last_patience = 60s;
/// A node that stands still keeps a stream open and says nothing.
constexpr auto stream_patience = 4s;

} // namespace

struct storm_load::client {
  storm_load& all;
  unsigned number;
  std::minstd_rand chance;
  clock::time_point give_up = clock::time_point::max();
  std::int64_t answered_in_us = 0; ///< The last answer.

  int draw(int from, int to) {
    return std::uniform_int_distribution<int>{from, to}(chance);
  }

  void count(int load_report::*what) {
    std::lock_guard guard{all.mutex_};
    ++(all.seen_.*what);
  }

  std::uint16_t any_door() {
    auto last = static_cast<int>(all.doors_.size()) - 1;
    return all.doors_[static_cast<std::size_t>(draw(0, last))];
  }

  bool gives_up() {
    if (all.done_ && give_up == clock::time_point::max())
      give_up = clock::now() + last_patience;
    return clock::now() > give_up;
  }

  void fail(std::string text) {
    std::lock_guard guard{all.mutex_};
    all.seen_.failures.push_back(std::move(text));
  }

  /// Asked of one node after the other until one says something that is not
  /// "later". `sent`: how often a node may have read it.
  std::optional<raw_response> ask(const std::string& request,
                                  int* sent = nullptr) {
    for (;;) {
      if (gives_up())
        return std::nullopt;
      raw_client node{any_door()};
      std::optional<raw_response> got;
      if (node.connected()) {
        if (sent)
          ++*sent;
        auto since_us = unix_now_us();
        if (node.send(request))
          got = node.response();
        answered_in_us = unix_now_us() - since_us;
      }
      if (got && got->status != 503 && got->status != 429)
        return got;
      count(got ? &load_report::told_to_wait : &load_report::unanswered);
      std::this_thread::sleep_for(50ms);
    }
  }

  struct order {
    std::string query;
    const char* mode = "simple";
    workload what{};
  };

  static std::string delay(int ms) {
    return "[[delay:" + std::to_string(ms) + "]] ";
  }

  /// `to_cancel`: its model takes so long that an end by itself is none.
  order draw_order(bool to_cancel) {
    constexpr int too_long = 15'000;
    if (to_cancel) {
      auto kind = draw(0, 3);
      if (kind == 0)
        return draw_tree(too_long);
      if (kind < 3)
        return {delay(too_long)};
    }
    switch (draw(0, 23)) {
    case 0:
      return {"[[steps:12]] " + delay(draw(20, 200)), "simple", {"W1", 13}};
    case 1: // The plan, eight agents that conclude, the join.
      return {"[[parts:8]] [[steps:3]] " + delay(draw(20, 200)),
              "standard",
              {"W2", 1 + 8 * 4 + 1}};
    case 2:
      return {"[[steps:39]] " + delay(draw(0, 50)), "simple", {"W3", 40}};
    case 3:
      return draw_tree(draw(100, 1'500));
    case 4: // Several agents with tools.
    case 5:
    case 6:
      return {"[[parts:3]] [[steps:2]] " + delay(draw(50, 300)),
              "standard",
              {"", 1 + 3 * 3 + 1}};
    case 7: // One agent with tools.
    case 8:
    case 9:
      return {
          "[[steps:3]] [[tools:2]] " + delay(draw(50, 500)), "simple", {"", 4}};
    case 10: // Its tool is a process in a sandbox.
    case 11:
      return {"[[busy:300]] " + delay(draw(50, 500)), "simple", {"", 2}};
    default:
      return {delay(draw(100, 2'500))};
    }
  }

  order draw_tree(int delay_ms) {
    tree_shape shape{4, static_cast<unsigned>(draw(1, 2))};
    return {"[[tree:" + std::to_string(shape.depth) + ":"
                + std::to_string(shape.width) + "]] " + delay(delay_ms),
            "simple",
            {"W5", leaves_of(shape), shape}};
  }

  void one(int i) {
    auto key = "Idempotency-Key: storm-" + std::to_string(all.seed_) + "-"
               + std::to_string(number) + "-" + std::to_string(i) + "\r\n";
    bool to_cancel = draw(0, 9) == 0;
    auto order = draw_order(to_cancel);
    json body{{"query", order.query + "storm " + std::to_string(number) + "/"
                            + std::to_string(i)},
              {"mode", order.mode}};
    auto request = post("/api/v1/tasks", body.dump(),
                        "Content-Type: application/json\r\n" + key);
    auto got = ask(request);
    auto id = read_id(got);
    if (!id)
      return;
    ++all.accepted_;
    accepted_task task{*id, order.what};
    if (to_cancel) {
      std::this_thread::sleep_for(std::chrono::milliseconds{draw(0, 500)});
      task.cancelled = cancel(*id);
      task.cancelled_us = unix_now_us();
      task.cancel_took_us = answered_in_us;
    } else if (draw(0, 4) == 0) {
      count(&load_report::sent_again);
      if (auto same = read_id(ask(request)); same != id)
        fail(*id + ": sent again it is " + same.value_or("nothing"));
    } else if (draw(0, 5) == 0) {
      std::this_thread::sleep_for(std::chrono::milliseconds{draw(0, 500)});
      pause_for_a_while(*id);
      task.paused = true;
    } else if (draw(0, 5) == 0) {
      task.last_event = follow(*id);
    }
    std::lock_guard guard{all.mutex_};
    all.seen_.tasks.push_back(std::move(task));
  }

  std::optional<std::string> read_id(const std::optional<raw_response>& got) {
    if (!got) {
      fail("a task was never answered");
      return std::nullopt;
    }
    auto read = json::parse(got->body, nullptr, false);
    if (got->status == 200 && read.is_object() && read.contains("task_id"))
      return read["task_id"].get<std::string>();
    fail("a task was answered " + std::to_string(got->status) + ": "
         + got->body);
    return std::nullopt;
  }

  /// W4: the task waits for a person, who comes after a while and decides. It
  /// may have ended before each of these, or they are told so because an answer
  /// was lost.
  void pause_for_a_while(const std::string& id) {
    for (const char* wish : {"pause", "approve", "resume"}) {
      if (wish == std::string_view{"approve"}) {
        for (int times = draw(1, 2); times > 0; --times)
          approve(id, "approval-" + id);
        continue;
      }
      auto got = ask(post("/api/v1/tasks/" + id + "/" + wish,
                          R"({"reason": "storm"})",
                          "Content-Type: application/json\r\n"));
      // 409: it has ended.
      if (!got || (got->status != 202 && got->status != 409))
        fail(
            id + ": its " + wish + " was answered "
            + (got ? std::to_string(got->status) + ": " + got->body : "never"));
      std::this_thread::sleep_for(std::chrono::milliseconds{draw(0, 3'000)});
    }
    count(&load_report::paused);
  }

  /// Said twice it counts once.
  void approve(const std::string& id, const std::string& approval) {
    json what{{"workflow_id", id},
              {"approval_id", approval},
              {"approved", true},
              {"feedback", "storm"}};
    auto got = ask(post("/api/v1/approvals/decision", what.dump(),
                        "Content-Type: application/json\r\n"));
    // 404: it has ended.
    if (!got || (got->status != 200 && got->status != 404))
      return fail(
          id + ": its approval was answered "
          + (got ? std::to_string(got->status) + ": " + got->body : "never"));
    if (got->status != 200)
      return;
    std::lock_guard guard{all.mutex_};
    all.seen_.decisions.emplace_back(id, approval);
  }

  /// I8: from whichever node it comes, each event is the next one.
  std::int64_t follow(const std::string& id) {
    std::int64_t last = 0;
    bool over = false;
    while (!over) {
      if (gives_up()) {
        fail(id + ": its stream did not end, after event "
             + std::to_string(last));
        return 0;
      }
      count(&load_report::streams);
      commands::api_client node{
          *commands::parse_server_url("http://127.0.0.1:"
                                      + std::to_string(any_door())),
          {}};
      commands::sse_reader reader;
      auto take = [&](const commands::stream_event& event) {
        over = over || event.name == "done";
        if (event.id.empty())
          return;
        if (event.id != std::to_string(last + 1))
          fail(id + ": event " + event.id + " came after "
               + std::to_string(last));
        last = std::stoll(event.id);
      };
      // How it ends does not matter: what is missing comes from the next.
      (void)node.stream("/api/v1/stream/sse?workflow_id=" + id,
                        last == 0 ? std::string{} : std::to_string(last),
                        clock::now() + stream_patience,
                        [&](std::string_view bytes) {
                          return reader.take(bytes, take) && !over;
                        });
      if (!over)
        std::this_thread::sleep_for(50ms);
    }
    count(&load_report::followed);
    return last;
  }

  cancel_state cancel(const std::string& id) {
    int sent = 0;
    auto got
        = ask(post("/api/v1/tasks/" + id + "/cancel", R"({"reason": "storm"})",
                   "Content-Type: application/json\r\n"),
              &sent);
    if (!got || got->status != 202) {
      fail(id + ": its cancel was answered "
           + (got ? std::to_string(got->status) + ": " + got->body : "never"));
      return cancel_state::unclear;
    }
    auto read = json::parse(got->body, nullptr, false);
    if (read.is_object() && read.value("success", false))
      return cancel_state::acknowledged;
    return sent == 1 ? cancel_state::too_late : cancel_state::unclear;
  }
};

storm_load::storm_load(std::vector<std::uint16_t> doors, std::uint64_t seed,
                       unsigned clients)
    : doors_(std::move(doors)), seed_(seed) {
  for (unsigned i = 0; i < clients; ++i)
    threads_.emplace_back([this, i] { run(i); });
}

storm_load::~storm_load() {
  finish();
}

load_report storm_load::finish() {
  done_ = true;
  for (auto& one : threads_)
    one.join();
  threads_.clear();
  return seen_;
}

void storm_load::run(unsigned number) {
  client mine{*this, number,
              std::minstd_rand{static_cast<unsigned>(seed_ * 31 + number + 1)}};
  for (int i = 0; !done_; ++i) {
    mine.one(i);
    std::this_thread::sleep_for(std::chrono::milliseconds{mine.draw(100, 600)});
  }
}

} // namespace shannon::test
