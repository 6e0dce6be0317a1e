#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>

namespace shannon::kit {

/// A place in a roster. Who is listed derives from it, so that a place costs
/// no memory of its own.
class listed {
public:
  listed() = default;
  listed(const listed&) = delete;
  listed& operator=(const listed&) = delete;

  /// Never given twice while the process lives; 0 before it is listed.
  std::uint64_t listed_as() const noexcept {
    return id_;
  }

protected:
  ~listed() = default;

private:
  friend class roster;

  listed* before_ = nullptr;
  listed* after_ = nullptr;
  std::uint64_t id_ = 0;
};

/// All that live, for those who look. Thread-safe, and cheap for who comes and
/// goes: a short lock of one part of 256, chosen by where it lies in memory.
/// No message touches it. A reader holds up only those who come or go in the
/// part where it reads.
class roster {
public:
  static constexpr std::size_t parts = 256;

  roster() = default;
  roster(const roster&) = delete;
  roster& operator=(const roster&) = delete;

  void add(listed& who);
  /// Nothing if it is not listed, or no more. Waits for a reader that looks at
  /// it: afterwards nobody does.
  void remove(listed& who) noexcept;

  /// Looks at up to `most` that stand after `after` (0: at the beginning) in
  /// an order that never changes, until `look` says false. Returns the last one
  /// looked at, from where to go on, or nothing at the end. Reading on until
  /// the end sees everyone exactly once who is listed all the while. `look`
  /// must be quick, and must not start or end anybody.
  template <class F>
  std::optional<std::uint64_t> read(std::uint64_t after, std::size_t most,
                                    F look) const {
    std::size_t seen = 0;
    for (auto i = after >> part_shift; i < parts; ++i) {
      const auto& part = parts_[i];
      std::lock_guard guard{part.mutex};
      for (const auto* one = part.first; one; one = one->after_) {
        if (one->id_ <= after)
          continue;
        if (seen == most)
          return after;
        ++seen;
        after = one->id_;
        if (!look(*one))
          return after;
      }
    }
    return std::nullopt;
  }

  std::size_t size() const;

private:
  /// The part stands in the upper bits, so that numbers grow as one reads.
  static constexpr unsigned part_shift = 56;

  struct alignas(64) section {
    mutable std::mutex mutex;
    listed* first = nullptr;
    listed* last = nullptr;
    std::uint64_t given = 0;
    std::size_t size = 0;
  };

  static std::size_t part_of(const listed& who) noexcept;

  std::array<section, parts> parts_;
};

} // namespace shannon::kit
