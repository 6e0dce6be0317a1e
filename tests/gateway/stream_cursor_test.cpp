#include "actors/gateway/streams/stream_cursor.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::gateway;

namespace {

facts::Fact fact(const std::string& type) {
  facts::Fact all;
  all.mutable_event()->set_type(type);
  if (type == "STREAM_END")
    all.mutable_stream_ended();
  return all;
}

/// A log in memory; version 1 is the first entry.
struct log_of {
  std::vector<std::string> types;
  store::log_status status = store::log_status::running;

  store::fact_page page(log_version after, std::size_t limit) const {
    store::fact_page all;
    for (auto i = static_cast<std::size_t>(after);
         i < types.size() && all.facts.size() < limit; ++i)
      all.facts.push_back({static_cast<log_version>(i + 1),
                           {},
                           fact(types[i]).SerializeAsString()});
    all.version = static_cast<log_version>(types.size());
    all.status = status;
    return all;
  }

  run_event live(log_version version) const {
    run_event what;
    what.version = version;
    what.event.set_type(types[static_cast<std::size_t>(version - 1)]);
    what.last = what.event.type() == "STREAM_END";
    return what;
  }
};

log_of ended_log(std::size_t events) {
  log_of log;
  log.types.assign(events, "PROGRESS");
  log.types[events - 2] = "WORKFLOW_COMPLETED";
  log.types[events - 1] = "STREAM_END";
  log.status = store::log_status::completed;
  return log;
}

std::vector<log_version> versions(const std::vector<run_event>& events) {
  std::vector<log_version> all;
  for (const auto& one : events)
    all.push_back(one.version);
  return all;
}

/// Reads until nothing is left to read.
std::vector<log_version> drain(stream_cursor& cursor, const log_of& log,
                               std::size_t limit) {
  std::vector<log_version> all;
  while (cursor.wants_read())
    for (auto one :
         versions(cursor.stored(log.page(cursor.read_after(), limit))))
      all.push_back(one);
  return all;
}

std::vector<log_version> counting(log_version from, log_version to) {
  std::vector<log_version> all;
  for (auto i = from; i <= to; ++i)
    all.push_back(i);
  return all;
}

} // namespace

TEST_CASE("an ended run is replayed from any position and then ends") {
  auto log = ended_log(12);
  for (log_version after = 0; after <= 12; ++after)
    for (std::size_t limit : {1u, 2u, 5u, 100u}) {
      INFO("after " << after << " by " << limit);
      stream_cursor cursor{after, {}};
      if (limit == 1 && after > 0)
        continue; // The one fact read first is the one seen before.
      CHECK(drain(cursor, log, limit) == counting(after + 1, 12));
      CHECK(cursor.ended());
    }
}

TEST_CASE("a position behind the end of an ended run ends the stream") {
  stream_cursor cursor{99, {}};
  CHECK(drain(cursor, ended_log(5), 10).empty());
  CHECK(!cursor.ended());
  cursor.not_live();
  CHECK(cursor.ended());
}

TEST_CASE("what is not kept any more is passed over, and nothing else") {
  auto log = ended_log(12);
  for (log_version after = 0; after <= 12; ++after) {
    INFO("after " << after);
    stream_cursor cursor{after, {}};
    std::vector<log_version> seen;
    while (!cursor.ended() && cursor.wants_read()) {
      // Facts 1 to 6 are gone.
      auto page = log.page(std::max<log_version>(cursor.read_after(), 6), 3);
      page.first = 7;
      for (auto one : versions(cursor.stored(page)))
        seen.push_back(one);
    }
    CHECK(cursor.ended());
    CHECK(seen == counting(std::max<log_version>(after + 1, 7), 12));
  }
}

TEST_CASE("an ended log without an end event ends the stream") {
  // A cancelled run of an older build.
  log_of log;
  log.types = {"WORKFLOW_STARTED", "WORKFLOW_CANCELLED"};
  log.status = store::log_status::cancelled;
  stream_cursor cursor{0, {}};
  CHECK(drain(cursor, log, 10) == counting(1, 2));
  CHECK(!cursor.ended()); // Its WORKFLOW may still be writing the end.
  cursor.not_live();
  CHECK(cursor.ended());
}

TEST_CASE("a running run does not end, live or not") {
  log_of log;
  log.types = {"WORKFLOW_STARTED"};
  stream_cursor cursor{0, {}};
  drain(cursor, log, 10);
  cursor.not_live();
  CHECK(!cursor.ended());
}

TEST_CASE("live events go on where the store ended") {
  auto log = ended_log(6);
  stream_cursor cursor{0, {}};
  // The event comes before the first page: it must not overtake it.
  CHECK(cursor.live(log.live(3)).empty());
  log_of so_far = log;
  so_far.types.resize(3);
  so_far.status = store::log_status::running;
  CHECK(drain(cursor, so_far, 10) == counting(1, 3));
  CHECK(versions(cursor.live(log.live(4))) == counting(4, 4));
  CHECK(cursor.live(log.live(4)).empty());
  CHECK(cursor.live(log.live(2)).empty());
}

