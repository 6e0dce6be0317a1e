#include "actors/llm/llm_call.hpp"

#include "actors/kit/failpoint.hpp"
#include "actors/llm/models/affordable.hpp"
#include "actors/llm/named_bodies.hpp"
#include "actors/llm/wire/upstream_error.hpp"
#include "actors/llm/wire/wire_format.hpp"

#include <algorithm>
#include <iterator>
#include <mutex>
#include <optional>
#include <utility>

namespace shannon::llm {

namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

/// Text that comes within this time travels as one delta.
constexpr milliseconds delta_interval{20};

constexpr milliseconds watch_interval_max{1'000};

/// An error body is read so far; its message stands at its beginning.
constexpr std::size_t error_body_max = 64 * 1024;

/// As a header's value: printable ASCII.
std::string header_text(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < '!' || c > '~'; }, '_');
  return text;
}

class llm_call final : public kit::actor_base {
public:
  llm_call(caf::actor_config& cfg, llm_call_args args)
      : actor_base(cfg, args.env, {"llm-call/" + args.id}),
        args_(std::move(args)), call_(*args_.call.get_if<remote::LlmCall>()),
        wire_(args_.provider->kind == provider_kind::anthropic
                  ? anthropic_wire()
                  : openai_wire()),
        reader_(wire_.read(call_.request())),
        events_(args_.settings.response_bytes_max) {}

  const char* name() const override {
    return "llm_call";
  }

protected:
  kit::handlers make_handlers() override {
    return {};
  }

  void started() override {
    // First of all on this actor: what throws does so in here.
    after(duration{0}, [this] { gather(); });
  }

  void stopping() override {
    if (exchange_)
      exchange_->cancel();
    exchange_.reset();
  }

private:
  // -- asking -----------------------------------------------------------------

  /// Most requests hold all that they are about, and are not copied.
  void gather() {
    if (bodies_named(call_.request()).empty())
      return begin(call_.request());
    read_bodies(
        call_,
        [this](store::get_tenant_blob what, auto then) {
          ask<store::blob_body>({"store"}, std::move(what), body_timeout,
                                std::move(then));
        },
        [this](const result<remote::LlmRequest>& got) {
          got ? begin(*got) : end(tl::unexpected<error>{got.error()});
        });
  }

  kit::http_request request(const remote::LlmRequest& asked) const {
    const auto& url = args_.provider->url;
    wire_options how;
    how.model = args_.model.id;
    how.api_key = args_.provider->api_key;
    how.output_tokens = args_.model.output_tokens;
    how.fixed_temperature = args_.model.fixed_temperature;
    how.completion_tokens = args_.provider->kind == provider_kind::openai
                            && !args_.provider->is_redirected;
    auto words = wire_.write(asked, how);
    kit::http_request out;
    out.method = "POST";
    out.tls = url.tls;
    out.host = url.host;
    out.port = url.port;
    out.target = url.path + words.path;
    out.headers = std::move(words.headers);
    out.headers.emplace_back("Content-Type", "application/json");
    out.headers.emplace_back("Accept", call_.request().stream()
                                           ? "text/event-stream"
                                           : "application/json");
    out.headers.emplace_back("User-Agent", "shannon");
    if (auto key = header_text(call_.context().attempt_key()); !key.empty()) {
      out.headers.emplace_back("Idempotency-Key", key);
      out.headers.emplace_back("X-Shannon-Attempt", key);
    }
    if (!args_.traceparent.empty())
      out.headers.emplace_back("traceparent", args_.traceparent);
    out.body = std::move(words.body);
    return out;
  }

  kit::http_limits limits() const {
    const auto& s = args_.settings;
    kit::http_limits out;
    out.connect = s.connect_timeout;
    out.total = s.call_timeout;
    out.body_bytes_max = s.response_bytes_max;
    // Heads and comments come before tokens: those are watched here, by
    // `watch`. A whole answer comes when it is whole.
    out.first_byte = call_.request().stream()
                         ? s.connect_timeout + s.first_token_timeout
                         : s.call_timeout;
    out.between_bytes
        = std::max(s.first_token_timeout, s.between_tokens_timeout);
    return out;
  }

