#include "actors/gateway/gateway.hpp"

#include "actors/gateway/daemons/daemon_handlers.hpp"
#include "actors/gateway/desk.hpp"
#include "actors/gateway/identity/authenticator.hpp"
#include "actors/gateway/identity/credential_watch.hpp"
#include "actors/gateway/identity/google_sign_in.hpp"
#include "actors/gateway/identity/password_desk.hpp"
#include "actors/gateway/limits/rate_counter.hpp"
#include "actors/gateway/limits/rate_limits.hpp"
#include "actors/gateway/openai/chat_handlers.hpp"
#include "actors/gateway/recorded_answers.hpp"
#include "actors/gateway/resources/account_handlers.hpp"
#include "actors/gateway/resources/blob_handlers.hpp"
#include "actors/gateway/resources/browser_handlers.hpp"
#include "actors/gateway/resources/catalog_handlers.hpp"
#include "actors/gateway/resources/control_handlers.hpp"
#include "actors/gateway/resources/file_handlers.hpp"
#include "actors/gateway/resources/health_json.hpp"
#include "actors/gateway/resources/ingest_handlers.hpp"
#include "actors/gateway/resources/node_handlers.hpp"
#include "actors/gateway/resources/people_handlers.hpp"
#include "actors/gateway/resources/provider_handlers.hpp"
#include "actors/gateway/resources/run_handlers.hpp"
#include "actors/gateway/resources/schedule_handlers.hpp"
#include "actors/gateway/resources/session_handlers.hpp"
#include "actors/gateway/resources/task_handlers.hpp"
#include "actors/gateway/streams/stream_handlers.hpp"
#include "actors/kit/log.hpp"
#include "actors/kit/mail_context.hpp"
#include "actors/kit/owned_shards.hpp"
#include "protocols/cluster.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <utility>

namespace shannon::gateway {

namespace {

/// Not: what is answered at once, and what is meant to last. Models and tools
/// have a bound of their own, the windows of their dispatchers; a browser whose
/// stream is refused once does not come again.
bool is_bounded(endpoint which) noexcept {
  switch (which) {
  case endpoint::health:
  case endpoint::live:
  case endpoint::ready:
  case endpoint::metrics:
  case endpoint::openapi:
  case endpoint::chat_completions:
  case endpoint::messages:
  case endpoint::completions:
  case endpoint::run_tool:
  case endpoint::stream_sse:
  case endpoint::stream_ws:
  case endpoint::daemon_ws:
  // Those that end or hold back work: the more there is of it, the more they
  // must come through.
  case endpoint::cancel_task:
  case endpoint::pause_task:
  case endpoint::resume_task:
    return false;
  default:
    return true;
  }
}

request_plan plan_of(const http_request& head,
                     const config::http_settings& limits) {
  auto found = match(head);
  if (!found.to)
    return {limits.body_bytes_max, false};
  auto bound = limits.body_bytes_max;
  if (found.to->body == body_bound::task)
    bound = limits.task_body_bytes_max;
  else if (found.to->body == body_bound::events)
    bound = limits.events_body_bytes_max;
  auto from_client = head.came_by == door::api;
  auto which = found.to->leads_to;
  return {bound, from_client && is_bounded(which),
          from_client
              && (which == endpoint::submit_task
                  || which == endpoint::submit_task_stream)};
}

kit::mail_context context_of(const call& request) {
  return {request.who().tenant,
          kit::traceparent_of(request.request().find("traceparent"),
                              request.trace_id())};
}

/// How soon what is open notices; what the RECORD STORE said holds longer.
constexpr std::chrono::milliseconds watch_every{500};

class gateway final : public desk {
public:
  gateway(caf::actor_config& cfg, gateway_args args)
      : desk(cfg, args.env, {"gateway"}), args_(std::move(args)),
        streams_(*this, args_.metrics), recorded_(*this),
        chats_(*this, args_.metrics), daemons_(*this, args_.daemons),
        entrance_(entrance_args()) {}

  const char* name() const override {
    return "gateway";
  }