TEST_CASE("a gap is read from the store") {
  auto log = ended_log(9);
  stream_cursor cursor{0, {}};
  log_of so_far = log;
  so_far.types.resize(2);
  so_far.status = store::log_status::running;
  drain(cursor, so_far, 10);
  CHECK(!cursor.wants_read());
  CHECK(cursor.live(log.live(5)).empty());
  CHECK(cursor.wants_read());
  CHECK(drain(cursor, log, 10) == counting(3, 9));
}

TEST_CASE("early events above the bound are read again, not lost") {
  log_of log;
  log.types.assign(1'000, "PROGRESS");
  stream_cursor cursor{0, {}};
  for (log_version at = 1; at <= 1'000; ++at)
    CHECK(cursor.live(log.live(at)).empty());
  CHECK(drain(cursor, log, 64) == counting(1, 1'000));
}

TEST_CASE("the filter hides events and keeps the count") {
  log_of log;
  log.types = {"WORKFLOW_STARTED", "LLM_OUTPUT",         "PROGRESS",
               "LLM_OUTPUT",       "WORKFLOW_COMPLETED", "STREAM_END"};
  log.status = store::log_status::completed;
  SECTION("an excluded completion ends the stream") {
    stream_cursor cursor{0, {"LLM_OUTPUT"}};
    CHECK(drain(cursor, log, 2) == std::vector<log_version>{2, 4});
    CHECK(cursor.ended());
  }
  SECTION("but not if the end itself was asked for") {
    stream_cursor cursor{0, {"STREAM_END"}};
    CHECK(drain(cursor, log, 10) == std::vector<log_version>{6});
    CHECK(cursor.ended());
  }
  SECTION("an excluded end ends the stream unwritten") {
    stream_cursor cursor{0, {"WORKFLOW_COMPLETED"}};
    CHECK(drain(cursor, log, 10) == std::vector<log_version>{5});
    CHECK(cursor.completed());
    CHECK(cursor.ended());
  }
  SECTION("no client name is a type") {
    stream_cursor cursor{0, {"thread.message.completed"}};
    CHECK(drain(cursor, log, 10).empty());
    CHECK(cursor.ended());
  }
}

TEST_CASE("deltas are for who is up to date") {
  log_of log;
  log.types = {"WORKFLOW_STARTED", "PROGRESS"};
  stream_cursor cursor{0, {}};
  CHECK(!cursor.takes_deltas());
  drain(cursor, log, 10);
  CHECK(cursor.takes_deltas());
  cursor.reaches(3);
  CHECK(!cursor.takes_deltas());
  stream_cursor filtered{0, {"LLM_OUTPUT"}};
  drain(filtered, log, 10);
  CHECK(!filtered.takes_deltas());
}

TEST_CASE("whatever is delayed, lost or repeated, the client sees 1..n") {
  for (std::uint32_t seed = 1; seed <= 3'000; ++seed) {
    INFO("seed " << seed);
    std::mt19937 chance{seed};
    auto roll = [&](std::uint32_t n) { return chance() % n; };
    auto size = static_cast<std::size_t>(2 + roll(40));
    auto whole = ended_log(size);
    // What the store shows so far, and live events under way.
    std::size_t written = roll(static_cast<std::uint32_t>(size));
    std::vector<log_version> flying;
    // A client cannot have seen what was not written.
    auto after = static_cast<log_version>(roll(
        static_cast<std::uint32_t>(std::min<std::size_t>(written, 3)) + 1));
    auto start = after;
    stream_cursor cursor{after, {}};
    std::vector<log_version> seen;
    auto deliver = [&](const std::vector<run_event>& events) {
      for (auto one : versions(events))
        seen.push_back(one);
    };
    for (int step = 0; step < 4'000 && !cursor.ended(); ++step)
      switch (roll(5)) {
      case 0:
        if (written < size) {
          ++written;
          if (roll(5) != 0) // One in five is lost on the way.
            flying.push_back(static_cast<log_version>(written));
        }
        break;
      case 1:
        if (!flying.empty()) { // In any order, sometimes twice.
          auto at = flying.begin()
                    + static_cast<std::ptrdiff_t>(
                        roll(static_cast<std::uint32_t>(flying.size())));
          deliver(cursor.live(whole.live(*at)));
          if (roll(4) != 0)
            flying.erase(at);
        }
        break;
      case 2: // A renewed subscription tells how far the log reaches.
        cursor.reaches(static_cast<log_version>(written));
        break;
      default:
        if (cursor.wants_read()) {
          log_of visible = whole;
          visible.types.resize(written);
          if (written < size)
            visible.status = store::log_status::running;
          deliver(
              cursor.stored(visible.page(cursor.read_after(), 2 + roll(6))));
        }
      }
    CHECK(cursor.ended());
    REQUIRE(seen == counting(start + 1, static_cast<log_version>(size)));
  }
}
