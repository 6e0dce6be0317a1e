#include "tests/llm/llm_fixture.hpp"

#include "actors/kit/scheduling.hpp"
#include "protocols/blobs.hpp"
#include "tests/llm/requests.hpp"

#include <boost/asio/post.hpp>
#include <caf/exit_reason.hpp>
#include <caf/scoped_actor.hpp>
#include <caf/send.hpp>

#include <thread>

namespace shannon::test {

/// Asks for the test, from within the world of actors.
class llm_fixture::prober final : public kit::actor_base {
public:
  prober(caf::actor_config& cfg, kit::actor_env& shared, llm_fixture& owner)
      : actor_base(cfg, shared, {"prober"}), owner_(owner) {}

  using actor_base::ask;
  using actor_base::poster;
  using actor_base::tell;

protected:
  kit::handlers make_handlers() override {
    return {kit::on<remote::LlmDelta>(
        [this](const envelope&, const remote::LlmDelta& delta) {
          std::lock_guard guard{owner_.mutex_};
          owner_.deltas_.push_back(delta);
        })};
  }
  void started() override {
    owner_.prober_ = this;
  }

private:
  llm_fixture& owner_;
};

class llm_fixture::bodies_store final : public kit::actor_base {
public:
  bodies_store(caf::actor_config& cfg, kit::actor_env& shared,
               std::map<std::string, std::string> bodies)
      : actor_base(cfg, shared, {"store"}), bodies_(std::move(bodies)) {}

protected:
  kit::handlers make_handlers() override {
    return {kit::on<store::get_tenant_blob>(
        [this](const envelope& mail, const store::get_tenant_blob& msg) {
          auto at = bodies_.find(msg.hash);
          if (at == bodies_.end() || msg.tenant.value != "t")
            return refuse(mail, {errc::not_found, "no such body", false, {}});
          reply(mail, store::blob_body{at->second});
        })};
  }

private:
  std::map<std::string, std::string> bodies_;
};

void llm_fixture::keep_bodies(std::map<std::string, std::string> bodies) {
  bodies_ = system_->spawn<bodies_store>(env, std::move(bodies));
}

llm_fixture::llm_fixture(config::llm_settings settings, variables more) {
  server_ = std::make_unique<upstream::server>(far_.context(),
                                               upstream::server_options{});
  auto url = "http://127.0.0.1:" + std::to_string(server_->port());
  variables all{{"OPENAI_BASE_URL", url + "/v1"},
                {"OPENAI_API_KEY", "sk-openai-secret"},
                {"ANTHROPIC_BASE_URL", url},
                {"ANTHROPIC_API_KEY", "sk-anthropic-secret"}};
  for (auto& [name, value] : more)
    all[name] = value;
  auto loaded = llm::load_catalogue(
      "", [&](const std::string& name) -> std::optional<std::string> {
        auto at = all.find(name);
        return at == all.end() ? std::nullopt : std::optional{at->second};
      });
  kit::schedule_on(config_, 2);
  system_ = std::make_unique<caf::actor_system>(config_);
  prober_handle_ = system_->spawn<prober>(env, *this);
  caf::scoped_actor parent{*system_};
  tree_ = llm::spawn_llm(
      *parent, {env, settings, near_, metrics,
                std::make_shared<const llm::catalogue>(std::move(*loaded))});
  while (!addresses.find({"llm/worker"}) || !prober_)
    std::this_thread::yield();
  post_ = prober_->poster();
}

llm_fixture::~llm_fixture() {
  caf::anon_send_exit(tree_, caf::exit_reason::user_shutdown);
  caf::anon_send_exit(prober_handle_, caf::exit_reason::user_shutdown);
  if (bodies_)
    caf::anon_send_exit(bodies_, caf::exit_reason::user_shutdown);
  bodies_ = nullptr;
  tree_ = nullptr;
  prober_handle_ = nullptr;
  system_->await_all_actors_done();
  addresses.clear();
  system_.reset();
  server_.reset();
}

remote::LlmCall llm_fixture::call(const std::string& text,
                                  const std::string& provider) {
  static std::atomic<int> number{0};
  remote::LlmCall what;
  auto& context = *what.mutable_context();
  context.set_attempt_key("task/llm#" + std::to_string(++number) + "/1");
  context.set_log("task");
  context.set_agent("agent-1");
  context.set_reply_deltas_to("prober");
  auto& request = *what.mutable_request();
  request.set_purpose("agent");
  request.set_provider(provider);
  request.set_stream(true);
  add(request, remote::ChatMessage::SYSTEM, "You are an agent.");
  add(request, remote::ChatMessage::USER, text);
  auto& tool = *request.add_tools();
  tool.set_name("calculator");
  return what;
}

std::future<result<remote::LlmResponse>>
llm_fixture::begin(remote::LlmCall call) {
  auto got = std::make_shared<std::promise<result<remote::LlmResponse>>>();
  auto future = got->get_future();
  post_([this, got, call = std::move(call)] {
    prober_->ask<remote::LlmResponse>(
        {"llm/worker"}, call, 20'000ms,
        [got](result<remote::LlmResponse> how) { got->set_value(how); });
  });
  return future;
}

result<remote::LlmResponse> llm_fixture::ask(remote::LlmCall call) {
  return begin(std::move(call)).get();
}

void llm_fixture::cancel(const std::string& attempt_key) {
  post_([this, attempt_key] {
    remote::CancelEffect what;
    what.set_attempt_key(attempt_key);
    prober_->tell({"llm/worker"}, what);
  });
}

std::shared_ptr<straight_listener>
llm_fixture::offer(remote::LlmCall call, std::chrono::milliseconds within,
                   std::shared_ptr<void> place) {
  auto to = std::make_shared<straight_listener>();
  auto mail = std::make_shared<envelope>();
  mail->to = {"llm/worker"};
  mail->traceparent = "00-trace";
  mail->body = straight::offer{
      std::make_shared<const remote::LlmCall>(std::move(call)),
      &near_.context(), to, within, std::move(place)};
  std::promise<void> done;
  boost::asio::post(near_.context(), [&] {
    addresses.deliver(mail);
    mail = nullptr;
    done.set_value();
  });
  done.get_future().wait();
  return to;
}

void llm_fixture::cancel(const std::shared_ptr<straight_listener>& one) {
  boost::asio::post(near_.context(), [one] { one->cancel(); });
}

remote::ModelList llm_fixture::models() {
  std::promise<result<remote::ModelList>> got;
  post_([&] {
    prober_->ask<remote::ModelList>(
        {"llm/worker"}, remote::ListModels{}, 5'000ms,
        [&](result<remote::ModelList> list) { got.set_value(list); });
  });
  return got.get_future().get().value();
}

std::vector<remote::LlmDelta> llm_fixture::deltas() {
  std::lock_guard guard{mutex_};
  return deltas_;
}

bool llm_fixture::await_seen(
    const std::function<bool(const std::vector<upstream::ledger_entry>&)>&
        is_there) {
  auto until = std::chrono::steady_clock::now() + 10s;
  while (std::chrono::steady_clock::now() < until) {
    if (is_there(seen()))
      return true;
    std::this_thread::sleep_for(2ms);
  }
  return false;
}

void llm_fixture::crash(const std::string& where) {
  caf::anon_send_exit(addresses.find({where}), caf::exit_reason::kill);
}

} // namespace shannon::test
