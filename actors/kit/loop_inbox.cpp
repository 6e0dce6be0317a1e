#include "actors/kit/loop_inbox.hpp"

#include <boost/asio/post.hpp>

#include <mutex>
#include <unordered_map>

namespace shannon::kit {

namespace asio = boost::asio;

/// Owned by the threads too; holds nothing of the loop once it has ended.
struct loop_inbox::shared {
  std::mutex mutex;
  asio::io_context* loop = nullptr;
  std::unordered_map<std::uint64_t, taker> waiting;
  std::uint64_t last = 0;

  /// Under the lock the loop cannot end, so posting is safe.
  void hand_over(std::uint64_t number, std::shared_ptr<void> answer) {
    std::lock_guard lock{mutex};
    auto at = waiting.find(number);
    if (loop == nullptr || at == waiting.end())
      return;
    auto then = std::move(at->second);
    waiting.erase(at);
    asio::post(*loop, [then = std::move(then), answer = std::move(answer)] {
      if (answer)
        then(answer.get());
    });
  }
};

/// Dropped uncalled, it lets go of what waited: on the loop's thread.
struct loop_inbox::slot_guard {
  std::shared_ptr<shared> owner;
  std::uint64_t number;

  slot_guard(std::shared_ptr<shared> from, std::uint64_t which)
      : owner(std::move(from)), number(which) {}
  slot_guard(const slot_guard&) = delete;
  slot_guard& operator=(const slot_guard&) = delete;
  ~slot_guard() {
    owner->hand_over(number, nullptr);
  }
};

asio::execution_context::id loop_inbox::id;

loop_inbox& loop_inbox::of(asio::io_context& loop) {
  return asio::use_service<loop_inbox>(loop);
}

loop_inbox::loop_inbox(asio::execution_context& owner)
    : asio::execution_context::service(owner),
      shared_(std::make_shared<shared>()) {
  shared_->loop = &static_cast<asio::io_context&>(owner);
}

loop_inbox::~loop_inbox() = default;

void loop_inbox::shutdown() {
  std::unordered_map<std::uint64_t, taker> dropped;
  {
    std::lock_guard lock{shared_->mutex};
    shared_->loop = nullptr;
    dropped.swap(shared_->waiting);
  }
}

loop_inbox::slot_ptr loop_inbox::keep(taker then) {
  std::lock_guard lock{shared_->mutex};
  auto number = ++shared_->last;
  shared_->waiting.emplace(number, std::move(then));
  return std::make_shared<slot_guard>(shared_, number);
}

void loop_inbox::give(const slot_ptr& slot, std::shared_ptr<void> answer) {
  slot->owner->hand_over(slot->number, std::move(answer));
}

} // namespace shannon::kit