  void begin(const remote::LlmRequest& asked) {
    if (asked.cost_nanousd_max() <= 0)
      return send(asked);
    auto shorter = asked;
    auto kept = keep_affordable(shorter, args_.model);
    kept ? send(shorter) : end(tl::unexpected<error>{std::move(kept.error())});
  }

  void send(const remote::LlmRequest& asked) {
    since_ = last_token_ = clock_now();
    auto inbox = inbox_;
    auto wake = [this, inbox, post = poster()] {
      if (!std::exchange(inbox->told, true))
        post([this] { take_all(); });
    };
    kit::http_events events;
    events.head = [inbox, wake](const kit::http_head& head) {
      std::lock_guard guard{inbox->mutex};
      inbox->head = head;
      wake();
    };
    events.data = [inbox, wake](std::string_view piece) {
      std::lock_guard guard{inbox->mutex};
      inbox->bytes += piece;
      wake();
    };
    events.end = [inbox, wake](result<void> how) {
      std::lock_guard guard{inbox->mutex};
      inbox->end = std::move(how);
      wake();
    };
    exchange_
        = args_.client->start(request(asked), limits(), std::move(events));
    SHANNON_FAILPOINT("llm.asked");
    if (call_.request().stream())
      watch();
  }

  /// Looks now and then whether tokens still come: a timer per token would
  /// cost more than the token, and a long one would keep a call that has ended
  /// in memory until it rings.
  void watch() {
    const auto& s = args_.settings;
    bool begun = reader_->pieces() > 0;
    auto most = begun ? s.between_tokens_timeout : s.first_token_timeout;
    auto quiet
        = std::chrono::duration_cast<milliseconds>(clock_now() - last_token_);
    if (quiet >= most)
      return end(fail(errc::timeout,
                      begun ? "the answer stalled" : "no token in time", true));
    after(std::min(most - quiet, watch_interval_max), [this] { watch(); });
  }

  // -- reading ----------------------------------------------------------------

  void take_all() {
    std::optional<kit::http_head> head;
    std::string bytes;
    std::optional<result<void>> how;
    {
      std::lock_guard guard{inbox_->mutex};
      inbox_->told = false;
      head = std::exchange(inbox_->head, std::nullopt);
      bytes = std::exchange(inbox_->bytes, {});
      how = std::exchange(inbox_->end, std::nullopt);
    }
    if (head)
      take_head(*head);
    if (!bytes.empty())
      take(bytes);
    if (how) {
      exchange_.reset();
      end(std::move(*how));
    }
  }

  void take_head(const kit::http_head& head) {
    status_ = head.status;
    retry_after_ = head.find("retry-after");
    is_events_ = head.find("content-type").find("event-stream")
                 != std::string_view::npos;
  }

  bool is_good() const noexcept {
    return status_ >= 200 && status_ < 300;
  }

  void take(const std::string& bytes) {
    if (ended_)
      return;
    SHANNON_FAILPOINT("llm.answers");
    if (!is_good() || !is_events_) {
      auto most
          = is_good() ? args_.settings.response_bytes_max : error_body_max;
      body_ += bytes.substr(0, most - std::min(body_.size(), most));
      return;
    }
    std::vector<sse_event> events;
    auto ok = events_.feed(bytes, events);
    for (std::size_t i = 0; i < events.size() && ok; ++i)
      ok = reader_->event(events[i]);
    if (!ok)
      return end(tl::unexpected<error>(upstream_error(ok.error())));
    // A `ping` is an event, but no token.
    if (std::exchange(pieces_, reader_->pieces()) != reader_->pieces())
      token_came();
  }

  void token_came() {
    last_token_ = clock_now();
    if (first_token_us_ == 0)
      first_token_us_ = elapsed().count();
    take_fresh();
    flush_soon();
  }

  void take_fresh() {
    fresh_ += reader_->take_text();
    auto calls = reader_->take_calls();
    if (call_.request().stream_tool_calls())
      std::move(calls.begin(), calls.end(), std::back_inserter(fresh_calls_));
  }

  // -- deltas -----------------------------------------------------------------

