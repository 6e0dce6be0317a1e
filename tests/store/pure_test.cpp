#include "actors/kit/owned_shards.hpp"
#include "actors/store/append_outcome.hpp"
#include "actors/store/migrations.hpp"
#include "actors/store/pg_values.hpp"
#include "protocols/checksum.hpp"
#include "protocols/shard_of.hpp"

#include <catch2/catch.hpp>

#include <set>

namespace shannon::store {

// -- checksums ----------------------------------------------------------------

TEST_CASE("a checksum depends on the fact, its place and all before it") {
  auto one = chain(0, 1, "planned");
  CHECK(one == chain(0, 1, "planned"));
  CHECK(one != chain(0, 1, "planneD"));
  CHECK(one != chain(0, 2, "planned"));
  CHECK(one != chain(1, 1, "planned"));
  CHECK(chain(one, 2, "done") != chain(chain(0, 1, "x"), 2, "done"));
  CHECK(chain(0, 1, "") != 0);
}

TEST_CASE("a checksum is the same on every machine and in every build") {
  CHECK(chain(0, 1, "planned") == 0x729d40b55791ea35);
}

TEST_CASE("the chains of two logs begin apart") {
  CHECK(chain_origin(log_id{"task-1"}) == 0xdafdd8551277a1dc);
  CHECK(chain_origin(log_id{"task-1"}) != chain_origin(log_id{"task-2"}));
}

// -- shards -------------------------------------------------------------------

TEST_CASE("a log stays in its shard for ever, and its agents with it") {
  CHECK(shard_of(log_id{"task-1"}, 256) == 117);
  CHECK(shard_of(log_id{"task-1/agent-1"}, 256) == 117);
  CHECK(shard_of(log_id{"task-1/child/agent-1"}, 256) == 117);
  CHECK(shard_of(log_id{""}, 256) == 153);
}

TEST_CASE("logs spread over all shards") {
  std::set<std::uint32_t> used;
  for (int i = 0; i < 10'000; ++i)
    used.insert(shard_of(log_id{"task-" + std::to_string(i)}, 256));
  CHECK(used.size() == 256);
  CHECK(*used.rbegin() == 255);
}

TEST_CASE("a log has an epoch while its shard is owned and the lease holds") {
  using kit::standing;
  kit::owned_shards owned{256};
  log_id log{"task-1"};
  auto now = kit::owned_shards::clock::now();
  CHECK(owned.of(log) == standing::unknown);
  owned.told();
  CHECK(owned.of(log) == standing::elsewhere);
  CHECK_FALSE(owned.find(log));
  owned.gain({{117, 7}});
  CHECK(owned.of(log) == standing::suspended);
  CHECK_FALSE(owned.find(log));
  owned.hold_until(now + std::chrono::hours{1});
  CHECK(owned.of(log) == standing::owned);
  CHECK(owned.find(log) == kit::owned_shards::place{117, 7});
  owned.hold_until(now);
  CHECK(owned.of(log) == standing::suspended);
  owned.lose({117});
  CHECK(owned.of(log) == standing::elsewhere);
}

// -- what became of an append -------------------------------------------------

namespace {

append_intent sent() {
  return {{4, 44}, {6, 66}, 3, false, false};
}

log_look unmoved() {
  return {log_tail{4, 44}, 3, std::nullopt};
}

} // namespace

TEST_CASE("an append to a log that others moved is a conflict") {
  auto found = unmoved();
  found.tail = log_tail{5, 55};
  CHECK(judge(sent(), found) == append_outcome::conflict);
  found.tail = log_tail{4, 45};
  CHECK(judge(sent(), found) == append_outcome::conflict);
}

TEST_CASE("an append under an old epoch is fenced, whatever the log holds") {
  auto found = unmoved();
  found.owner_epoch = 4;
  CHECK(judge(sent(), found) == append_outcome::fenced);
  found.tail.reset();
  CHECK(judge(sent(), found) == append_outcome::fenced);
}

TEST_CASE("an append to a log that is not there is told so") {
  auto found = unmoved();
  found.tail.reset();
  CHECK(judge(sent(), found) == append_outcome::not_found);
}

TEST_CASE("a birth loses against a log that exists") {
  auto birth = sent();
  birth.expected = {};
  birth.birth = true;
  auto found = unmoved();
  CHECK(judge(birth, found) == append_outcome::conflict);
  found.tail.reset();
  CHECK(judge(birth, found) == append_outcome::again);
}

TEST_CASE("after a lost connection an append is found by its checksum") {
  auto lost = sent();
  lost.unclear = true;
  auto found = unmoved();
  CHECK(judge(lost, found) == append_outcome::again);
  found.tail = log_tail{6, 66};
  found.checksum = 66;
  CHECK(judge(lost, found) == append_outcome::committed);
  // Others have gone on since, and a newer owner too.
  found.tail = log_tail{9, 99};
  found.owner_epoch = 8;
  CHECK(judge(lost, found) == append_outcome::committed);
  found.checksum = 67;
  CHECK(judge(lost, found) == append_outcome::fenced);
}

TEST_CASE("the same bytes of somebody else are not taken for ours") {
  auto found = unmoved();
  found.tail = log_tail{6, 66};
  found.checksum = 66;
  CHECK(judge(sent(), found) == append_outcome::conflict);
}

// -- migrations ---------------------------------------------------------------

namespace {

std::vector<migration> two() {
  return *number_migrations({{"0002_b.sql", "b"}, {"0001_a.sql", "a"}});
}

std::vector<applied_migration> applied(const std::vector<migration>& from) {
  std::vector<applied_migration> out;
  for (const auto& one : from)
    out.push_back({one.number, one.name, one.checksum, {}});
  return out;
}

} // namespace

TEST_CASE("migrations run in the order of their numbers") {
  auto all = two();
  REQUIRE(all.size() == 2);
  CHECK(all[0].name == "0001_a.sql");
  CHECK(all[1].sql == "b");
  CHECK(all[0].checksum != all[1].checksum);
}

TEST_CASE("a missing, repeated or unnumbered migration is refused") {
  CHECK_FALSE(number_migrations({{"0001_a.sql", ""}, {"0003_c.sql", ""}}));
  CHECK_FALSE(number_migrations({{"0001_a.sql", ""}, {"0001_b.sql", ""}}));
  CHECK_FALSE(number_migrations({{"first.sql", ""}}));
  CHECK_FALSE(number_migrations({{"0001_a.txt", ""}}));
}

TEST_CASE("this build's migrations are numbered well") {
  REQUIRE_FALSE(known_migrations().empty());
  CHECK(known_migrations().front().name == "0001_logs.sql");
}

TEST_CASE("a schema is used only if it is exactly ours") {
  auto known = two();
  auto there = applied(known);
  CHECK(compare(known, there).state == schema_state::current);
  there.pop_back();
  CHECK(compare(known, there).state == schema_state::older);
  CHECK(compare(known, {}).state == schema_state::older);
  there = applied(known);
  there.push_back({3, "0003_c.sql", "", {}});
  CHECK(compare(known, there).state == schema_state::newer);
  there = applied(known);
  there[0].checksum = "0";
  CHECK(compare(known, there).state == schema_state::altered);
}

TEST_CASE("a schema that is not ours says what to do") {
  auto known = two();
  CHECK_THAT(compare(known, {}).sentence,
             Catch::Contains("shannon migrate apply"));
  auto there = applied(known);
  there.push_back({3, "0003_c.sql", "", {}});
  CHECK_THAT(compare(known, there).sentence, Catch::Contains("newer build"));
}

// -- binary values ------------------------------------------------------------

TEST_CASE("numbers and times survive PostgreSQL's format") {
  for (std::int64_t number : {0l, 1l, -1l, 1l << 40, -(1l << 62)})
    CHECK(pg::to_int8(pg::from_int8(number)) == number);
  CHECK(pg::to_int2(pg::from_int2(-3)) == -3);
  for (auto number : {0, 1, -1, 1 << 30, -(1 << 30)})
    CHECK(pg::to_int4(pg::from_int4(number)) == number);
  pg::time when{std::chrono::microseconds{1'700'000'000'123'456}};
  CHECK(pg::to_time(pg::from_time(when)) == when);
}

TEST_CASE("an array gives back its elements") {
  pg::array made{pg::type::bytea};
  CHECK(pg::to_elements(made.take()).empty());
  made.add("one");
  made.add("");
  made.add("three");
  auto bytes = made.take();
  CHECK(pg::to_elements(bytes)
        == std::vector<std::string_view>{"one", "", "three"});
  CHECK(pg::to_elements(bytes.substr(0, bytes.size() - 1)).size() == 2);
}

TEST_CASE("an array of one gives its only element, and NULL as nothing") {
  pg::array made{pg::type::bytea};
  made.add("only");
  auto bytes = made.take();
  CHECK(pg::count_of(bytes) == 1);
  CHECK(pg::only_element(bytes) == "only");
  CHECK_FALSE(pg::only_element(bytes.substr(0, 22)));
  made.add_null();
  CHECK_FALSE(pg::only_element(made.take()));
  made.add("one");
  made.add("two");
  CHECK_FALSE(pg::only_element(made.take()));
  CHECK(pg::count_of(made.take()) == 0);
}

} // namespace shannon::store
