#include "actors/kit/cron.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <date/tz.h>
#include <stdexcept>
#include <vector>

namespace shannon::kit {

namespace {

using namespace std::chrono;

constexpr std::size_t expression_bytes_max = 256;
constexpr int days_ahead = 8 * 366;
constexpr int gaps_looked_at = 500;

constexpr std::array<std::string_view, 12> month_names{
    "JAN", "FEB", "MAR", "APR", "MAY", "JUN",
    "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"};
constexpr std::array<std::string_view, 7> weekday_names{
    "SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"};

struct field {
  const char* name;
  int least;
  int most;
  /// Words for values, the first of them for `first_word`.
  const std::string_view* words = nullptr;
  int words_count = 0;
  int first_word = 0;
};

constexpr std::array<field, 5> fields{
    field{"minute", 0, 59}, field{"hour", 0, 23}, field{"day of month", 1, 31},
    field{"month", 1, 12, month_names.data(), 12, 1},
    field{"day of week", 0, 7, weekday_names.data(), 7, 0}};

tl::unexpected<error> bad(const field& where, std::string_view found) {
  return fail(errc::invalid_argument,
              "invalid cron expression: " + std::string{where.name}
                  + ": expected " + std::to_string(where.least) + "-"
                  + std::to_string(where.most) + ", `*`, a range, a step or a "
                  + "list, found \"" + std::string{found} + "\"");
}

std::string upper(std::string_view text) {
  std::string all{text};
  for (auto& c : all)
    if (c >= 'a' && c <= 'z')
      c = static_cast<char>(c - 'a' + 'A');
  return all;
}

std::optional<int> number(const field& where, std::string_view text) {
  int value = 0;
  auto [end, failed]
      = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed == std::errc{} && end == text.data() + text.size())
    return value >= where.least && value <= where.most ? std::optional{value}
                                                       : std::nullopt;
  auto word = upper(text);
  for (int i = 0; i < where.words_count; ++i)
    if (where.words[i] == word)
      return where.first_word + i;
  return std::nullopt;
}

std::vector<std::string_view> split(std::string_view text, char by) {
  std::vector<std::string_view> parts;
  for (;;) {
    auto at = text.find(by);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos)
      return parts;
    text.remove_prefix(at + 1);
  }
}

/// One part of a list: `*`, `a`, `a-b`, each with `/n` or without.
template <std::size_t N>
bool take(const field& where, std::string_view text, std::bitset<N>& into) {
  int step = 1;
  auto slash = text.find('/');
  if (slash != std::string_view::npos) {
    auto digits = text.substr(slash + 1);
    auto [end, failed]
        = std::from_chars(digits.data(), digits.data() + digits.size(), step);
    if (failed != std::errc{} || end != digits.data() + digits.size()
        || step < 1)
      return false;
  }
  auto range = text.substr(0, slash);
  int from = where.least;
  int to = where.most;
  if (range != "*") {
    auto dash = range.find('-');
    auto first = number(where, range.substr(0, dash));
    if (!first)
      return false;
    from = *first;
    if (dash != std::string_view::npos) {
      auto last = number(where, range.substr(dash + 1));
      if (!last || *last < from)
        return false;
      to = *last;
    } else if (slash == std::string_view::npos) {
      to = from;
    }
  }
  for (int value = from; value <= to; value += step)
    // Sunday is 0 and 7.
    into.set(static_cast<std::size_t>(N == 7 ? value % 7 : value));
  return true;
}

template <std::size_t N>
result<void> read(const field& where, std::string_view text,
                  std::bitset<N>& into) {
  for (auto part : split(text, ','))
    if (!take(where, part, into))
      return bad(where, text);
  return {};
}

date::local_seconds to_date(local_seconds at) {
  return date::local_seconds{at.time_since_epoch()};
}

const date::time_zone* find_zone(const std::string& name) {
  try {
    return date::locate_zone(name);
  } catch (const std::runtime_error&) {
    return nullptr;
  }
}

} // namespace

