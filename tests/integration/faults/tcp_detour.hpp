#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace shannon::test {

/// A TCP port of loopback that leads to another one, in a while: what comes in
/// is passed on after a delay, either way. A connection can be reset, or end
/// within what is said over it.
class tcp_detour {
public:
  explicit tcp_detour(std::uint16_t to);
  ~tcp_detour();

  std::uint16_t port() const noexcept {
    return port_;
  }

  /// For what comes in from now on; bytes stay in their order.
  void delay(std::chrono::milliseconds each_way) {
    delay_us_ = each_way.count() * 1'000;
  }
  enum class way : std::uint8_t { both, to_callee, to_caller };
  /// What comes over connections from this node, or from any, stays here from
  /// now on, and the connections stay open. A node is known by the hello of its
  /// link.
  void hold(const std::string& caller = {}, way which = way::both);
  /// All that is held goes on.
  void release();
  /// Resets all connections that there are now; new ones pass.
  void reset() {
    reset_ = true;
  }
  /// Of what comes next over any connection the first half is passed on, and
  /// the connection ended.
  void cut_short() {
    cut_short_ = true;
  }
  /// Connections that ended so.
  int were_cut_short() const noexcept {
    return were_cut_short_;
  }

  std::int64_t bytes() const noexcept {
    return bytes_;
  }

private:
  using clock = std::chrono::steady_clock;

  struct piece {
    clock::time_point due;
    std::string bytes;
  };
  /// Of a connection, one end and what waits to be sent to it.
  struct end {
    int socket = -1;
    std::deque<piece> waiting;
  };
  struct pair {
    end ends[2];
    std::string hello; ///< What the caller said first.
  };

  void run();
  void take_one();
  bool move(pair& one);
  void pass_half(pair& one, int side, std::string_view bytes);
  /// What comes from this side of it.
  bool is_held(const pair& one, int side);

  std::uint16_t to_;
  std::uint16_t port_ = 0;
  int listener_ = -1;
  std::atomic<bool> stop_{false};
  std::atomic<bool> reset_{false};
  std::atomic<bool> cut_short_{false};
  std::atomic<int> were_cut_short_{0};
  std::atomic<std::int64_t> delay_us_{0};
  std::atomic<std::int64_t> bytes_{0};
  std::vector<std::unique_ptr<pair>> pairs_;
  std::mutex mutex_;
  std::map<std::string, way> held_; ///< Of callers; empty text: all.
  std::thread thread_;
};

} // namespace shannon::test
