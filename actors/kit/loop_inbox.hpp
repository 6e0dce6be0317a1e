#pragma once

#include <boost/asio/execution_context.hpp>
#include <boost/asio/io_context.hpp>

#include <cstdint>
#include <functional>
#include <memory>
#include <type_traits>
#include <utility>

namespace shannon::kit {

/// Where threads that may outlive a loop leave what they found. What waits for
/// it (with its timers and sockets) stays on the loop's side and ends with the
/// loop; a late answer then goes nowhere. A name look-up cannot be stopped, so
/// without this either the node's end waits for it, or it finds the loop gone.
///
/// A service of the loop: made on first use, ended by the loop itself.
class loop_inbox final : public boost::asio::execution_context::service {
public:
  using key_type = loop_inbox;
  static boost::asio::execution_context::id id;

  static loop_inbox& of(boost::asio::io_context& loop);

  explicit loop_inbox(boost::asio::execution_context& owner);
  ~loop_inbox() override;

  /// Returns what a thread calls at most once, at any time, with its answer;
  /// `then` runs with it on the loop. If it is dropped uncalled, so is `then`.
  template <class T>
  std::function<void(T)> expect(std::function<void(T)> then) {
    auto slot = keep([then = std::move(then)](void* answer) {
      then(std::move(*static_cast<T*>(answer)));
    });
    return [slot](T answer) {
      give(slot, std::make_shared<T>(std::move(answer)));
    };
  }

private:
  struct shared;
  struct slot_guard;
  using taker = std::function<void(void*)>;
  using slot_ptr = std::shared_ptr<slot_guard>;

  void shutdown() override;
  slot_ptr keep(taker then);
  static void give(const slot_ptr& slot, std::shared_ptr<void> answer);

  std::shared_ptr<shared> shared_;
};

} // namespace shannon::kit
