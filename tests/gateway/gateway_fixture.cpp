#include "tests/gateway/gateway_fixture.hpp"

#include "actors/kit/scheduling.hpp"
#include "protocols/cluster.hpp"

#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <chrono>
#include <stdexcept>
#include <thread>

namespace shannon::test {

using namespace std::chrono_literals;

namespace {

class stand_in_actor final : public kit::actor_base {
public:
  stand_in_actor(caf::actor_config& cfg, kit::actor_env& shared,
                 const std::string& self, gateway_fixture::answerer how)
      : actor_base(cfg, shared, {self}), how_(std::move(how)) {}

protected:
  kit::handlers make_handlers() override {
    return {};
  }
  void unexpected(const envelope& mail) override {
    auto got = how_(mail);
    if (got && got->empty())
      return; // Not now.
    got ? reply(mail, std::move(*got)) : refuse(mail, got.error());
  }

private:
  gateway_fixture::answerer how_;
};

} // namespace

config::http_settings quick_settings() {
  config::http_settings settings;
  settings.listen = "127.0.0.1:0";
  settings.admin_listen = "127.0.0.1:0";
  settings.ask_timeout = 2s;
  settings.dev = true;
  settings.connections_per_ip_max = 10'000;
  return settings;
}

gateway_fixture::config_type::config_type() {
  kit::schedule_on(*this, 2);
}

gateway_fixture::gateway_fixture(config::http_settings settings,
                                 bool serves_api, std::string redis_url,
                                 config::tool_settings files)
    : settings_(std::move(settings)), serves_api_(serves_api),
      redis_url_(std::move(redis_url)), files_(std::move(files)) {
  auto opened = gateway::http_server::listen(loop_, settings_);
  if (!opened)
    throw std::runtime_error{opened.error().text};
  server = *opened;
  system_ = std::make_unique<caf::actor_system>(config_);
  system_->await_actors_before_shutdown(false);
  fakes = spawn_fakes(*system_, env, runs);
  stand_in("records",
           [this](const envelope& mail) { return records.answer(mail); });
  start_gateway();
}

gateway_fixture::~gateway_fixture() {
  server->stop_accepting();
  end_gateway();
  stand_ins_.push_back(fakes.store);
  stand_ins_.push_back(fakes.workflow);
  for (auto& who : stand_ins_) {
    caf::anon_send_exit(who, caf::exit_reason::user_shutdown);
    caf::scoped_actor waiter{*system_};
    waiter->wait_for(who);
  }
  stand_ins_.clear();
  fakes = {};
  server->stop();
  addresses.clear();
  system_.reset();
  loop_.stop();
}

void gateway_fixture::start_gateway() {
  caf::scoped_actor parent{*system_};
  gateway::gateway_args args{
      env,
      settings_,
      config::identity_settings{},
      {std::string(32, 'p'), {{"k1", std::string(32, 'k')}}},
      server,
      metrics,
      registry,
      serves_api_};
  args.redis_url = redis_url_;
  args.files = files_;
  gateway_ = gateway::spawn_gateway(*parent.ptr(), std::move(args));
  // It serves once its first message is behind it.
  if (!eventually([&] { return ask(get("/health")).status == 200; }))
    throw std::runtime_error{"GATEWAY does not serve"};
}

void gateway_fixture::stand_in(const std::string& address, answerer how) {
  stand_ins_.push_back(
      system_->spawn<stand_in_actor>(env, address, std::move(how)));
}

void gateway_fixture::end_gateway() {
  if (!gateway_)
    return;
  caf::anon_send_exit(gateway_, caf::exit_reason::user_shutdown);
  caf::scoped_actor waiter{*system_};
  waiter->wait_for(gateway_);
  gateway_ = nullptr;
}

void gateway_fixture::drain_gateway() {
  auto mail = std::make_shared<envelope>();
  mail->to = {"gateway"};
  mail->body = cluster::drain{};
  addresses.deliver(mail);
}

raw_response gateway_fixture::ask(const std::string& request, bool has_body) {
  auto one = client();
  one.send(request);
  return one.response(has_body).value_or(raw_response{});
}

bool eventually(const std::function<bool()>& what) {
  auto until = std::chrono::steady_clock::now() + 10s;
  while (!what()) {
    if (std::chrono::steady_clock::now() > until)
      return false;
    std::this_thread::sleep_for(2ms);
  }
  return true;
}

} // namespace shannon::test