result<cron> cron::parse(std::string_view expression, std::string_view zone) {
  if (expression.size() > expression_bytes_max)
    return fail(errc::invalid_argument,
                "invalid cron expression: longer than "
                    + std::to_string(expression_bytes_max) + " bytes");
  std::vector<std::string_view> parts;
  for (auto part : split(expression, ' '))
    if (!part.empty())
      parts.push_back(part);
  if (parts.size() != fields.size())
    return fail(errc::invalid_argument,
                "invalid cron expression: expected 5 fields (minute, hour, day "
                "of month, month, day of week), found "
                    + std::to_string(parts.size()));
  cron out;
  auto done
      = read(fields[0], parts[0], out.minutes_)
            .and_then([&] { return read(fields[1], parts[1], out.hours_); })
            .and_then([&] { return read(fields[2], parts[2], out.days_); })
            .and_then([&] { return read(fields[3], parts[3], out.months_); })
            .and_then([&] { return read(fields[4], parts[4], out.weekdays_); });
  if (!done)
    return tl::unexpected<error>{std::move(done.error())};
  out.any_day_ = parts[2].starts_with('*');
  out.any_weekday_ = parts[4].starts_with('*');
  out.goes_by_wall_ = parts[0].starts_with('*') || parts[1].starts_with('*');
  out.zone_ = find_zone(zone.empty() ? "UTC" : std::string{zone});
  if (!out.zone_)
    return fail(errc::invalid_argument,
                "invalid timezone: expected an IANA name like Europe/Berlin, "
                "found \""
                    + std::string{zone.substr(0, 64)} + "\"");
  return out;
}

bool cron::matches_day(year_month_day day) const {
  if (!months_.test(static_cast<unsigned>(day.month())))
    return false;
  bool of_month = days_.test(static_cast<unsigned>(day.day()));
  bool of_week = weekdays_.test(weekday{local_days{day}}.c_encoding());
  // `*/2` counts as `*` here, as in Vixie cron: both must match then.
  return any_day_ || any_weekday_ ? of_month && of_week : of_month || of_week;
}

/// The earliest run after `after` of those that this day on the wall has.
std::optional<cron::time> cron::first_on(local_days day, time after) const {
  std::optional<time> first;
  auto consider = [&](time at) {
    if (at > after && (!first || at < *first))
      first = at;
  };
  for (unsigned hour = 0; hour < 24; ++hour) {
    if (!hours_.test(hour))
      continue;
    for (unsigned minute = 0; minute < 60; ++minute) {
      if (!minutes_.test(minute))
        continue;
      auto wall = to_date(local_seconds{day} + hours{hour} + minutes{minute});
      auto info = zone_->get_info(wall);
      auto at = [&](const date::sys_info& sector) {
        return time{wall.time_since_epoch() - sector.offset};
      };
      if (info.result == date::local_info::unique) {
        consider(at(info.first));
      } else if (info.result == date::local_info::ambiguous) {
        consider(at(info.first));
        if (goes_by_wall_)
          consider(at(info.second));
      } else if (!goes_by_wall_) {
        consider(time{info.first.end.time_since_epoch()});
      }
    }
  }
  return first;
}

std::optional<cron::time> cron::next(time at) const {
  auto wall = zone_->to_local(date::sys_seconds{at.time_since_epoch()});
  auto today = floor<days>(local_seconds{wall.time_since_epoch()});
  // From the day before: a clock that was put back shows it again.
  for (int i = -1; i < days_ahead; ++i) {
    auto day = today + days{i};
    if (!matches_day(year_month_day{day}))
      continue;
    if (auto found = first_on(day, at))
      return found;
  }
  return std::nullopt;
}

std::chrono::seconds cron::shortest_gap(time at) const {
  auto shortest = std::chrono::seconds::max();
  auto last = next(at);
  for (int i = 0; last && i < gaps_looked_at; ++i) {
    auto following = next(*last);
    if (!following)
      break;
    shortest = std::min(shortest, *following - *last);
    last = following;
  }
  return shortest;
}

} // namespace shannon::kit