  /// At once if the last delta is old, else when it is.
  void flush_soon() {
    if ((fresh_.empty() && fresh_calls_.empty()) || flush_armed_)
      return;
    auto age
        = std::chrono::duration_cast<milliseconds>(clock_now() - last_flush_);
    if (age >= delta_interval)
      return flush();
    flush_armed_ = true;
    after(delta_interval - age, [this] {
      flush_armed_ = false;
      flush();
    });
  }

  void flush() {
    if (fresh_.empty() && fresh_calls_.empty())
      return;
    last_flush_ = clock_now();
    const auto& context = call_.context();
    if (args_.deltas_to.empty() || !call_.request().stream()) {
      fresh_.clear();
      fresh_calls_.clear();
      return;
    }
    remote::LlmDelta delta;
    delta.set_attempt_key(context.attempt_key());
    delta.set_agent(context.agent());
    delta.set_text(std::exchange(fresh_, {}));
    delta.set_index(delta_index_++);
    for (auto& piece : std::exchange(fresh_calls_, {}))
      *delta.add_tool_calls() = std::move(piece);
    tell(args_.deltas_to, std::move(delta));
  }

  // -- the end ----------------------------------------------------------------

  microseconds elapsed() {
    return std::chrono::duration_cast<microseconds>(clock_now() - since_);
  }

  error upstream_error(error why) const {
    why.text = args_.provider->name + ": "
               + without_keys(std::move(why.text), args_.provider->api_key);
    return why;
  }

  void end(result<void> how) {
    if (std::exchange(ended_, true))
      return;
    args_.report(outcome(std::move(how)));
    quit();
  }

  result<remote::LlmResponse> outcome(result<void> how) {
    if (status_ != 0 && !is_good())
      return tl::unexpected<error>(
          to_error({args_.provider->name, status_, body_, retry_after_,
                    args_.provider->api_key},
                   env().now()));
    // A stream may have said all before its connection failed.
    if (!how && !(is_events_ && how.error().code == errc::unavailable))
      return tl::unexpected<error>(upstream_error(std::move(how.error())));
    if (!is_events_)
      if (auto ok = reader_->body(body_); !ok)
        return tl::unexpected<error>(upstream_error(ok.error()));
    auto answer = reader_->finish();
    if (!answer)
      return tl::unexpected<error>(upstream_error(answer.error()));
    take_fresh();
    flush();
    answer->set_model(args_.model.id);
    answer->set_provider(args_.provider->name);
    auto& usage = *answer->mutable_usage();
    usage.set_cost_nanousd(cost_nanousd(args_.model.costs, usage));
    auto took = elapsed().count();
    answer->set_duration_us(took);
    answer->set_first_token_us(first_token_us_ != 0 ? first_token_us_ : took);
    return answer;
  }

  /// What came from the socket since this actor looked last: one message wakes
  /// it, however much it is. The loop's thread writes it.
  struct socket_inbox {
    std::mutex mutex;
    std::optional<kit::http_head> head;
    std::string bytes;
    std::optional<result<void>> end;
    bool told = false;
  };

  llm_call_args args_;
  const remote::LlmCall& call_;
  const wire_format& wire_;
  std::unique_ptr<answer_reader> reader_;
  sse_parser events_;
  std::shared_ptr<kit::http_call> exchange_;
  std::shared_ptr<socket_inbox> inbox_ = std::make_shared<socket_inbox>();

  int status_ = 0;
  bool is_events_ = false;
  bool ended_ = false;
  std::string retry_after_;
  std::string body_;

  std::uint64_t pieces_ = 0;
  std::string fresh_;
  std::vector<remote::ToolCallDelta> fresh_calls_;
  std::uint32_t delta_index_ = 0;
  bool flush_armed_ = false;
  std::chrono::steady_clock::time_point last_flush_;

  std::chrono::steady_clock::time_point since_;
  std::chrono::steady_clock::time_point last_token_;
  std::int64_t first_token_us_ = 0;
};

} // namespace

caf::actor spawn_llm_call(caf::local_actor& parent, llm_call_args args) {
  return parent.spawn<llm_call, caf::monitored>(std::move(args));
}

} // namespace shannon::llm
