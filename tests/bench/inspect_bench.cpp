// What it costs that every actor can be seen, and what it costs to look: with
// 100,000 actors that live, how many are born, work once and die in a second,
// and how many asks are answered: unlisted, listed, and while somebody reads
// all of them once a second. Prints JSON; ratios are to what comes before.

#include "actors/inspector/inspector.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/roster.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/kit/supervisor.hpp"

#include <CLI/CLI.hpp>
#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <future>
#include <map>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;
using json = nlohmann::ordered_json;
using steady = std::chrono::steady_clock;

namespace {

struct errand {};
struct errand_done {};

class worker final : public kit::actor_base {
public:
  worker(caf::actor_config& cfg, kit::actor_env& shared, std::string self)
      : actor_base(cfg, shared, {std::move(self)}) {}
  const char* name() const override {
    return "worker";
  }

protected:
  kit::handlers make_handlers() override {
    return {kit::on<errand>([this](const envelope& mail, const auto&) {
      reply(mail, errand_done{});
    })};
  }
};

/// Keeps so many errands under way until its time is over, and tells how many
/// were done in a second.
class driver : public kit::actor_base {
public:
  driver(caf::actor_config& cfg, kit::actor_env& shared,
         std::chrono::milliseconds time, std::size_t side_by_side,
         std::promise<double>& told)
      : actor_base(cfg, shared, {"driver"}), time_(time),
        side_by_side_(side_by_side), told_(told) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    begun_ = steady::now();
    for (std::size_t i = 0; i < side_by_side_; ++i)
      next();
  }
  virtual void next() = 0;
  void came() {
    ++count_;
    auto gone = steady::now() - begun_;
    if (gone < time_)
      return next();
    if (std::exchange(over_, true))
      return;
    told_.set_value(static_cast<double>(count_)
                    / std::chrono::duration<double>(gone).count());
    quit();
  }

private:
  std::chrono::milliseconds time_;
  std::size_t side_by_side_;
  std::promise<double>& told_;
  steady::time_point begun_;
  std::uint64_t count_ = 0;
  bool over_ = false;
};

class asker final : public driver {
public:
  asker(caf::actor_config& cfg, kit::actor_env& shared,
        std::chrono::milliseconds time, std::promise<double>& told,
        std::uint64_t actors)
      : driver(cfg, shared, time, 1'000, told), actors_(actors) {}

private:
  void next() override {
    at_ = (at_ + 7'919) % actors_;
    ask<errand_done>({"w/" + std::to_string(at_)}, errand{}, 60s,
                     [this](const result<errand_done>&) { came(); });
  }
  std::uint64_t actors_;
  std::uint64_t at_ = 0;
};

class midwife final : public driver {
public:
  midwife(caf::actor_config& cfg, kit::actor_env& shared,
          std::chrono::milliseconds time, std::promise<double>& told)
      : driver(cfg, shared, time, 100, told) {}

private:
  void next() override {
    shannon::address where{"c/" + std::to_string(++born_)};
    caf::actor_addr who = spawn<worker>(env(), where.value).address();
    ask<errand_done>(
        where, errand{}, 60s, [this, who](const result<errand_done>&) {
          if (auto handle = caf::actor_cast<caf::actor>(who))
            caf::anon_send_exit(handle, caf::exit_reason::user_shutdown);
          came();
        });
  }
  std::uint64_t born_ = 0;
};

/// Reads all actors once a second, in the largest pages, and the tree.
class looker final : public kit::actor_base {
public:
  looker(caf::actor_config& cfg, kit::actor_env& shared,
         std::atomic<std::uint64_t>& seen)
      : actor_base(cfg, shared, {"looker"}), seen_(seen) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    round();
  }

private:
  void round() {
    after(1s, [this] { round(); });
    ask<inspector::tree_node>({"inspector"}, inspector::get_tree{}, 10s,
                              [](const result<inspector::tree_node>&) {});
    page({});
  }
  void page(std::string cursor) {
    inspector::get_actors wanted;
    wanted.cursor = std::move(cursor);
    wanted.limit = inspector::get_actors::actors_max;
    ask<inspector::actor_page>(
        {"inspector"}, std::move(wanted), 10s,
        [this](const result<inspector::actor_page>& got) {
          if (!got)
            return;
          seen_ += got->actors.size();
          if (!got->next.empty())
            page(got->next);
        });
  }
  std::atomic<std::uint64_t>& seen_;
};

double resident_bytes() {
  std::ifstream file{"/proc/self/statm"};
  double pages = 0;
  file >> pages >> pages;
  return pages * static_cast<double>(sysconf(_SC_PAGESIZE));
}

/// Of all threads of this process: what others do does not count.
double cpu_us() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  auto us = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return us(used.ru_utime) + us(used.ru_stime);
}

double median(std::vector<double> all) {
  std::sort(all.begin(), all.end());
  return all[all.size() / 2];
}

struct figures {
  double bytes_each = 0;
  double lives_per_s = 0;
  double asks_per_s = 0;
  double seen_per_s = 0;
  double cpu_us_a_life = 0;
  double cpu_us_an_ask = 0;
};

struct config_type : caf::actor_system_config {
  explicit config_type(std::size_t threads) {
    kit::schedule_on(*this, threads);
  }
};

