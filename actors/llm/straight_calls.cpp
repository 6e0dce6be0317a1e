#include "actors/llm/straight_calls.hpp"

#include "actors/llm/incoming_answer.hpp"
#include "actors/llm/models/affordable.hpp"
#include "actors/llm/provider_request.hpp"

#include <boost/asio/steady_timer.hpp>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace shannon::llm {

namespace {

using boost::system::error_code;
using std::chrono::milliseconds;

constexpr milliseconds watch_interval_max{1'000};

std::chrono::steady_clock::time_point now() {
  return std::chrono::steady_clock::now();
}

/// Holds itself by its exchange and its timers until it has ended.
class straight_call final : public straight::call,
                            public std::enable_shared_from_this<straight_call> {
public:
  straight_call(std::shared_ptr<const provider_args> args,
                std::shared_ptr<provider_gate> gate,
                const straight_offer& offer)
      : args_(std::move(args)), gate_(std::move(gate)), call_(offer.what.what),
        to_(offer.what.to), place_(offer.what.place), model_(offer.model),
        since_(now()),
        answer_({*call_, *args_->entry, model_, args_->settings}, since_),
        watch_(*offer.what.loop), flush_(*offer.what.loop) {}

  void begin(kit::http_client& client, const remote::LlmRequest& asked,
             milliseconds within, const std::string& traceparent) {
    auto self = shared_from_this();
    kit::http_events events;
    events.head
        = [self](const kit::http_head& head) { self->answer_.head(head); };
    events.data = [self](std::string_view bytes) { self->take(bytes); };
    events.end = [self](result<void> how) { self->exchange_ended(how); };
    auto limits = provider_limits(args_->settings, is_stream());
    limits.total = std::min(limits.total, within);
    exchange_
        = client.start(provider_request(*args_->entry, model_, call_->context(),
                                        asked, traceparent),
                       limits, std::move(events));
    if (is_stream())
      watch();
  }

  void cancel() override {
    if (!end_once())
      return;
    gate_->given_up(told_of(), errc::cancelled);
    release();
  }

private:
  bool is_stream() const {
    return call_->request().stream();
  }

  provider_gate::about_call told_of() const {
    return {
        model_.id, call_->context().attempt_key(),
        std::chrono::duration_cast<std::chrono::microseconds>(now() - since_),
        true};
  }

  // -- while it comes ---------------------------------------------------------

  void take(std::string_view bytes) {
    if (ended_)
      return;
    auto ok = answer_.take(bytes, now());
    ok ? flush_soon() : end(std::move(ok));
  }

  /// At once if the last delta is old, else when it is.
  void flush_soon() {
    auto wait = answer_.delta_due_in(now());
    if (!wait || flush_armed_)
      return;
    if (wait->count() == 0)
      return flush();
    flush_armed_ = true;
    flush_.expires_after(*wait);
    flush_.async_wait([self = shared_from_this()](error_code stopped) {
      self->flush_armed_ = false;
      if (!stopped && !self->ended_)
        self->flush();
    });
  }

  void flush() {
    if (auto delta = answer_.delta(now()))
      to_->piece(std::move(*delta));
  }

  /// Looks now and then: after the first token they are late sooner.
  void watch() {
    auto left = answer_.patience(now());
    if (!left)
      return end(tl::unexpected<error>{std::move(left.error())});
    watch_.expires_after(std::min(*left, watch_interval_max));
    watch_.async_wait([self = shared_from_this()](error_code stopped) {
      if (!stopped && !self->ended_)
        self->watch();
    });
  }

  // -- the end ----------------------------------------------------------------

  void exchange_ended(result<void>& how) {
    exchange_.reset();
    // Not by `cancel`, which has ended this: with the PROVIDER's connections.
    if (!how && how.error().code == errc::cancelled)
      how = fail(errc::unavailable, "PROVIDER ended", true);
    end(std::move(how));
  }

  void end(result<void> how) {
    if (!end_once())
      return;
    auto answer = answer_.end(std::move(how), now(), args_->env.now());
    auto to = to_;
    if (auto last = answer_.delta(now()))
      to->piece(std::move(*last));
    gate_->ended(told_of(), answer, now());
    // Before the answer: with it comes the client's next request.
    release();
    to->end(std::move(answer));
  }

  /// False: it has ended before.
  bool end_once() {
    if (std::exchange(ended_, true))
      return false;
    watch_.cancel();
    flush_.cancel();
    return true;
  }

  void release() {
    to_.reset();
    place_.reset();
    if (auto exchange = std::exchange(exchange_, nullptr))
      exchange->cancel();
  }

  const std::shared_ptr<const provider_args> args_;
  const std::shared_ptr<provider_gate> gate_;
  const std::shared_ptr<const remote::LlmCall> call_;
  std::shared_ptr<straight::listener> to_;
  std::shared_ptr<void> place_;
  const model_entry model_;
  const std::chrono::steady_clock::time_point since_;
  incoming_answer answer_;
  boost::asio::steady_timer watch_;
  boost::asio::steady_timer flush_;
  std::shared_ptr<kit::http_call> exchange_;
  bool flush_armed_ = false;
  bool ended_ = false;
};

} // namespace

straight_calls::straight_calls(provider_args args,
                               std::shared_ptr<provider_gate> gate)
    : args_(std::make_shared<const provider_args>(std::move(args))),
      gate_(std::move(gate)) {}

void straight_calls::take(const envelope& mail) {
  const auto& offer = *mail.body.get_if<straight_offer>();
  auto client = client_of(*offer.what.loop);
  if (!client)
    return;
  const auto& asked = offer.what.what->request();
  std::optional<remote::LlmRequest> shorter;
  if (asked.cost_nanousd_max() > 0) {
    shorter = asked;
    if (!keep_affordable(*shorter, offer.model))
      return;
  }
  if (!gate_->enter_straight(now()))
    return;
  auto call = std::make_shared<straight_call>(args_, gate_, offer);
  call->begin(*client, shorter ? *shorter : asked, offer.what.within,
              mail.traceparent);
  offer.what.to->begun(std::move(call));
}

std::shared_ptr<kit::http_client>
straight_calls::client_of(boost::asio::io_context& loop) {
  std::lock_guard guard{mutex_};
  if (stopped_)
    return nullptr;
  auto& client = clients_[&loop];
  if (!client)
    client = std::make_shared<kit::http_client>(
        loop, client_options(args_->settings));
  return client;
}

void straight_calls::stop() {
  std::map<boost::asio::io_context*, std::shared_ptr<kit::http_client>> clients;
  std::lock_guard guard{mutex_};
  stopped_ = true;
  clients.swap(clients_);
}

} // namespace shannon::llm
