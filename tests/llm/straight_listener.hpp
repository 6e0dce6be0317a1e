#pragma once

#include "protocols/straight_call.hpp"

#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace shannon::test {

/// Hears a straight call for a test. The loop calls it, the test waits.
class straight_listener final : public straight::listener {
public:
  void begun(std::shared_ptr<straight::call> what) override {
    call_ = std::move(what);
  }
  bool has_begun() const noexcept override {
    return call_ != nullptr;
  }
  void piece(remote::LlmDelta what) override {
    std::lock_guard guard{mutex_};
    pieces_.push_back(std::move(what));
  }
  void end(result<remote::LlmResponse> how) override {
    end_.set_value(std::move(how));
  }

  /// On the loop.
  void cancel() {
    call_->cancel();
  }

  std::future<result<remote::LlmResponse>> answer() {
    return end_.get_future();
  }
  std::string text() {
    std::lock_guard guard{mutex_};
    std::string all;
    for (const auto& one : pieces_)
      all += one.text();
    return all;
  }
  std::size_t pieces() {
    std::lock_guard guard{mutex_};
    return pieces_.size();
  }

private:
  std::shared_ptr<straight::call> call_;
  std::mutex mutex_;
  std::vector<remote::LlmDelta> pieces_;
  std::promise<result<remote::LlmResponse>> end_;
};

} // namespace shannon::test
