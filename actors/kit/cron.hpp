#pragma once

#include "protocols/errc.hpp"

#include <array>
#include <bitset>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace date {
class time_zone;
}

namespace shannon::kit {

/// A cron expression of five fields in a time zone. Pure, but for the system's
/// time zone database.
///
///     ┌ minute 0-59  ┌ hour 0-23  ┌ day of month 1-31
///     │              │            │  ┌ month 1-12 or JAN-DEC
///     │              │            │  │  ┌ day of week 0-7 (0, 7: Sunday)
///     30             9            *  *  MON-FRI      or SUN-SAT
///
/// Each field is `*`, a number, a range `a-b`, either with a step `/n`, or a
/// list of those. If both days are given, either may match (POSIX crontab).
///
/// Where clocks jump, as Vixie cron does: a job with a fixed hour and minute
/// that would fall into hours that are left out runs when they are over, and
/// one that falls into hours that come twice runs in the first. A job with `*`
/// in the minute or the hour goes by the clock on the wall as it is.
class cron {
public:
  using time = std::chrono::sys_seconds;

  /// Fails (invalid_argument) with the field that is wrong, what was found and
  /// what was expected. `zone` is an IANA name; empty: UTC.
  static result<cron> parse(std::string_view expression,
                            std::string_view zone = {});

  /// The first run after `at`; nothing if there is none within eight years, as
  /// for the 30th of February.
  std::optional<time> next(time at) const;

  /// The shortest time between two of the runs after `at`, of the first 500.
  std::chrono::seconds shortest_gap(time at) const;

private:
  cron() = default;

  bool matches_day(std::chrono::year_month_day day) const;
  std::optional<time> first_on(std::chrono::local_days day, time after) const;

  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<32> days_;
  std::bitset<13> months_;
  std::bitset<7> weekdays_;
  bool any_day_ = false;      ///< The day of the month is `*`.
  bool any_weekday_ = false;  ///< The day of the week is `*`.
  bool goes_by_wall_ = false; ///< `*` in the minute or the hour.
  const date::time_zone* zone_ = nullptr;
};

} // namespace shannon::kit
