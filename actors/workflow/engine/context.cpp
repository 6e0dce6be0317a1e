#include "actors/workflow/engine/context.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

namespace shannon::workflow {

namespace {

/// Further away than any run lives, and far from where clocks overflow.
constexpr std::chrono::microseconds sleep_max = std::chrono::hours{24 * 36'500};

template <class Number>
Number number_of(std::string_view text) {
  Number value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Leaves the program for good.
struct leave {
  durable_run& run;
  std::string input;
  void (*say)(durable_run&, std::string);

  bool await_ready() const noexcept {
    return false;
  }
  void await_suspend(std::coroutine_handle<>) {
    say(run, std::move(input));
  }
  void await_resume() const noexcept {}
};

} // namespace

context context::scope(std::string_view name) const {
  context deeper{*run_, scope_};
  if (!deeper.scope_.empty())
    deeper.scope_ += '.';
  deeper.scope_ += name;
  deeper.cancels_ = cancels_;
  return deeper;
}

bool context::has_record(std::string_view key) const {
  auto* known = run_->places_.find(run_->places_.coming(scope_, key));
  return known && known->recorded;
}

// -- children -----------------------------------------------------------------

durable<remote::ChildResult> context::child(std::string_view key,
                                            remote::ChildRun run) const {
  step_options once; // The child itself is durable and retries inside.
  once.attempts_max = 1;
  run.set_detached(false);
  return step(key, std::move(run), std::move(once));
}

durable<remote::ChildResult> context::start_child(std::string_view key,
                                                  remote::ChildRun run) const {
  run.set_detached(true);
  return step(key, std::move(run));
}

// -- time and signals ---------------------------------------------------------

durable<nothing> context::sleep(std::string_view key,
                                std::chrono::microseconds delay) const {
  auto wait = std::clamp(delay, std::chrono::microseconds{0}, sleep_max);
  return sleep_until(key, run_->now_us_ + wait.count());
}

durable<nothing> context::sleep_until(std::string_view key,
                                      std::int64_t at_us) const {
  auto last = run_->now_us_ + sleep_max.count();
  return run_sleep(*run_, run_->places_.next(scope_, key), cancels_,
                   std::clamp<std::int64_t>(at_us, 1, last));
}

durable<nothing> context::run_sleep(durable_run& run, place where,
                                    std::shared_ptr<cancel_state> cancels,
                                    std::int64_t due_us) {
  operation op{run, operation::kind::timer, where, std::move(cancels)};
  op.due_us = due_us;
  co_await op;
  co_return nothing{};
}

durable<std::string> context::signal(std::string name) const {
  auto where = run_->places_.next(scope_, "signal." + name);
  return run_signal(*run_, where, cancels_, std::move(name));
}

durable<std::string> context::run_signal(durable_run& run, place where,
                                         std::shared_ptr<cancel_state> cancels,
                                         std::string name) {
  operation op{run, operation::kind::signal, where, std::move(cancels)};
  op.signal = std::move(name);
  std::string payload = co_await op;
  co_return payload;
}

// -- values -------------------------------------------------------------------

std::int64_t context::now_us(std::string_view key) const {
  return number_of<std::int64_t>(
      run_->note(run_->places_.next(scope_, key), {},
                 [this] { return std::to_string(run_->now_us_); }));
}

std::uint64_t context::random(std::string_view key) const {
  return number_of<std::uint64_t>(
      run_->note(run_->places_.next(scope_, key), {},
                 [this] { return std::to_string(run_->options_.entropy()); }));
}

std::string context::new_id(std::string_view key) const {
  return run_->note(run_->places_.next(scope_, key), {}, [this] {
    auto high = run_->options_.entropy();
    auto low = run_->options_.entropy();
    char text[37];
    std::snprintf(text, sizeof text, "%08x-%04x-4%03x-%04x-%012llx",
                  static_cast<unsigned>(high >> 32),
                  static_cast<unsigned>(high >> 16 & 0xFFFF),
                  static_cast<unsigned>(high & 0xFFF),
                  static_cast<unsigned>(low >> 48 & 0x3FFF) | 0x8000u,
                  static_cast<unsigned long long>(low & 0xFFFF'FFFF'FFFFu));
    return std::string{text};
  });
}

// -- what others see ----------------------------------------------------------

void context::publish(std::string_view key, facts::Event event) const {
  run_->note(run_->places_.next(scope_, key), std::move(event),
             [] { return std::string{}; });
}

void context::set_attributes(
    std::map<std::string, std::string> attributes) const {
  run_->set_attributes(run_->places_.next(scope_, "attributes"),
                       std::move(attributes));
}

query_registration::query_registration(durable_run& run, std::string name,
                                       query_handler answer)
    : run_(run), name_(std::move(name)), answer_(std::move(answer)) {
  run_.queries_[name_] = &answer_;
}

query_registration::~query_registration() {
  auto at = run_.queries_.find(name_);
  if (at != run_.queries_.end() && at->second == &answer_)
    run_.queries_.erase(at);
}

// -- cancelling ---------------------------------------------------------------

cancel_scope context::cancellable() const {
  return {*this};
}

context context::shielded(std::chrono::microseconds limit) const {
  auto safe = *this;
  safe.cancels_ = std::make_shared<cancel_state>();
  safe.cancels_->above = cancels_;
  safe.cancels_->shield = true;
  safe.cancels_->where = run_->places_.next(scope_, "shield");
  safe.cancels_->limit = limit;
  return safe;
}

cancel_scope::cancel_scope(const context& parent) : branch_(parent) {
  branch_.cancels_ = std::make_shared<cancel_state>();
  branch_.cancels_->above = parent.cancels_;
}

void cancel_scope::cancel(std::string reason) {
  branch_.run_->cancel_branch(
      *branch_.cancels_,
      {errc::cancelled, std::move(reason), false, std::nullopt});
}

// -- anew ---------------------------------------------------------------------

durable<nothing> context::continue_as_new(std::string input) const {
  return run_again(*run_, cancels_, std::move(input));
}

durable<nothing> context::run_again(durable_run& run,
                                    std::shared_ptr<cancel_state> cancels,
                                    std::string input) {
  if (const auto* why = run.cancelled_by(cancels.get()))
    throw step_failed{*why};
  leave out{run, std::move(input), [](durable_run& of, std::string with) {
              of.continue_with(std::move(with));
            }};
  co_await out;
  co_return nothing{};
}

} // namespace shannon::workflow
