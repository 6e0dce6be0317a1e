#include "tests/browser/pool_world.hpp"

#include "actors/kit/scheduling.hpp"

#include <caf/actor_cast.hpp>
#include <caf/exit_reason.hpp>
#include <caf/send.hpp>
#include <nlohmann/json.hpp>

#include <stdexcept>
#include <thread>
#include <utility>

namespace shannon::test {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

/// Asks on behalf of a test that waits on its own thread.
class pool_world::voice final : public kit::actor_base {
public:
  voice(caf::actor_config& cfg, kit::actor_env& env)
      : actor_base(cfg, env, {"voice"}) {}

  using kit::actor_base::ask;
  using kit::actor_base::poster;
  using kit::actor_base::tell;

protected:
  kit::handlers make_handlers() override {
    return {};
  }
};

pool_world::system_config::system_config() {
  kit::schedule_on(*this, 2);
}

config::browser_settings pool_world::quick() {
  config::browser_settings out;
  out.sessions_max = 8;
  out.tenant_sessions_max = 6;
  out.action_timeout = 20s;
  return out;
}

pool_world::pool_world(config::browser_settings settings) {
  auto at = web.url("/", "127.0.0.1"); // http://HOST:PORT/
  settings.egress_allow.push_back(at.substr(7, at.find('/', 7) - 7));
  config::tool_settings files;
  files.workspace_dir = folder.path();
  pool_ = browser::spawn_browser_pool(
      system_, {env_, std::move(settings), files, loop_, metrics_,
                [] { return node_id{"here"}; }});
  voice_handle_ = system_.spawn<voice>(env_);
  voice_ = caf::actor_cast<voice*>(voice_handle_);
  until([&] {
    return addresses_.find({"browser/worker"}) && addresses_.find({"voice"});
  });
}

pool_world::~pool_world() {
  caf::anon_send_exit(pool_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(voice_handle_, caf::exit_reason::user_shutdown);
  pool_ = nullptr;
  voice_handle_ = nullptr;
  system_.await_all_actors_done();
  addresses_.clear();
}

template <class Answer>
std::future<result<Answer>> pool_world::ask(message_body body) {
  auto promise = std::make_shared<std::promise<result<Answer>>>();
  auto future = promise->get_future();
  voice_->poster()([self = voice_, promise, body = std::move(body)] {
    self->ask<Answer>(
        {"browser/worker"}, body, 60s,
        [promise](result<Answer> got) { promise->set_value(std::move(got)); });
  });
  return future;
}

std::future<pool_world::answer>
pool_world::begin(const std::string& session, const std::string& action,
                  const std::string& arguments, const std::string& holder,
                  const std::string& key, const std::string& state,
                  const std::string& tenant) {
  remote::BrowserRun what;
  auto& context = *what.mutable_context();
  context.set_attempt_key(
      key.empty() ? session + "/step" + std::to_string(++keys_) + "/1" : key);
  context.set_log(session);
  context.set_task("task-1");
  context.set_tenant(tenant);
  context.set_user("u");
  context.set_session("s");
  auto& request = *what.mutable_request();
  request.set_action(action);
  request.set_arguments_json(arguments);
  request.set_holder(holder);
  request.set_state(state);
  return ask<remote::BrowserResult>(std::move(what));
}

pool_world::answer
pool_world::act(const std::string& session, const std::string& action,
                const std::string& arguments, const std::string& holder,
                const std::string& key, const std::string& state) {
  auto future = begin(session, action, arguments, holder, key, state);
  if (future.wait_for(60s) != std::future_status::ready)
    throw std::runtime_error(action + " gets no answer");
  return future.get();
}

remote::BrowserResult pool_world::visit(const std::string& session,
                                        const std::string& path) {
  nlohmann::json arguments{{"url", url(path)}};
  auto got = act(session, "browser_navigate", arguments.dump());
  if (!got)
    throw std::runtime_error(got.error().text);
  if (!got->result().success())
    throw std::runtime_error(got->result().error());
  return *got;
}

void pool_world::cancel(const std::string& key) {
  remote::CancelEffect what;
  what.set_attempt_key(key);
  voice_->poster()(
      [self = voice_, what] { self->tell({"browser/worker"}, what); });
}

void pool_world::close(const std::string& session) {
  remote::BrowserClose what;
  what.set_session(session);
  voice_->poster()(
      [self = voice_, what] { self->tell({"browser/worker"}, what); });
}

browser::pool_report pool_world::report() {
  auto future = ask<browser::pool_report>(browser::get_sessions{});
  if (future.wait_for(20s) != std::future_status::ready)
    throw std::runtime_error("no report");
  return future.get().value();
}

std::future<result<cluster::drained>> pool_world::drain() {
  return ask<cluster::drained>(cluster::drain{30s});
}

bool pool_world::until(const std::function<bool()>& holds,
                       std::chrono::milliseconds patience) {
  auto due = steady_clock::now() + patience;
  while (!holds()) {
    if (steady_clock::now() > due)
      return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

std::string text_of(const pool_world::answer& got) {
  if (!got)
    return "refused: " + got.error().text;
  return got->result().success() ? got->result().output()
                                 : "failed: " + got->result().error();
}

} // namespace shannon::test
