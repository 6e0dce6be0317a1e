// Envelopes between two nodes that are two processes on the loopback, with
// TLS and without: how many a second one way, from one actor's thread and from
// two, into a mailbox; how long an ask of an actor of the kit takes to one
// of the other node and back, one at a time; how many go round with 64 and with
// 1,000 at a time. With what one way costs in memory. Prints one JSON object.

#include "actors/cluster/mail_router.hpp"
#include "actors/kit/actor_base.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/link/certificates.hpp"
#include "actors/link/link_hub.hpp"
#include "metrics/registry.hpp"
#include "protocols/remote/tool.pb.h"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <thread>
#include <tuple>
#include <unistd.h>
#include <utility>
#include <vector>

using namespace shannon;
using namespace std::chrono_literals;

namespace {

using bench_clock = std::chrono::steady_clock;

constexpr auto span = 4s;
constexpr std::size_t body_bytes = 64;
/// Envelopes for each look at the window.
constexpr std::uint64_t some_max = 64;
const node_id n1{"n1#1"};
const node_id n2{"n2#1"};

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "link_bench: %s\n", why.c_str());
  std::exit(1);
}

message_body small_body() {
  remote::ToolRun run;
  run.mutable_request()->set_arguments_json(std::string(body_bytes, 'x'));
  return run;
}

std::size_t resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  std::size_t all = 0;
  std::size_t resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

struct system_config : caf::actor_system_config {
  system_config() {
    kit::schedule_on(*this, 2);
  }
};

/// A node as far as its links go.
struct node {
  node(const node_id& self, const config::tls_settings& tls) : id(self) {
    config::link_settings settings;
    settings.listen = "127.0.0.1:0";
    auto made = link::link_hub::listen(
        loop, {"bench", std::string{cluster::name_of(self)}, "127.0.0.1",
               "bench", settings, tls, false, addresses, counts});
    if (!made)
      die(made.error().text);
    hub = std::move(*made);
    addresses.route_by(std::make_shared<cluster::mail_router>(
        std::make_shared<const kit::owned_shards>(), std::vector<std::string>{},
        [hub = hub](const node_id& process, const envelope_ptr& mail) {
          return hub->send(process, mail);
        }));
  }
  ~node() {
    hub->stop();
    for (const auto& one : actors)
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    addresses.clear();
    loop.stop();
  }

  void stand(const char* where, std::function<void(const envelope_ptr&)> take) {
    auto who = system.spawn([take](caf::event_based_actor*) -> caf::behavior {
      return {[take](const envelope_ptr& mail) { take(mail); }};
    });
    addresses.bind({where}, who);
    actors.push_back(who);
  }

  void answer(const envelope& mail, message_body body) {
    auto out = std::make_shared<envelope>();
    out->to = mail.from;
    out->from = mail.to;
    out->correlation = mail.correlation;
    out->is_reply = true;
    out->body = std::move(body);
    hub->send(n1, out);
  }

  node_id id;
  metrics::registry registry;
  metrics::link_metrics counts{registry};
  kit::directory addresses;
  kit::actor_env env{addresses};
  kit::io_loop loop{"links"};
  system_config config;
  caf::actor_system system{config};
  std::vector<caf::actor> actors;
  std::shared_ptr<link::link_hub> hub;
};

/// Answers with what it is asked.
class echo final : public kit::actor_base {
public:
  echo(caf::actor_config& cfg, kit::actor_env& shared)
      : actor_base(cfg, shared, {"echo"}) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::ToolRun>(
        [this](const envelope& mail, auto&) { reply(mail, mail.body); })};
  }
};

/// Keeps so many asks under way for a while.
class asker final : public kit::actor_base {
public:
  asker(caf::actor_config& cfg, kit::actor_env& shared, int outstanding,
        std::promise<std::vector<double>>& all_back)
      : actor_base(cfg, shared, {"asker"}), outstanding_(outstanding),
        all_back_(all_back) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void started() override {
    for (int i = 0; i < outstanding_; ++i)
      next();
  }

private:
  void next() {
    auto asked = bench_clock::now();
    ask<remote::ToolRun>({"echo@n2#1"}, body_, 30s,
                         [this, asked](const result<remote::ToolRun>& got) {
                           if (!got)
                             die(got.error().text);
                           took(asked);
                         });
  }
  void took(bench_clock::time_point asked) {
    auto now = bench_clock::now();
    times_.push_back(
        std::chrono::duration<double, std::micro>(now - asked).count());
    if (now - began_ < span)
      next();
    else if (--outstanding_ == 0)
      all_back_.set_value(std::move(times_));
  }