[[noreturn]] void measure(std::uint64_t actors, std::size_t threads,
                          std::chrono::milliseconds time, bool listed,
                          bool looked_at, int to) {
  kit::directory addresses;
  kit::roster all;
  kit::actor_env env{addresses};
  if (listed)
    env.actors = &all;
  config_type config{threads};
  figures out;
  {
    caf::actor_system system{config};
    system.await_actors_before_shutdown(false);
    kit::supervisor_spec spec;
    spec.name = "root";
    spec.children.push_back(
        {"inspector", [&env](caf::local_actor& parent) {
           return inspector::spawn_inspector(parent, {env, {}});
         }});
    auto root = kit::spawn_supervisor(system, env, spec);
    auto before = resident_bytes();
    for (std::uint64_t i = 0; i < actors; ++i)
      system.spawn<worker>(env, "w/" + std::to_string(i));
    std::promise<double> warm;
    system.spawn<asker>(env, time / 4, warm, actors);
    warm.get_future().get();
    out.bytes_each = (resident_bytes() - before) / static_cast<double>(actors);
    std::atomic<std::uint64_t> seen{0};
    caf::actor watcher;
    if (looked_at)
      watcher = system.spawn<looker>(env, seen);
    auto begun = steady::now();
    auto used = cpu_us();
    std::promise<double> lives;
    system.spawn<midwife>(env, time, lives);
    out.lives_per_s = lives.get_future().get();
    auto lived = std::chrono::duration<double>(steady::now() - begun).count();
    out.cpu_us_a_life = (cpu_us() - used) / (out.lives_per_s * lived);
    used = cpu_us();
    auto asked_from = steady::now();
    std::promise<double> asks;
    system.spawn<asker>(env, time, asks, actors);
    out.asks_per_s = asks.get_future().get();
    auto asked = std::chrono::duration<double>(steady::now() - asked_from);
    out.cpu_us_an_ask = (cpu_us() - used) / (out.asks_per_s * asked.count());
    out.seen_per_s
        = static_cast<double>(seen)
          / std::chrono::duration<double>(steady::now() - begun).count();
    // Its process ends here, with all that lives in it.
    auto whole = ::write(to, &out, sizeof out) == sizeof out;
    ::_exit(whole ? 0 : 1);
  }
}

/// In a process of its own, so that memory of one is not used again by the
/// next.
figures measure_alone(std::uint64_t actors, std::size_t threads,
                      std::chrono::milliseconds time, bool listed,
                      bool looked_at) {
  int ends[2];
  if (::pipe(ends) != 0)
    throw std::runtime_error{"no pipe"};
  auto child = ::fork();
  if (child == 0)
    measure(actors, threads, time, listed, looked_at, ends[1]);
  ::close(ends[1]);
  figures out;
  auto whole = ::read(ends[0], &out, sizeof out) == sizeof out;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  if (!whole)
    throw std::runtime_error{"a measurement came to no end"};
  return out;
}

json spread(const std::vector<double>& all) {
  return {{"median", median(all)},
          {"least", *std::min_element(all.begin(), all.end())},
          {"most", *std::max_element(all.begin(), all.end())}};
}

} // namespace

int main(int argc, char** argv) {
  std::uint64_t actors = 100'000;
  std::size_t threads = 2;
  int rounds = 5;
  int time_ms = 3'000;
  CLI::App app{"Measures what it costs to be seen, and to look"};
  app.add_option("--actors", actors, "That live all the while");
  app.add_option("--threads", threads, "Of the scheduler");
  app.add_option("--rounds", rounds, "Figures are medians of so many");
  app.add_option("--time", time_ms, "Of one measurement, in milliseconds");
  CLI11_PARSE(app, argc, argv);
  struct way {
    const char* name;
    bool listed;
    bool looked_at;
  };
  const std::vector<way> ways{{"unlisted", false, false},
                              {"listed", true, false},
                              {"looked_at", true, true}};
  std::map<std::string, std::map<std::string, std::vector<double>>> found;
  // Side by side, so that what else the machine does is in all of them.
  for (int round = 0; round < rounds; ++round)
    for (const auto& each : ways) {
      auto got
          = measure_alone(actors, threads, std::chrono::milliseconds{time_ms},
                          each.listed, each.looked_at);
      auto& into = found[each.name];
      into["lives_per_s"].push_back(got.lives_per_s);
      into["asks_per_s"].push_back(got.asks_per_s);
      into["seen_per_s"].push_back(got.seen_per_s);
      into["bytes_each"].push_back(got.bytes_each);
      into["cpu_us_a_life"].push_back(got.cpu_us_a_life);
      into["cpu_us_an_ask"].push_back(got.cpu_us_an_ask);
      std::fprintf(stderr,
                   "%-10s %9.0f lives/s %9.0f asks/s %9.0f seen/s "
                   "%5.0f bytes\n",
                   each.name, got.lives_per_s, got.asks_per_s, got.seen_per_s,
                   got.bytes_each);
    }
  json out{{"actors", actors}, {"threads", threads}, {"rounds", rounds}};
  for (const auto& each : ways)
    for (const auto& [what, all] : found[each.name])
      out[each.name][what] = spread(all);
  auto ratio = [&](const char* over, const char* under, const char* what) {
    return median(found[over][what]) / median(found[under][what]);
  };
  for (const auto* what :
       {"lives_per_s", "asks_per_s", "cpu_us_a_life", "cpu_us_an_ask"}) {
    out["ratios"][std::string{"listed_"} + what]
        = ratio("listed", "unlisted", what);
    out["ratios"][std::string{"looked_at_"} + what]
        = ratio("looked_at", "listed", what);
  }
  out["place_bytes"] = sizeof(kit::listed);
  out["actor_base_bytes"] = sizeof(kit::actor_base);
  std::printf("%s\n", out.dump(2).c_str());
  return 0;
}
