#include "actors/gateway/streams/stream.hpp"

#include "actors/gateway/streams/sse_frames.hpp"
#include "actors/kit/log.hpp"
#include "protocols/cluster.hpp"
#include "protocols/remote/workflow.pb.h"
#include "protocols/tenant_logs.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <utility>

namespace shannon::gateway {

namespace {

using namespace std::chrono_literals;

/// Facts in one read: about `page_bytes` of frames, as large as those before
/// were. They are held in memory until the client has taken them.
constexpr std::uint32_t page_facts = 64;
constexpr std::uint32_t page_facts_least = 4;
constexpr std::uint32_t page_facts_first = 16;
constexpr std::size_t page_bytes = 64 * 1024;
/// A subscription is renewed this often: its WORKFLOW may have failed and
/// come back without it.
constexpr auto renew_after = 5s;
constexpr auto retry_after = 1s;
/// A task that is unknown at first may be on its way to disk.
constexpr auto unknown_grace = 2s;
constexpr auto unknown_retry = 250ms;
/// WORKFLOW_COMPLETED without an end: an older build's run.
constexpr auto quiet_after_completion = 30s;
/// A client of a WebSocket has nothing to say.
constexpr std::size_t websocket_input_max = 512;

http_response stream_head(bool for_operators) {
  return {
      200,
      {{"Content-Type", "text/event-stream"},
       {"Cache-Control", for_operators ? "no-cache, no-transform" : "no-cache"},
       {"Connection", "keep-alive"},
       {"Keep-Alive", "timeout=65"},
       {"X-Accel-Buffering", "no"}},
      {}};
}

class stream final : public kit::actor_base {
public:
  stream(caf::actor_config& cfg, stream_args args)
      : actor_base(cfg, args.env, {"stream/" + std::to_string(args.number)},
                   1'000),
        args_(std::move(args)), cursor_(args_.what.after, args_.what.types),
        may_look_(is_for_operators()) {}

  const char* name() const override {
    return "stream";
  }

protected:
  kit::handlers make_handlers() override {
    using namespace remote;
    return {
        kit::on<RunEvent>([this](auto&, const auto& m) { on(m); }),
        kit::on<RunDelta>([this](auto&, const auto& m) { on(m); }),
        kit::on<cluster::drain>([this](auto&, auto&) { go_elsewhere(); }),
    };
  }

  void started() override {
    opened_at_ = clock_now();
    args_.metrics.stream_opened();
    open();
    args_.client.reset();
    say(words().connected(args_.what.task));
    subscribe();
    beat();
  }

  void stopping() override {
    args_.metrics.stream_closed();
    if (out_)
      out_->close();
    if (live_)
      tell(workflow(), unsubscribe());
    if (args_.ended)
      args_.ended(args_.number);
    out_.reset();
    outbox_.clear();
  }

private:
  const stream_words& words() const noexcept {
    return *args_.words;
  }

  void open() {
    auto drained = [this, post = poster()] { post([this] { pump(); }); };
    auto closed = [this, post = poster()] { post([this] { quit(); }); };
    if (args_.words == &websocket_words) {
      // What a client says here means nothing.
      out_ = args_.client->upgrade(
          websocket_input_max, {[](const std::string&) {}, drained, closed});
      return;
    }
    auto head = stream_head(is_for_operators());
    for (auto& field : args_.head_fields)
      head.fields.push_back(std::move(field));
    out_ = args_.client->stream(std::move(head), {drained, closed});
  }

  /// Not an event: neither counted nor waited for.
  void say(std::string text) {
    if (!text.empty())
      out_->write(std::move(text));
  }

  // -- what comes -------------------------------------------------------------

  void on(const remote::RunEvent& msg) {
    // While stored events wait for the client, a live one is only noted: it is
    // read again, so a slow reader of an old run costs no memory.
    if (!outbox_.empty()) {
      cursor_.reaches(msg.version());
      return;
    }
    last_event_ = clock_now();
    for (auto& what : cursor_.live(event_of(msg)))
      if (!send(words().event(args_.what.task, what)))
        return;
    proceed();
  }

  void on(const remote::RunDelta& msg) {
    // A client that lags gets the recorded answer instead.
    if (!outbox_.empty() || out_->is_behind())
      return;
    if (msg.has_event()) {
      if (cursor_.takes_passing(msg.event().type()))
        say(words().passing(args_.what.task,
                            {cursor_.seen(), env().now(), msg.event(), false}));
      return;
    }
    if (cursor_.takes_deltas())
      say(words().delta(args_.what.task, msg.delta(), cursor_.seen()));
  }

  // -- subscribing ------------------------------------------------------------

  bool is_for_operators() const noexcept {
    return args_.tenant.empty();
  }

  shannon::address workflow() const {
    return {"workflow/" + args_.what.task};
  }

  message_body unsubscribe() const {
    remote::Unsubscribe msg;
    msg.set_task(args_.what.task);
    return msg;
  }

  /// Asks whose the task is until that is known.
  void find_out() {
    ask<store::log_head>(
        {"store"},
        store::get_tenant_head{args_.tenant, log_id{args_.what.task}},
        args_.ask_timeout, [this](const result<store::log_head>& got) {
          if (!got && got.error().code != errc::not_found)
            return resubscribe_in(retry_after);
          may_look_ = got && got->birth.kind == "workflow"
                      && got->birth.tenant == args_.tenant;
          may_look_ ? subscribe() : unknown();
        });
  }

  void subscribe() {
    if (!may_look_)
      return find_out();
    remote::Subscribe msg;
    msg.set_task(args_.what.task);
    ask<remote::Subscribed>(
        workflow(), std::move(msg), args_.ask_timeout,
        [this](result<remote::Subscribed> got) { subscribed(std::move(got)); });
  }

  void subscribed(result<remote::Subscribed> got) {
    live_ = got.has_value();
    if (live_) {
      cursor_.is_live();
      cursor_.reaches(got->version());
      after(renew_after, [this] { subscribe(); });
      return proceed();
    }
    // Only `not_found` says that nobody runs it. Else it may be recovering.
    if (got.error().code == errc::not_found)
      cursor_.not_live();
    // The log may have grown since it was read last.
    must_look_ = true;
    proceed();
  }

  // -- reading the store ------------------------------------------------------

  void read() {
    reading_ = true;
    must_look_ = false;
    store::read_facts page{log_id{args_.what.task}, cursor_.read_after(),
                           page_};
    message_body wanted = page;
    if (!is_for_operators())
      wanted = store::read_tenant_facts{args_.tenant, std::move(page)};
    ask<store::fact_page>({"store"}, std::move(wanted), args_.ask_timeout,
                          [this](result<store::fact_page> got) {
                            reading_ = false;
                            read_done(std::move(got));
                          });
  }

  void read_done(result<store::fact_page> got) {
    auto is_unknown
        = got ? got->version == 0 : got.error().code == errc::not_found;
    if (is_unknown && !live_)
      return unknown();
    if (got) {
      auto before = cursor_.seen();
      std::size_t bytes = 0;
      for (auto& what : cursor_.stored(*got)) {
        outbox_.push_back(words().event(args_.what.task, what));
        bytes += outbox_.back().size();
      }
      if (bytes > 0)
        page_ = static_cast<std::uint32_t>(std::clamp<std::size_t>(
            page_bytes * outbox_.size() / bytes, page_facts_least, page_facts));
      if (!live_ && !cursor_.wants_read() && !cursor_.ended())
        resubscribe_in(retry_after);
      // A store that does not show yet what was announced is given time.
      if (cursor_.wants_read() && cursor_.seen() == before)
        return look_again_in(unknown_retry);
    } else {
      must_look_ = true;
      return look_again_in(retry_after);
    }
    pump();
  }

  void unknown() {
    if (clock_now() - opened_at_ < unknown_grace)
      return resubscribe_in(unknown_retry);
    if (!words().closes)
      return resubscribe_in(renew_after); // It may come to be.
    say(words().not_found(args_.what.task));
    finish();
  }

  void resubscribe_in(std::chrono::milliseconds delay) {
    if (std::exchange(resubscribing_, true))
      return;
    after(delay, [this] {
      resubscribing_ = false;
      subscribe();
    });
  }

  void look_again_in(std::chrono::milliseconds delay) {
    if (std::exchange(waiting_, true))
      return;
    after(delay, [this] {
      waiting_ = false;
      proceed();
    });
  }

  // -- writing ----------------------------------------------------------------

  /// Hands the client what it can take, then looks what is to be done next.
  void pump() {
    while (!outbox_.empty() && !out_->is_behind()) {
      auto frame = std::move(outbox_.front());
      outbox_.pop_front();
      if (!send(std::move(frame)))
        return;
    }
    proceed();
  }

  bool send(std::string frame) {
    last_event_ = clock_now();
    args_.metrics.events_sent(1);
    auto outcome = out_->write(std::move(frame));
    if (outcome == response_stream::outcome::taken)
      return true;
    if (outcome == response_stream::outcome::too_slow) {
      args_.metrics.stream_dropped();
      kit::log::warning(
          "stream-dropped", "STREAM drops a slow reader",
          {{"task", args_.what.task}, {"version", cursor_.seen()}});
    }
    quit();
    return false;
  }

  void proceed() {
    if (!may_look_ || !outbox_.empty())
      return; // What is missing comes back here.
    if (cursor_.ended())
      return words().closes ? finish() : void();
    // A client that is behind is read for once it has taken what it has.
    if (!reading_ && !waiting_ && !out_->is_behind()
        && (cursor_.wants_read() || must_look_))
      read();
  }

  /// The node drains. A client comes again by itself, with the id it saw last.
  void go_elsewhere() {
    say(words().retry);
    finish();
  }

  void finish() {
    out_->close();
    quit();
  }

  void beat() {
    after(args_.heartbeat, [this] {
      if (words().closes && cursor_.completed()
          && clock_now() - last_event_ > quiet_after_completion)
        return finish();
      // What waits for the client already says that we are here.
      if (out_->unsent() == 0)
        say(words().ping);
      beat();
    });
  }

  stream_args args_;
  stream_cursor cursor_;
  std::shared_ptr<response_stream> out_;
  std::deque<std::string> outbox_;
  std::uint32_t page_ = page_facts_first;
  std::chrono::steady_clock::time_point opened_at_;
  std::chrono::steady_clock::time_point last_event_;
  bool may_look_;
  bool live_ = false;
  bool reading_ = false;
  bool must_look_ = false;
  bool waiting_ = false;
  bool resubscribing_ = false;
};

} // namespace

caf::actor spawn_stream(caf::local_actor& parent, stream_args args) {
  return parent.spawn<stream>(std::move(args));
}

} // namespace shannon::gateway
