#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

namespace shannon::link {

/// What is on its way to a peer and was not yet taken there, in mails and in
/// bytes. What is full when this side begins to send takes one more mail, of
/// whatever size: so nothing is too large for ever, and a peer costs no more
/// than window, reserve and one mail.
class send_window {
public:
  struct limits {
    std::uint64_t mails = 0;
    std::uint64_t bytes = 0;
    /// Beyond `bytes`, for answers and control alone; how many answers there
    /// are is no matter, since each has been asked for.
    std::uint64_t reserve = 0;
  };

  explicit send_window(limits most) : most_(most) {}

  /// Room for one more ask or tell?
  bool takes_mail() const noexcept {
    return mails() < most_.mails && bytes() < most_.bytes;
  }
  /// So many, if they are small.
  std::uint64_t room() const noexcept {
    return takes_mail() ? most_.mails - mails() : 0;
  }
  bool takes_reply() const noexcept {
    return bytes() < most_.bytes + most_.reserve;
  }
  /// What ends or holds back work has the answers' reserve:
  /// protocols/control.hpp.
  bool takes_control() const noexcept {
    return takes_reply();
  }
  /// Room for a reply that is a refusal, at the end of the reserve? Of these
  /// few bytes as much again: a peer that takes nothing is down soon.
  bool takes_refusal() const noexcept {
    return bytes() < most_.bytes + 2 * most_.reserve;
  }

  void sent(std::uint64_t bytes) noexcept {
    ++mails_sent_;
    bytes_sent_ += bytes;
  }

  /// The peer has taken so much since the link began. False: more than was
  /// sent.
  bool credited(std::uint64_t mails, std::uint64_t bytes) noexcept {
    if (mails > mails_sent_ || bytes > bytes_sent_)
      return false;
    mails_taken_ = std::max(mails_taken_, mails);
    bytes_taken_ = std::max(bytes_taken_, bytes);
    return true;
  }

  std::uint64_t mails() const noexcept {
    return mails_sent_ - mails_taken_;
  }
  std::uint64_t bytes() const noexcept {
    return bytes_sent_ - bytes_taken_;
  }
  std::uint64_t mails_sent() const noexcept {
    return mails_sent_;
  }

private:
  limits most_;
  std::uint64_t mails_sent_ = 0;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t mails_taken_ = 0;
  std::uint64_t bytes_taken_ = 0;
};

/// What was taken of a peer, and when to say so: whenever a quarter of the
/// window has come, so that its sender never waits and is seldom told.
class receive_window {
public:
  receive_window(std::uint64_t mails_max, std::uint64_t bytes_max)
      : mails_step_(std::max<std::uint64_t>(mails_max / 4, 1)),
        bytes_step_(std::max<std::uint64_t>(bytes_max / 4, 1)) {}

  struct taken {
    std::uint64_t mails = 0;
    std::uint64_t bytes = 0;
  };

  void took(std::uint64_t bytes) noexcept {
    ++now_.mails;
    now_.bytes += bytes;
  }

  /// What to say now. `idle`: nothing more comes for the moment, so what is
  /// left is said too.
  std::optional<taken> due(bool idle) noexcept {
    auto mails = now_.mails - told_.mails;
    auto bytes = now_.bytes - told_.bytes;
    if (mails == 0 || (!idle && mails < mails_step_ && bytes < bytes_step_))
      return std::nullopt;
    told_ = now_;
    return now_;
  }

private:
  std::uint64_t mails_step_;
  std::uint64_t bytes_step_;
  taken now_;
  taken told_;
};

} // namespace shannon::link
