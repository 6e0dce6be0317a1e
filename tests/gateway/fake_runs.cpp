#include "tests/gateway/fake_runs.hpp"

#include "protocols/accounts.hpp"
#include "protocols/blobs.hpp"
#include "protocols/tenant_logs.hpp"

#include <algorithm>
#include <future>
#include <utility>

namespace shannon::test {

namespace {

class fake_store final : public kit::actor_base {
public:
  fake_store(caf::actor_config& cfg, kit::actor_env& shared, fake_runs& runs)
      : actor_base(cfg, shared, {"store"}, 100'000), runs_(runs) {}

protected:
  kit::handlers make_handlers() override {
    using namespace store;
    return {
        kit::on<get_head>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<read_facts>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<get_tenant_head>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<read_tenant_facts>(
            [this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<list_heads>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<sum_sessions>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<get_blob>([this](auto& mail, auto& m) {
          on_blob(mail, runs_.blob(m.hash, std::nullopt));
        }),
        kit::on<get_tenant_blob>([this](auto& mail, auto& m) {
          on_blob(mail, runs_.blob(m.hash, m.tenant));
        }),
        kit::on<ping>([this](auto& mail, auto&) { reply(mail, pong{}); }),
    };
  }

private:
  void on_blob(const envelope& mail, const std::optional<std::string>& bytes) {
    bytes ? reply(mail, store::blob_body{*bytes})
          : refuse(mail, {errc::not_found, "no such body", false, {}});
  }

  void on(const envelope& mail, const store::get_head& m) {
    auto run = runs_.find(m.log.value);
    if (!run)
      return refuse(mail, unknown_log());
    reply(mail, run->head);
  }

  void on(const envelope& mail, const store::get_tenant_head& m) {
    is_of(m.tenant, m.log) ? on(mail, store::get_head{m.log})
                           : refuse(mail, unknown_log());
  }

  void on(const envelope& mail, const store::read_tenant_facts& m) {
    is_of(m.tenant, m.page.log) ? on(mail, m.page)
                                : refuse(mail, unknown_log());
  }

  bool is_of(const tenant_id& tenant, const log_id& log) {
    auto run = runs_.find(log.value);
    return run && run->head.birth.tenant == tenant;
  }

  static error unknown_log() {
    return {errc::not_found, "no such log", false, {}};
  }

  void on(const envelope& mail, const store::read_facts& m) {
    if (!runs_.knows(m.log.value))
      return refuse(mail, unknown_log());
    store::fact_page page;
    runs_.with(m.log.value, [&](fake_runs::run& run) {
      for (const auto& fact : run.facts)
        if (fact.version > m.after && page.facts.size() < m.limit)
          page.facts.push_back(fact);
      page.version = run.head.tail.version;
      page.status = run.head.status;
    });
    reply(mail, std::move(page));
  }

  void on(const envelope& mail, const store::list_heads& m) {
    store::head_page page;
    auto all = runs_.heads();
    std::stable_sort(all.begin(), all.end(), [](auto& a, auto& b) {
      return a.created_at > b.created_at;
    });
    for (auto& head : all) {
      bool fits
          = (!m.session || head.birth.session == *m.session)
            && (!m.since || head.created_at >= *m.since)
            && (!m.user || head.birth.user == *m.user)
            && (!m.parent || head.birth.parent == *m.parent)
            && head.birth.kind == m.kind
            && (m.statuses.empty()
                || std::find(m.statuses.begin(), m.statuses.end(), head.status)
                       != m.statuses.end());
      if (!fits)
        continue;
      if (page.total >= m.offset && page.heads.size() < m.limit)
        page.heads.push_back(head);
      ++page.total;
    }
    reply(mail, std::move(page));
  }

  void on(const envelope& mail, const store::sum_sessions& m) {
    store::session_sums all;
    for (const auto& part : m.sessions)
      for (const auto& head : runs_.heads())
        if (head.birth.session == part.session && head.birth.user == m.user
            && head.created_at >= part.since)
          ++all.sessions[part.session].tasks;
    reply(mail, std::move(all));
  }

  fake_runs& runs_;
};

class fake_workflow final : public kit::actor_base {
public:
  fake_workflow(caf::actor_config& cfg, kit::actor_env& shared, fake_runs& runs,
                std::promise<std::function<void(kit::job)>>& post)
      : actor_base(cfg, shared, {"workflow"}, 100'000), runs_(runs),
        post_(post) {}

  void publish(const std::string& task, const facts::Fact& fact) {
    remote::RunEvent news;
    std::vector<shannon::address> to;
    runs_.with(task, [&](fake_runs::run& run) {
      auto version = ++run.head.tail.version;
      run.facts.push_back({version,
                           std::chrono::system_clock::time_point{
                               std::chrono::microseconds{fact.at_us()}},
                           fact.SerializeAsString()});
      news.set_version(version);
      to.assign(run.subscribers.begin(), run.subscribers.end());
    });
    news.set_task(task);
    news.set_at_us(fact.at_us());
    *news.mutable_event() = fact.event();
    news.set_last(fact.has_stream_ended());
    tell_all(to, message_body{std::move(news)});
  }

  void delta(const std::string& task, remote::LlmDelta piece) {
    remote::RunDelta news;
    news.set_task(task);
    *news.mutable_delta() = std::move(piece);
    auto run = runs_.find(task);
    tell_all({run->subscribers.begin(), run->subscribers.end()},
             message_body{std::move(news)});
  }

protected:
  kit::handlers make_handlers() override {
    using namespace remote;
    return {
        kit::on<StartTask>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<StartRun>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<CancelTask>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<SignalTask>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<ResumeRun>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<SetPaused>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<DescribeRun>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<QueryRun>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<Subscribe>([this](auto& mail, auto& m) { on(mail, m); }),
        kit::on<Unsubscribe>([this](auto& mail, auto& m) { on(mail, m); }),
    };
  }

  void started() override {
    post_.set_value(poster());
  }

private:
  void tell_all(const std::vector<shannon::address>& to,
                const message_body& news) {
    for (const auto& one : to)
      tell(one, news);
  }

  void on(const envelope& mail, const remote::StartTask& m) {
    if (auto why = runs_.start_refusal())
      return refuse(mail, *why);
    remote::TaskAccepted answer;
    answer.set_task(m.task());
    answer.set_existed(runs_.knows(m.task()));
    bool opens = m.has_opens() && runs_.open_sessions();
    answer.set_session_opened(opens);
    runs_.with(m.task(), [&](fake_runs::run& run) {
      if (!answer.existed()) {
        run.input = m.input();
        run.bodies.assign(m.bodies().begin(), m.bodies().end());
        if (opens)
          run.opens = m.opens();
      }
      answer.set_request_digest(run.input.request_digest());
      answer.set_submitted_at_us(run.input.submitted_at_us());
      run.head.birth.tenant = tenant_id{m.input().tenant()};
      run.head.birth.session = session_id{m.input().session()};
      run.head.birth.user = user_id{m.input().user()};
      facts::Summary summary;
      summary.set_query(m.input().query());
      run.head.summary = summary.SerializeAsString();
    });
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::StartRun& m) {
    remote::RunAccepted answer;
    answer.set_run(m.run());
    answer.set_existed(runs_.knows(m.run()));
    runs_.with(m.run(), [&](fake_runs::run& run) {
      run.head.birth.tenant = tenant_id{m.tenant()};
      run.head.birth.user = user_id{m.user()};
    });
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::SetPaused& m) {
    remote::SetPausedAck answer;
    runs_.with(m.run(), [&](fake_runs::run& run) {
      answer.set_success(run.pause.has_value() != m.paused());
      if (!answer.success())
        return answer.set_message(m.paused() ? "task is already paused"
                                             : "task is not paused");
      run.pause.reset();
      if (m.paused()) {
        run.pause.emplace().set_reason(m.reason());
        run.pause->set_by(m.by());
        run.pause->set_at_us(1'700'000'000'000'000);
      }
    });
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::CancelTask& m) {
    auto run = runs_.find(m.task());
    if (!run || !run->live)
      return refuse(mail, {errc::not_found, "no such run", false, {}});
    runs_.with(m.task(), [&](fake_runs::run& one) {
      one.cancelled = m.reason();
      one.head.status = store::log_status::cancelled;
      one.live = false;
    });
    remote::CancelAck answer;
    answer.set_success(true);
    answer.set_message("Task cancelled successfully");
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::SignalTask& m) {
    if (!runs_.knows(m.task()))
      return refuse(mail, {errc::not_found, "no such run", false, {}});
    if (m.passing()) {
      remote::RunDelta news;
      news.set_task(m.task());
      *news.mutable_event() = m.told();
      auto run = runs_.find(m.task());
      tell_all({run->subscribers.begin(), run->subscribers.end()},
               message_body{std::move(news)});
      return reply(mail, remote::SignalAck{});
    }
    bool is_new = true;
    runs_.with(m.task(), [&](fake_runs::run& one) {
      for (const auto& known : one.signals)
        is_new = is_new && known.signal_id() != m.signal_id();
      one.signals.push_back(m);
    });
    if (is_new && m.has_told()) {
      facts::Fact fact;
      *fact.mutable_event() = m.told();
      publish(m.task(), fact);
    }
    reply(mail, remote::SignalAck{});
  }

  void on(const envelope& mail, const remote::ResumeRun& m) {
    auto run = runs_.find(m.run());
    remote::ResumeAck answer;
    answer.set_success(run->head.status == store::log_status::needs_operator);
    answer.set_message(answer.success() ? "goes on" : "it is not parked");
    runs_.with(m.run(), [&](fake_runs::run& one) { one.resumes.push_back(m); });
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::DescribeRun& m) {
    remote::RunDescription answer;
    answer.set_run(m.run());
    answer.set_phase("running");
    if (auto run = runs_.find(m.run()); run && run->pause)
      *answer.mutable_pause() = *run->pause;
    auto& wait = *answer.add_waits();
    wait.set_kind("signal");
    wait.set_what("go");
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::QueryRun& m) {
    if (m.name() != "echo")
      return refuse(mail, {errc::not_found, "no such query", false, {}});
    remote::QueryAnswer answer;
    answer.set_payload(m.payload());
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::Subscribe& m) {
    if (auto why = runs_.subscription_refusal())
      return refuse(mail, *why);
    // Not by a copy of the run: thousands may subscribe.
    remote::Subscribed answer;
    bool live = false;
    if (runs_.knows(m.task()))
      runs_.with(m.task(), [&](fake_runs::run& one) {
        live = one.live;
        if (live)
          one.subscribers.insert(mail.from);
        answer.set_version(one.head.tail.version);
      });
    if (!live)
      return refuse(mail, {errc::not_found, "no such run", false, {}});
    reply(mail, std::move(answer));
  }

  void on(const envelope& mail, const remote::Unsubscribe& m) {
    if (runs_.knows(m.task()))
      runs_.with(m.task(), [&](fake_runs::run& one) {
        one.subscribers.erase(mail.from);
      });
  }

  fake_runs& runs_;
  std::promise<std::function<void(kit::job)>>& post_;
};

/// Runs `what` on the actor and waits for it.
void run_on(const std::function<void(kit::job)>& post, const kit::job& what) {
  std::promise<void> done;
  post([&] {
    what();
    done.set_value();
  });
  done.get_future().wait();
}

} // namespace

void fake_runs::with(const std::string& task,
                     const std::function<void(run&)>& what) {
  std::unique_lock guard{mutex_};
  auto [at, is_new] = runs_.try_emplace(task);
  auto& one = at->second;
  if (is_new) {
    one.head.log = log_id{task};
    one.head.birth.kind = "workflow";
    one.head.birth.tenant = tenant_id{accounts::first_tenant};
    one.head.birth.user = user_id{accounts::first_user};
    one.head.status = store::log_status::running;
    one.head.created_at = std::chrono::system_clock::time_point{
        std::chrono::seconds{1'700'000'000 + runs_.size()}};
    one.head.updated_at = one.head.created_at;
  }
  what(one);
}

void fake_runs::keep_blob(const tenant_id& tenant, const store::blob_hash& hash,
                          const std::string& bytes) {
  std::unique_lock guard{mutex_};
  blobs_[hash][tenant] = bytes;
}

std::optional<std::string>
fake_runs::blob(const store::blob_hash& hash,
                const std::optional<tenant_id>& of) const {
  std::unique_lock guard{mutex_};
  auto found = blobs_.find(hash);
  if (found == blobs_.end())
    return std::nullopt;
  auto one = of ? found->second.find(*of) : found->second.begin();
  if (one == found->second.end())
    return std::nullopt;
  return one->second;
}

bool fake_runs::knows(const std::string& task) const {
  std::unique_lock guard{mutex_};
  return runs_.count(task) != 0;
}

std::vector<store::log_head> fake_runs::heads() const {
  std::unique_lock guard{mutex_};
  std::vector<store::log_head> all;
  for (const auto& [task, one] : runs_)
    all.push_back(one.head);
  return all;
}

std::optional<fake_runs::run> fake_runs::find(const std::string& task) const {
  std::unique_lock guard{mutex_};
  auto at = runs_.find(task);
  return at == runs_.end() ? std::nullopt : std::optional{at->second};
}

void fake_runs::refuse_starts(std::optional<error> why) {
  std::unique_lock guard{mutex_};
  start_refusal_ = std::move(why);
}

void fake_runs::refuse_subscriptions(std::optional<error> why) {
  std::unique_lock guard{mutex_};
  subscription_refusal_ = std::move(why);
}

void fake_runs::leave_sessions() {
  std::lock_guard guard{mutex_};
  open_sessions_ = false;
}

bool fake_runs::open_sessions() const {
  std::lock_guard guard{mutex_};
  return open_sessions_;
}

std::optional<error> fake_runs::start_refusal() const {
  std::unique_lock guard{mutex_};
  return start_refusal_;
}

std::optional<error> fake_runs::subscription_refusal() const {
  std::unique_lock guard{mutex_};
  return subscription_refusal_;
}

facts::Fact fact_of(std::string type, std::string message, std::string agent,
                    std::string payload_json) {
  facts::Fact fact;
  fact.set_at_us(1'700'000'000'123'400);
  auto* event = fact.mutable_event();
  event->set_type(std::move(type));
  event->set_message(std::move(message));
  event->set_agent_id(std::move(agent));
  event->set_payload_json(std::move(payload_json));
  if (event->type() == "STREAM_END")
    fact.mutable_stream_ended();
  return fact;
}

fake_actors spawn_fakes(caf::actor_system& system, kit::actor_env& env,
                        fake_runs& runs) {
  fake_actors all;
  all.store = system.spawn<fake_store>(env, runs);
  std::promise<std::function<void(kit::job)>> started;
  all.workflow = system.spawn<fake_workflow>(env, runs, started);
  auto post = started.get_future().get();
  auto* self = dynamic_cast<fake_workflow*>(
      caf::actor_cast<caf::abstract_actor*>(all.workflow));
  all.publish = [post, self](const std::string& task, facts::Fact fact) {
    run_on(post, [&] { self->publish(task, fact); });
  };
  all.delta = [post, self](const std::string& task, remote::LlmDelta piece) {
    run_on(post, [&] { self->delta(task, piece); });
  };
  return all;
}

} // namespace shannon::test
