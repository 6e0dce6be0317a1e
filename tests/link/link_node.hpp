#pragma once

#include "actors/kit/directory.hpp"
#include "actors/kit/io_loop.hpp"
#include "actors/kit/scheduling.hpp"
#include "actors/link/link_hub.hpp"
#include "metrics/link_metrics.hpp"
#include "metrics/registry.hpp"
#include "protocols/envelope.hpp"
#include "protocols/remote/tool.pb.h"

#include <caf/actor_system.hpp>
#include <caf/actor_system_config.hpp>
#include <caf/allowed_unsafe_message_type.hpp>
#include <caf/event_based_actor.hpp>
#include <caf/send.hpp>
#include <catch2/catch.hpp>

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace shannon::test {

/// What comes about by itself is waited for; the machine may be busy.
inline bool becomes(const std::function<bool()>& what,
                    std::chrono::milliseconds most = std::chrono::seconds{20}) {
  auto until = std::chrono::steady_clock::now() + most;
  while (!what()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

inline message_body tool_run(const std::string& text) {
  remote::ToolRun run;
  run.mutable_request()->set_arguments_json(text);
  return run;
}

inline std::string text_of(const envelope& mail) {
  const auto* run = mail.body.get_if<remote::ToolRun>();
  return run ? run->request().arguments_json() : "(another body)";
}

/// All mail that came, from any thread.
class inbox {
public:
  void put(const envelope_ptr& mail) {
    std::lock_guard guard{mutex_};
    all_.push_back(mail);
    came_.notify_all();
  }
  /// Waits for so many; what is there then.
  std::vector<envelope_ptr> wait(std::size_t count) {
    std::unique_lock guard{mutex_};
    came_.wait_for(guard, std::chrono::seconds{20},
                   [&] { return all_.size() >= count; });
    return all_;
  }
  std::size_t size() const {
    std::lock_guard guard{mutex_};
    return all_.size();
  }

private:
  mutable std::mutex mutex_;
  std::condition_variable came_;
  std::vector<envelope_ptr> all_;
};

/// A node as far as its links go: a hub, a directory, and actors that do what
/// the test says.
class link_node {
public:
  struct options {
    std::string cluster = "test";
    config::link_settings link = fast();
    config::tls_settings tls{};
    std::uint64_t incarnation = 1;

    static config::link_settings fast() {
      config::link_settings out;
      out.listen = "127.0.0.1:0";
      out.reconnect_min = std::chrono::milliseconds{5};
      out.reconnect_max = std::chrono::milliseconds{50};
      // A busy machine is not what is tested, except where it is said.
      out.dead_after = std::chrono::seconds{10};
      return out;
    }
  };

  explicit link_node(std::string name) : link_node(std::move(name), {}) {}
  link_node(std::string name, options how)
      : id{name + "#" + std::to_string(how.incarnation)} {
    auto made = link::link_hub::listen(loop_, {how.cluster, name, "127.0.0.1",
                                               "test-build", how.link, how.tls,
                                               false, addresses, counts});
    if (!made)
      FAIL(made.error().text);
    hub = std::move(*made);
  }

  ~link_node() {
    hub->stop();
    for (const auto& one : actors_)
      caf::anon_send_exit(one, caf::exit_reason::user_shutdown);
    addresses.clear();
    loop_.stop();
    hub.reset();
  }

  cluster::peer as_peer() const {
    return {id, hub->address()};
  }

  /// Tells it who there is.
  void know(const std::vector<const link_node*>& others) {
    std::vector<cluster::peer> peers;
    for (const auto* one : others)
      peers.push_back(one->as_peer());
    hub->set_peers(id, peers);
  }

  bool linked(const node_id& peer) const {
    for (const auto& one : hub->states().links)
      if (one.process == peer)
        return one.up;
    return false;
  }
  link::link_state link_to(const std::string& name) const {
    for (const auto& one : hub->states().links)
      if (cluster::name_of(one.process) == name)
        return one;
    return {};
  }

  /// An actor that hands what comes for `where` to `take`.
  void stand(const std::string& where,
             std::function<void(const envelope_ptr&)> take) {
    auto who = system_.spawn(
        [take = std::move(take)](caf::event_based_actor*) -> caf::behavior {
          return {[take](const envelope_ptr& mail) { take(mail); }};
        });
    addresses.bind({where}, who);
    actors_.push_back(who);
  }
  std::shared_ptr<inbox> stand(const std::string& where) {
    auto box = std::make_shared<inbox>();
    stand(where, [box](const envelope_ptr& mail) { box->put(mail); });
    return box;
  }

  /// Answers each ask with its own body.
  void stand_echo(const std::string& where) {
    stand(where,
          [this](const envelope_ptr& mail) { answer(*mail, mail->body); });
  }

  bool answer(const envelope& mail, message_body body) {
    envelope out;
    out.to = mail.from;
    out.from = mail.to;
    out.correlation = mail.correlation;
    out.is_reply = true;
    out.body = std::move(body);
    auto at = mail.from.value.rfind('@');
    return hub->send(node_id{mail.from.value.substr(at + 1)},
                     std::make_shared<const envelope>(std::move(out)));
  }

  bool tell(const link_node& whom, const std::string& to, message_body body) {
    envelope out;
    out.to = {to};
    out.from = {"asker"};
    out.body = std::move(body);
    return hub->send(whom.id, std::make_shared<const envelope>(std::move(out)));
  }
  bool ask(const node_id& whom, const std::string& to, std::uint64_t number,
           message_body body,
           std::chrono::milliseconds timeout = std::chrono::seconds{30}) {
    envelope out;
    out.to = {to};
    out.from = {"asker"};
    out.correlation = number;
    out.deadline = std::chrono::steady_clock::now() + timeout;
    out.body = std::move(body);
    return hub->send(whom, std::make_shared<const envelope>(std::move(out)));
  }

  double counted(const std::string& line) const {
    auto text = registry.render();
    auto at = text.find("\n" + line + " ");
    return at == std::string::npos
               ? 0
               : std::stod(text.substr(at + line.size() + 2));
  }

  node_id id;
  metrics::registry registry;
  metrics::link_metrics counts{registry};
  kit::directory addresses;

private:
  class station final : public caf::event_based_actor {
  public:
    using taker = std::function<void(const envelope_ptr&)>;
    station(caf::actor_config& cfg, taker take)
        : caf::event_based_actor(cfg), take_(std::move(take)) {}

  protected:
    caf::behavior make_behavior() override {
      return {[this](const envelope_ptr& mail) { take_(mail); }};
    }

  private:
    taker take_;
  };

  struct system_config : caf::actor_system_config {
    system_config() {
      kit::schedule_on(*this, 2);
    }
  };

  kit::io_loop loop_{"links"};
  system_config config_;
  caf::actor_system system_{config_};
  std::vector<caf::actor> actors_;

public:
  std::shared_ptr<link::link_hub> hub;
};

/// Links all with all, and waits for that.
inline void link_up(const std::vector<link_node*>& nodes) {
  std::vector<const link_node*> all{nodes.begin(), nodes.end()};
  for (auto* one : nodes)
    one->know(all);
  for (auto* one : nodes)
    for (auto* other : nodes)
      if (one != other)
        REQUIRE(becomes([&] { return one->linked(other->id); }));
}

} // namespace shannon::test
