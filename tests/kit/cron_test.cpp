// Times of cron expressions, against a table made by another program that walks
// real time minute by minute (tests/kit/cron/make_cases.py).

#include "actors/kit/cron.hpp"

#include <catch2/catch.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

using namespace shannon;
using namespace std::chrono;
using kit::cron;

namespace {

sys_seconds time_of(const std::string& text) {
  int y = 0;
  unsigned mo = 0;
  unsigned d = 0;
  int h = 0;
  int mi = 0;
  REQUIRE(std::sscanf(text.c_str(), "%d-%u-%uT%d:%d", &y, &mo, &d, &h, &mi)
          == 5);
  return sys_days{year{y} / month{mo} / day{d}} + hours{h} + minutes{mi};
}

std::string text_of(sys_seconds at) {
  auto days_ = floor<days>(at);
  year_month_day ymd{days_};
  hh_mm_ss clock{at - days_};
  char text[32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d", int(ymd.year()),
                unsigned(ymd.month()), unsigned(ymd.day()),
                int(clock.hours().count()), int(clock.minutes().count()));
  return text;
}

std::vector<std::string> cells(const std::string& line) {
  std::vector<std::string> all;
  std::istringstream in{line};
  for (std::string cell; std::getline(in, cell, '|');) {
    auto first = cell.find_first_not_of(' ');
    auto last = cell.find_last_not_of(' ');
    all.push_back(first == std::string::npos
                      ? std::string{}
                      : cell.substr(first, last - first + 1));
  }
  return all;
}

std::string refusal(const char* expression, const char* zone = "UTC") {
  auto read = cron::parse(expression, zone);
  REQUIRE_FALSE(read);
  CHECK(read.error().code == errc::invalid_argument);
  return read.error().text;
}

} // namespace

TEST_CASE("400 cases, hours that are left out and hours that come twice among "
          "them") {
  std::ifstream file{CRON_CASES};
  REQUIRE(file);
  int count = 0;
  for (std::string line; std::getline(file, line); ++count) {
    auto all = cells(line);
    REQUIRE(all.size() >= 3);
    INFO(line);
    auto job = cron::parse(all[0], all[1]);
    REQUIRE(job);
    auto at = time_of(all[2]);
    std::istringstream wanted{all.size() > 3 ? all[3] : std::string{}};
    bool any = false;
    for (std::string next; wanted >> next; any = true) {
      auto found = job->next(at);
      REQUIRE(found);
      CHECK(text_of(*found) == next);
      at = *found;
    }
    // The table ends where its maker gave up: nothing within 740 days.
    if (auto found = job->next(at); !any && found)
      CHECK(*found > at + days{739});
  }
  CHECK(count == 400);
}

TEST_CASE("a run is never at the moment asked about, nor before it") {
  auto job = cron::parse("0 0 * * *");
  REQUIRE(job);
  auto at = time_of("2026-01-01T00:00");
  CHECK(text_of(*job->next(at)) == "2026-01-02T00:00");
  CHECK(text_of(*job->next(at - seconds{1})) == "2026-01-01T00:00");
  CHECK(text_of(*job->next(at + seconds{1})) == "2026-01-02T00:00");
}

TEST_CASE("a day that never comes has no run") {
  auto job = cron::parse("0 0 30 2 *");
  REQUIRE(job);
  CHECK_FALSE(job->next(time_of("2026-01-01T00:00")));
}

TEST_CASE("the shortest gap is that of the closest two runs") {
  auto gap = [](const char* expression, const char* zone = "UTC") {
    auto job = cron::parse(expression, zone);
    REQUIRE(job);
    return duration_cast<minutes>(
               job->shortest_gap(time_of("2026-01-01T00:00")))
        .count();
  };
  CHECK(gap("*/15 * * * *") == 15);
  CHECK(gap("0 9,17 * * *") == 8 * 60);
  CHECK(gap("59 23,0 * * *") == 60);
  CHECK(gap("0 0 * * *", "Europe/Berlin") == 23 * 60);
}

TEST_CASE("what is wrong with an expression is said with its place") {
  CHECK(refusal("* * * *").find("expected 5 fields") != std::string::npos);
  CHECK(refusal("* * * * * *").find("found 6") != std::string::npos);
  CHECK(refusal("60 * * * *").find("minute: expected 0-59")
        != std::string::npos);
  CHECK(refusal("* 24 * * *").find("hour") != std::string::npos);
  CHECK(refusal("* * 0 * *").find("day of month") != std::string::npos);
  CHECK(refusal("* * * 13 *").find("month") != std::string::npos);
  CHECK(refusal("* * * * 8").find("day of week") != std::string::npos);
  for (const char* wrong :
       {"a * * * *", "5-1 * * * *", "*/0 * * * *", "1,,2 * * * *",
        "1-2-3 * * * *", "*/ * * * *", "-1 * * * *", "1/ * * * *",
        "* * * FOO *", "* * * * MON-", "+1 * * * *", "1.5 * * * *"})
    CHECK(refusal(wrong).find("invalid cron expression") == 0);
  CHECK(refusal("* * * * *", "Mars/Olympus").find("Mars/Olympus")
        != std::string::npos);
  CHECK(refusal("* * * * *", "../etc/passwd").find("invalid timezone") == 0);
  CHECK(refusal(std::string(300, '*').c_str()).find("longer than")
        != std::string::npos);
}
