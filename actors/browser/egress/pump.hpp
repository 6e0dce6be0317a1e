#pragma once

#include "actors/browser/egress/body_end.hpp"
#include "actors/browser/egress/two_ends.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace shannon::browser {

/// Carries bytes one way until a body ends. Nothing is read before what was
/// read is written, so one buffer is all that a slow reader costs, and it slows
/// down who writes.
class pump : public std::enable_shared_from_this<pump> {
public:
  enum class way : std::uint8_t { up, down };
  enum class outcome : std::uint8_t {
    body_ended,
    source_closed,
    framing_broken,
    read_failed,
    write_failed,
  };
  /// With what was read beyond the body's end.
  using done_fn = std::function<void(outcome, std::string rest)>;

  pump(two_ends_ptr ends, way where, body_end end, done_fn done);

  /// First writes `head` as it is, then what of `ahead` belongs to the body.
  /// `done` is called once, never from within this call.
  void start(std::string head, std::string ahead);

private:
  void read();
  void took(std::size_t bytes);
  void write(std::size_t bytes);
  void next();
  void finish(outcome how);

  two_ends_ptr ends_;
  two_ends::tcp::socket& from_;
  two_ends::tcp::socket& to_;
  way way_;
  body_end end_;
  done_fn done_;
  std::vector<char> buffer_;
  std::string rest_;
};

} // namespace shannon::browser