  int outstanding_;
  std::promise<std::vector<double>>& all_back_;
  message_body body_ = small_body();
  std::vector<double> times_;
  bench_clock::time_point began_ = bench_clock::now();
};

/// The other process: counts what comes for `sink`, echoes what is asked of
/// `echo`, and tells `count` how many came and what it has of memory.
[[noreturn]] void serve(int said, int heard, const config::tls_settings& tls) {
  // It ends with its parent.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  {
    node self{n2, tls};
    std::atomic<std::uint64_t> came{0};
    self.stand("sink", [&](const envelope_ptr&) { ++came; });
    self.actors.push_back(self.system.spawn<echo>(self.env));
    self.stand("count", [&](const envelope_ptr& mail) {
      remote::ToolResult out;
      out.set_duration_us(static_cast<std::int64_t>(came.load()));
      out.set_output(std::to_string(resident_bytes()));
      self.answer(*mail, out);
    });
    self.hub->set_peers(n2, {{n1, ""}});
    auto address = self.hub->address() + "\n";
    if (::write(said, address.data(), address.size())
        != static_cast<ssize_t>(address.size()))
      std::_Exit(1);
    char byte = 0;
    while (::read(heard, &byte, 1) > 0) {
    }
  }
  std::_Exit(0);
}

/// n1, and n2 in a process of its own.
class pair_of_nodes {
public:
  explicit pair_of_nodes(const std::string& certificates) {
    int up[2];
    int down[2];
    if (::pipe(up) != 0 || ::pipe(down) != 0)
      die("no pipe");
    child_ = ::fork(); // Before any thread of this process.
    if (child_ == 0) {
      ::close(up[0]);
      ::close(down[1]);
      serve(up[1], down[0], tls_of(certificates, "n2"));
    }
    ::close(up[1]);
    ::close(down[0]);
    ends_ = down[1];
    std::string address;
    for (char byte = 0; ::read(up[0], &byte, 1) == 1 && byte != '\n';)
      address.push_back(byte);
    ::close(up[0]);
    self = std::make_unique<node>(n1, tls_of(certificates, "n1"));
    self->hub->set_peers(n1, {{n2, address}});
    auto until = bench_clock::now() + 10s;
    while (self->hub->room(n2) == 0) {
      if (bench_clock::now() > until)
        die("no link to " + address);
      std::this_thread::sleep_for(1ms);
    }
  }
  ~pair_of_nodes() {
    self.reset();
    ::close(ends_);
    ::waitpid(child_, nullptr, 0);
  }

  /// How many came over there, and its memory.
  std::pair<std::uint64_t, std::size_t> count() {
    while (self->hub->room(n2) < 2)
      std::this_thread::sleep_for(100us);
    std::promise<std::pair<std::uint64_t, std::size_t>> got;
    self->stand("counter", [&](const envelope_ptr& mail) {
      const auto* out = mail->body.get_if<remote::ToolResult>();
      if (!out)
        die("no count: " + mail->status.text);
      got.set_value({static_cast<std::uint64_t>(out->duration_us()),
                     std::stoull(out->output())});
    });
    auto out = std::make_shared<envelope>();
    out->to = {"count"};
    out->from = {"counter"};
    out->correlation = 1;
    out->body = small_body();
    self->hub->send(n2, out);
    return got.get_future().get();
  }

  std::unique_ptr<node> self;

private:
  static config::tls_settings tls_of(const std::string& dir,
                                     const std::string& name) {
    if (dir.empty())
      return {};
    return {dir + "/ca.pem", dir + "/" + name + ".pem",
            dir + "/" + name + ".key"};
  }

  pid_t child_ = -1;
  int ends_ = -1;
};

