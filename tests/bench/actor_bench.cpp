// What an actor of the kit costs: how many are spawned in a second, with a
// first turn of each and without (lazily: it takes that with its first mail),
// what an idle one holds, how long an ask and its answer take with a thousand
// under way, all within one node; beside the same of bare CAF, the limit of
// this machine. Prints one JSON object.

#include "actors/kit/actor_base.hpp"
#include "actors/kit/scheduling.hpp"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <functional>
#include <future>
#include <string>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;
using steady = std::chrono::steady_clock;

namespace {

constexpr int actors = 300'000;
constexpr int under_way = 1'000;
constexpr int asks = 1'000'000;

struct question {};
struct answer {};

class idler final : public kit::actor_base {
public:
  idler(caf::actor_config& cfg, kit::actor_env& shared, std::string self)
      : actor_base(cfg, shared, {std::move(self)}) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<question>(
        [this](const envelope& mail, const auto&) { reply(mail, answer{}); })};
  }
};

/// Keeps so many asks under way until all are answered.
class asker final : public kit::actor_base {
public:
  asker(caf::actor_config& cfg, kit::actor_env& shared,
        std::promise<double>& told)
      : actor_base(cfg, shared, {"asker"}), told_(told) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    begun_ = steady::now();
    for (int i = 0; i < under_way; ++i)
      one();
  }

private:
  void one() {
    ask<answer>(
        {"idler/answers"}, question{}, 60s, [this](const result<answer>&) {
          if (++done_ == asks)
            return told_.set_value(
                std::chrono::duration<double>(steady::now() - begun_).count());
          if (done_ + under_way <= asks)
            one();
        });
  }

  std::promise<double>& told_;
  steady::time_point begun_;
  int done_ = 0;
};

double resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  double all = 0, resident = 0;
  in >> all >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

struct system_config : caf::actor_system_config {
  system_config() {
    kit::schedule_on(*this, 2);
  }
};

struct cost {
  double per_s = 0;
  double bytes = 0;
};

/// Spawns many, which stay; then ends them.
cost spawn_many(caf::actor_system& system,
                const std::function<caf::actor(int)>& spawn) {
  std::vector<caf::actor> all;
  all.reserve(actors);
  auto before = resident_bytes();
  auto begun = steady::now();
  for (int i = 0; i < actors; ++i)
    all.push_back(spawn(i));
  auto took = std::chrono::duration<double>(steady::now() - begun).count();
  cost out{actors / took, (resident_bytes() - before) / actors};
  caf::scoped_actor waiter{system};
  for (auto& one : all)
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  waiter->wait_for(all);
  return out;
}

/// A message there and back between two bare actors, a thousand under way.
double bare_round_trips(caf::actor_system& system) {
  std::promise<double> told;
  auto begun = steady::now();
  auto echo = system.spawn([](caf::event_based_actor*) -> caf::behavior {
    return {[](int number) { return number; }};
  });
  auto who = system.spawn([&](caf::event_based_actor* self) -> caf::behavior {
    auto done = std::make_shared<int>(0);
    auto next = std::make_shared<std::function<void()>>();
    *next = [&told, self, echo, done, next, begun] {
      self->request(echo, 60s, 1).then([&told, done, next, begun](int) {
        if (++*done == asks)
          return told.set_value(
              std::chrono::duration<double>(steady::now() - begun).count());
        if (*done + under_way <= asks)
          (*next)();
      });
    };
    for (int i = 0; i < under_way; ++i)
      (*next)();
    return {[](float) {}};
  });
  auto took = told.get_future().get();
  caf::anon_send_exit(who, caf::exit_reason::kill);
  caf::anon_send_exit(echo, caf::exit_reason::kill);
  return took / asks * 1e6;
}

} // namespace

int main() {
  system_config config;
  caf::actor_system system{config};
  kit::directory addresses;
  kit::actor_env env{addresses};
  auto bare = spawn_many(system, [&](int) -> caf::actor {
    return system.spawn([](caf::event_based_actor*) -> caf::behavior {
      return {[](int number) { return number; }};
    });
  });
  auto kit = spawn_many(system, [&](int i) -> caf::actor {
    return system.spawn<idler>(env, "idler/" + std::to_string(i));
  });
  auto bare_lazy = spawn_many(system, [&](int) -> caf::actor {
    return system.spawn<caf::lazy_init>(
        [](caf::event_based_actor*) -> caf::behavior {
          return {[](int number) { return number; }};
        });
  });
  auto kit_lazy = spawn_many(system, [&](int i) -> caf::actor {
    return system.spawn<idler, caf::lazy_init>(env,
                                               "idler/" + std::to_string(i));
  });
  auto bare_us = bare_round_trips(system);
  std::promise<double> told;
  auto answers = system.spawn<idler>(env, "idler/answers");
  auto who = system.spawn<asker>(env, told);
  auto kit_us = told.get_future().get() / asks * 1e6;
  for (const auto& one : {answers, who})
    caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
  nlohmann::ordered_json out{{"actors", actors},
                             {"bare_caf",
                              {{"spawned_per_s", bare.per_s},
                               {"spawned_lazily_per_s", bare_lazy.per_s},
                               {"bytes_an_actor", bare.bytes},
                               {"round_trip_us", bare_us}}},
                             {"kit",
                              {{"spawned_per_s", kit.per_s},
                               {"spawned_lazily_per_s", kit_lazy.per_s},
                               {"bytes_an_actor", kit.bytes},
                               {"round_trip_us", kit_us}}},
                             {"targets",
                              {{"spawned_per_s", 500'000},
                               {"bytes_an_actor", 1'536},
                               {"round_trip_us", 2.5}}}};
  std::printf("%s\n", out.dump(2).c_str());
  system.await_all_actors_done();
  addresses.clear();
}
