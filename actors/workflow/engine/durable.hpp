#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace shannon::workflow {

/// A part of a durable run: a coroutine that starts at once, runs until it
/// waits for something the log does not hold yet, and gives a `T`.
///
/// Owned: destroying one that has not finished ends what it waits for
/// (structured concurrency), so nothing runs on behind its caller's back. A
/// failed part rethrows when it is awaited. Exceptions are how failures travel
/// inside a run and nowhere else: the engine turns what leaves the outermost
/// coroutine into a fact.
template <class T>
class [[nodiscard]] durable {
public:
  struct promise_type {
    std::optional<T> value;
    std::exception_ptr thrown;
    std::coroutine_handle<> continuation;

    durable get_return_object() {
      return durable{handle::from_promise(*this)};
    }
    std::suspend_never initial_suspend() noexcept {
      return {};
    }
    auto final_suspend() noexcept {
      struct resume_caller {
        bool await_ready() noexcept {
          return false;
        }
        std::coroutine_handle<>
        await_suspend(std::coroutine_handle<promise_type> self) noexcept {
          auto next = self.promise().continuation;
          return next ? next : std::noop_coroutine();
        }
        void await_resume() noexcept {}
      };
      return resume_caller{};
    }
    template <class U>
    void return_value(U&& result) {
      value.emplace(std::forward<U>(result));
    }
    void unhandled_exception() noexcept {
      thrown = std::current_exception();
    }
  };

  using handle = std::coroutine_handle<promise_type>;

  durable() = default;
  durable(durable&& other) noexcept
      : handle_(std::exchange(other.handle_, {})) {}
  durable& operator=(durable&& other) noexcept {
    if (this != &other) {
      reset();
      handle_ = std::exchange(other.handle_, {});
    }
    return *this;
  }
  durable(const durable&) = delete;
  durable& operator=(const durable&) = delete;
  ~durable() {
    reset();
  }

  /// False for a default-constructed one.
  explicit operator bool() const noexcept {
    return static_cast<bool>(handle_);
  }
  bool done() const noexcept {
    return handle_ && handle_.done();
  }

  bool await_ready() const noexcept {
    return handle_.done();
  }
  void await_suspend(std::coroutine_handle<> caller) noexcept {
    handle_.promise().continuation = caller;
  }
  T await_resume() {
    return take();
  }

  /// The result of one that is `done()`; rethrows its failure.
  T take() {
    auto& promise = handle_.promise();
    if (promise.thrown)
      std::rethrow_exception(promise.thrown);
    return std::move(*promise.value);
  }

  void reset() noexcept {
    if (auto dropped = std::exchange(handle_, {}))
      dropped.destroy();
  }

private:
  explicit durable(handle self) : handle_(self) {}

  handle handle_;
};

/// What a coroutine without a result gives.
struct nothing {};

} // namespace shannon::workflow
