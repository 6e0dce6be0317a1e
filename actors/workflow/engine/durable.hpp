#pragma once

#include <coroutine>
#include <cstddef>
#include <exception>
#include <optional>
#include <utility>

namespace shannon::workflow {

/// Parts that one coroutine waits for together. Each part that ends says so
/// here; the last that is needed resumes the coroutine. So waiting for n parts
/// costs n steps, whatever order they end in.
struct gathering {
  enum class until : unsigned char {
    all_or_failure, ///< All have ended, or the first has failed.
    first_end,      ///< One has ended, in whatever way.
    first_success,  ///< One has not failed, or all have.
  };

  until enough;
  std::size_t open = 0; ///< Parts that have not ended.
  std::coroutine_handle<> caller{};
  /// The part that decided it; nothing when all had to end for it.
  std::optional<std::size_t> decided_by{};
  /// The last that failed, in the order of ending.
  std::optional<std::size_t> failed{};

  bool complete() const noexcept {
    return decided_by || open == 0;
  }
  void ended(std::size_t part, bool failure) noexcept {
    --open;
    if (failure)
      failed = part;
    if (decided_by)
      return;
    if (enough == until::first_end
        || failure == (enough == until::all_or_failure))
      decided_by = part;
  }
};

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
    gathering* joined = nullptr; ///< Instead of a continuation.
    std::size_t part = 0;        ///< Its place there.

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
          auto& promise = self.promise();
          auto next = promise.continuation;
          if (auto* group = promise.joined) {
            bool before = group->complete();
            group->ended(promise.part, promise.thrown != nullptr);
            if (!before && group->complete())
              next = group->caller;
          }
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

  /// Ends as the `part`th of `group`, which must live until it is `complete`
  /// or this is destroyed. One that has ended says so at once.
  void join(gathering& group, std::size_t part) noexcept {
    auto& promise = handle_.promise();
    if (handle_.done())
      return group.ended(part, promise.thrown != nullptr);
    promise.joined = &group;
    promise.part = part;
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