  const config::http_settings& settings() const noexcept override {
    return args_.settings;
  }
  bool is_draining() const noexcept override {
    return draining_;
  }
  std::optional<error> no_room_for(const log_id& task) override {
    if ((env().shards && env().shards->of(task) == kit::standing::elsewhere)
        || args_.has_room())
      return std::nullopt;
    return error{errc::overloaded,
                 "this node takes no new tasks until those it has go on faster",
                 true, std::chrono::milliseconds{1'000}};
  }

  std::uint64_t keep_open(const call_ptr& request,
                          std::function<void()> end) override {
    auto ticket = watch_.add(request->request(), request->to(), std::move(end));
    watch_credentials();
    return ticket;
  }
  void let_go(std::uint64_t ticket) override {
    watch_.remove(ticket);
  }

protected:
  kit::handlers make_handlers() override {
    auto about_daemons
        = [this](auto& mail, auto& m) { daemons_.told(mail, m); };
    return {kit::on<cluster::drain>([this](auto& mail, auto&) { drain(mail); }),
            kit::on<cluster::members_changed>(
                [this](auto&, auto& m) { daemons_.members_are(m); }),
            kit::on<shannon::daemons::heard>(
                [this](auto& mail, auto& m) { daemons_.heard(mail, m); }),
            kit::on<remote::DaemonsHere>(about_daemons),
            kit::on<remote::ListDaemons>(about_daemons),
            kit::on<remote::DaemonSay>(about_daemons),
            kit::on<remote::DaemonHeard>(about_daemons),
            kit::on<remote::SendToDaemons>(about_daemons)};
  }

  void started() override {
    add_node_handlers(table_, *this, args_.registry, args_.drain_node);
    add_run_handlers(table_, *this);
    add_task_handlers(table_, *this);
    add_control_handlers(table_, *this);
    add_session_handlers(table_, *this);
    add_file_handlers(table_, *this, args_.files);
    add_blob_handlers(table_, *this);
    add_browser_handlers(table_, *this);
    add_ingest_handlers(table_, *this);
    add_people_handlers(table_, *this);
    add_schedule_handlers(table_, *this);
    add_catalog_handlers(table_, *this);
    const auto& identity = args_.identity;
    passwords_ = std::make_unique<password_desk>(
        password_costs{identity.password_memory, identity.password_passes},
        identity.password_workers, identity.passwords_waiting_max, poster());
    add_account_handlers(table_, *this, entrance_, *passwords_, identity);
    google_ = make_google();
    add_provider_handlers(table_, *this, entrance_, google_.get(), identity);
    rates_ = std::make_unique<rate_counter>(
        args_.serves_api ? args_.redis_url : std::string{}, args_.redis_timeout,
        poster(), [this] { return clock_now(); }, args_.metrics);
    streams_.add_to(table_);
    chats_.add_to(table_);
    daemons_.add_to(table_);
    check_handlers();
    serving_ = args_.server->serve(
        {[limits = args_.settings](const http_request& head) {
           return plan_of(head, limits);
         },
         [this, post = poster(), &metrics = args_.metrics, now = env().now,
          serves_api = args_.serves_api](exchange_ptr client) {
           auto request = route_call(std::move(client), metrics);
           if (!request)
             return;
           if (!serves_api && !request->is_for_operators())
             return request->answer(
                 error_answer(404, "this node does not play the role gateway"));
           // Liveness must not depend on any actor, this one included.
           if (request->leads_to() == endpoint::live)
             return request->answer(live_answer(now()));
           if (request->leads_to() == endpoint::health)
             return request->answer(health_answer(now()));
           post([this, request] { admit(request); });
         },
         &args_.metrics,
         // Another node may have room.
         [has_room = args_.has_room, shards = env().shards] {
           return has_room() || (shards && shards->current().has_others());
         }});
  }

  void stopping() override {
    args_.server->retire(serving_);
    streams_.stop();
    passwords_.reset();
    rates_.reset();
    chats_.stop();
    daemons_.stop();
  }

private:
  /// A route without a handler would be found by its first client.
  void check_handlers() const {
    for (const auto& line : routes())
      if (line.leads_to != endpoint::health && line.leads_to != endpoint::live
          && !table_.at(line.leads_to))
        throw std::logic_error("no handler for " + std::string{line.pattern});
  }

  authenticator_args entrance_args() {
    authenticator_args out;
    out.settings = args_.identity;
    out.dev = args_.settings.dev;
    out.approvals_token = args_.settings.approvals_token;
    out.events_token = args_.settings.events_token;
    out.secrets = args_.secrets;
    out.ask_records = [this](message_body what, auto then) {
      ask({"records"}, std::move(what), args_.settings.ask_timeout,
          std::move(then));
    };
    out.tell_records
        = [this](message_body what) { tell({"records"}, std::move(what)); };
    out.now = env().now;
    out.clock = [this] { return clock_now(); };
    out.counted = [this](const char* outcome) {
      args_.metrics.credential_checked(outcome);
    };
    return out;
  }

  /// Null if nobody signs in by it.
  std::unique_ptr<google_sign_in> make_google() {
    const auto& identity = args_.identity;
    if (identity.google_client_id.empty() || !args_.outward)
      return nullptr;
    auto made = google_sign_in::make(
        {args_.outward->context(), identity, args_.secrets.google_client_secret,
         poster(), env().now, [this] { return clock_now(); }});
    if (made)
      return std::move(*made);
    kit::log::error("google-off", "nobody signs in with Google",
                    {{"why", made.error().text}});
    return nullptr;
  }

  void watch_credentials() {
    if (watch_.empty() || std::exchange(watching_, true))
      return;
    after(watch_every, [this] {
      watching_ = false;
      watch_.look();
      watch_credentials();
    });
  }

  /// Who is it, may they, and is it not too much: then the handler has it.
  void admit(const call_ptr& request) {
    entrance_.check(request->request(), request->to(),
                    [this, request](authenticator::verdict who) {
                      if (!who)
                        return request->answer(std::move(who.error()));
                      request->admit(std::move(*who));
                      count(request);
                    });
  }

  /// Runs the request, or answers it if it is one too many. On the developer's
  /// own machine nobody is counted.
  void count(const call_ptr& request) {
    const auto& line = request->to();
    if (line.counted == rate::none || args_.settings.dev)
      return run(request);
    auto all
        = buckets_of(line, request->request(), request->who(), args_.settings);
    rates_->take(all, [this, request, all](const bucket_verdict& got) {
      counted(request, all, got);
    });
  }

  void counted(const call_ptr& request, const std::vector<bucket>& all,
               const bucket_verdict& got) {
    const auto& line = request->to();
    auto unix_now = std::chrono::system_clock::to_time_t(env().now());
    if (!got.allowed) {
      args_.metrics.rate_limited(kind_of(all[got.by]));
      return request->answer(too_many_answer(line, all, got, unix_now));
    }
    request->add_fields(rate_fields(line, all, got, unix_now));
    run(request);
  }

  void run(const call_ptr& request) {
    const auto& handle = table_.at(request->leads_to());
    kit::in_context for_client{context_of(*request)};
    if (request->to().repeated == repeats::recorded)
      return recorded_.run(request, handle);
    handle(request);
  }

  /// Requests are answered to the end, each the last of its connection; who
  /// follows a run is sent to another node.
  void drain(const envelope& mail) {
    draining_ = true;
    args_.server->close_after_each();
    streams_.drain();
    daemons_.drain();
    reply(mail, cluster::drained{});
  }

  gateway_args args_;
  handler_table table_;
  stream_handlers streams_;
  recorded_answers recorded_;
  chat_handlers chats_;
  daemon_handlers daemons_;
  authenticator entrance_;
  credential_watch watch_{entrance_};
  bool watching_ = false;
  std::unique_ptr<password_desk> passwords_;
  std::unique_ptr<rate_counter> rates_;
  std::unique_ptr<google_sign_in> google_;
  std::uint64_t serving_ = 0;
  bool draining_ = false;
};

} // namespace

caf::actor spawn_gateway(caf::local_actor& parent, gateway_args args) {
  return parent.spawn<gateway>(std::move(args));
}

} // namespace shannon::gateway