nlohmann::ordered_json one_way(const std::string& certificates, int threads) {
  pair_of_nodes nodes{certificates};
  auto& hub = *nodes.self->hub;
  auto own_before = resident_bytes();
  auto [none, other_before] = nodes.count();
  std::atomic<std::uint64_t> sent{0};
  std::atomic<std::size_t> own_most{0};
  auto body = small_body();
  auto began = bench_clock::now();
  std::vector<std::thread> senders;
  for (int i = 0; i < threads; ++i)
    senders.emplace_back([&] {
      std::uint64_t mine = 0;
      while (bench_clock::now() - began < span) {
        // Each leaves room for what the others have looked at, too.
        auto some = hub.room(n2) < 1'024 ? 0 : some_max;
        if (some == 0) {
          std::this_thread::sleep_for(20us);
          continue;
        }
        for (std::uint64_t n = 0; n < some; ++n) {
          auto mail = std::make_shared<envelope>();
          mail->to = {"sink"};
          mail->from = {"sender"};
          mail->body = body;
          hub.send(n2, mail);
        }
        if (((mine += some) & 0xffff) < some_max)
          own_most = std::max(own_most.load(), resident_bytes());
      }
      sent += mine;
    });
  for (auto& one : senders)
    one.join();
  // Until the last of them is there.
  auto [came, other_after] = nodes.count();
  for (auto until = bench_clock::now() + 10s;
       came < sent && bench_clock::now() < until;) {
    std::this_thread::sleep_for(1ms);
    std::tie(came, other_after) = nodes.count();
  }
  auto took = std::chrono::duration<double>(bench_clock::now() - began).count();
  if (came != sent)
    die(std::to_string(sent) + " were sent and " + std::to_string(came)
        + " came");
  auto mib = [](std::size_t after, std::size_t before) {
    return after < before ? 0 : (after - before) >> 20;
  };
  return {{"envelopes_per_second",
           static_cast<std::uint64_t>(static_cast<double>(came) / took)},
          {"sender_grew_mib", mib(own_most, own_before)},
          {"receiver_grew_mib", mib(other_after, other_before)}};
}

nlohmann::ordered_json round_trips(const std::string& certificates,
                                   int outstanding) {
  pair_of_nodes nodes{certificates};
  auto& self = *nodes.self;
  std::promise<std::vector<double>> done;
  auto began = bench_clock::now();
  self.actors.push_back(self.system.spawn<asker>(self.env, outstanding, done));
  auto times = done.get_future().get();
  auto took = std::chrono::duration<double>(bench_clock::now() - began).count();
  std::sort(times.begin(), times.end());
  auto at = [&](double share) {
    auto last = static_cast<double>(times.size() - 1);
    return static_cast<std::int64_t>(
        times[static_cast<std::size_t>(share * last)] + 0.5);
  };
  return {{"per_second", static_cast<std::uint64_t>(
                             static_cast<double>(times.size()) / took)},
          {"p50_us", at(0.5)},
          {"p99_us", at(0.99)}};
}

} // namespace

int main() {
  char name[] = "/tmp/shannon-link-bench-XXXXXX";
  if (!::mkdtemp(name))
    die("no temporary directory");
  std::string dir = name;
  for (const auto& made : {link::make_ca(dir, link::days{2}),
                           link::issue(dir, "n1", link::days{1}),
                           link::issue(dir, "n2", link::days{1})})
    if (!made)
      die(made.error().text);
  nlohmann::ordered_json out;
  out["between"] = "two processes on the loopback";
  out["body_bytes"] = body_bytes;
  for (const auto& [how, certificates] :
       {std::pair{"tls", dir}, std::pair{"plain", std::string{}}}) {
    auto& part = out[how];
    part["one_way_1_thread"] = one_way(certificates, 1);
    part["one_way_2_threads"] = one_way(certificates, 2);
    part["ask_1_at_a_time"] = round_trips(certificates, 1);
    part["ask_64_at_a_time"] = round_trips(certificates, 64);
    part["ask_1000_at_a_time"] = round_trips(certificates, 1'000);
  }
  std::filesystem::remove_all(dir);
  std::printf("%s\n", out.dump(2).c_str());
}
