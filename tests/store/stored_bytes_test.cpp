#include "actors/store/body_codec.hpp"
#include "actors/store/facts_row.hpp"
#include "protocols/checksum.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <random>
#include <string>
#include <vector>

namespace shannon::store {

// -- rows of facts ------------------------------------------------------------

namespace {

using strings = std::vector<std::string>;

/// What is read back of rows that hold `appends`, or the error's text.
std::string read_back(const std::vector<strings>& appends,
                      std::function<void(std::vector<facts_row>&)> damage) {
  strings packed;
  std::vector<facts_row> rows;
  log_tail tail{0, 9};
  for (const auto& facts : appends)
    packed.push_back(pack_facts(facts));
  for (std::size_t i = 0; i < appends.size(); ++i) {
    auto first = tail.version + 1;
    for (const auto& fact : appends[i])
      tail.chain = chain(tail.chain, ++tail.version, fact);
    rows.push_back({first, tail.version, 1, {}, tail.chain, packed[i]});
  }
  damage(rows);
  row_reader reader{log_id{"task-1"}, {0, 9}};
  std::string out;
  for (const auto& row : rows) {
    auto taken = reader.take(row, [&](log_version version, auto fact, auto) {
      out += std::to_string(version) + std::string{fact} + " ";
    });
    if (!taken)
      return taken.error().text;
  }
  return out;
}

} // namespace

TEST_CASE("facts come out of their rows as they went in") {
  std::vector<strings> appends{
      {"one"}, {"two", "", std::string(300, 'x')}, {""}};
  CHECK(read_back(appends, [](auto&) {})
        == "1one 2two 3 4" + std::string(300, 'x') + " 5 ");
  for (const auto& facts : appends)
    CHECK(packed_size(facts) == pack_facts(facts).size());
}

TEST_CASE("a row that is missing, moved or changed is named") {
  std::vector<strings> appends{{"a"}, {"b", "c"}, {"d"}};
  auto text = [&](auto damage) { return read_back(appends, damage); };
  CHECK_THAT(text([](auto& rows) { rows.erase(rows.begin()); }),
             Catch::Contains("fact 1 is missing"));
  CHECK_THAT(text([](auto& rows) { rows.erase(rows.begin() + 1); }),
             Catch::Contains("fact 2 is missing"));
  CHECK_THAT(text([](auto& rows) { rows[0].packed = "b"; }),
             Catch::Contains("fact 1 is not what was written"));
  CHECK_THAT(text([](auto& rows) { rows[1].chain ^= 1; }),
             Catch::Contains("fact 2 is not what was written"));
  CHECK_THAT(text([](auto& rows) { rows[1].last = 2; }),
             Catch::Contains("fact 2 is not what was written"));
  CHECK_THAT(text([](auto& rows) { rows[2].last = 3; }),
             Catch::Contains("fact 4 is not what was written"));
}

TEST_CASE("what is no row of facts is not read as one") {
  CHECK_FALSE(unpack_facts("", 2));
  CHECK_FALSE(unpack_facts("\1a", 2));
  CHECK_FALSE(unpack_facts("\1a\1b\1c", 2));
  CHECK_FALSE(unpack_facts("\1a\x7f"
                           "b",
                           2));
  CHECK_FALSE(unpack_facts("\1a\xff\xff\xff\xff\xff\xff", 2));
  CHECK(unpack_facts("\1a\1b", 2));
}

// -- bodies -------------------------------------------------------------------

TEST_CASE("a body that compression makes smaller is compressed") {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += "step " + std::to_string(i) + " of the plan; ";
  auto packed = pack_body(text);
  CHECK(packed.codec == body_codec::zstd);
  CHECK(packed.bytes.size() < text.size() / 2);
  auto back = unpack_body(packed.codec, packed.bytes, text.size());
  REQUIRE(back);
  CHECK(*back == text);
}

TEST_CASE("a body that compression does not make smaller stays as it is") {
  std::minstd_rand chance{7};
  std::string noise(5'000, ' ');
  for (auto& c : noise)
    c = static_cast<char>(chance());
  CHECK(pack_body(noise).codec == body_codec::plain);
  CHECK(pack_body("short").codec == body_codec::plain);
  CHECK(pack_body("").codec == body_codec::plain);
  auto back = unpack_body(body_codec::plain, noise, noise.size());
  REQUIRE(back);
  CHECK(*back == noise);
}

TEST_CASE("a damaged body is told, not given") {
  auto packed = pack_body(std::string(5'000, 'x'));
  REQUIRE(packed.codec == body_codec::zstd);
  auto is_refused = [](auto codec, std::string_view bytes, std::uint64_t size) {
    auto got = unpack_body(codec, bytes, size);
    return !got && got.error().code == errc::failed;
  };
  CHECK(is_refused(packed.codec, packed.bytes, 4'999));
  CHECK(is_refused(packed.codec, packed.bytes, 5'001));
  CHECK(is_refused(packed.codec, packed.bytes.substr(1), 5'000));
  CHECK(is_refused(packed.codec, packed.bytes, 1ull << 60));
  CHECK(is_refused(body_codec::plain, "abc", 4));
  CHECK(is_refused(static_cast<body_codec>(9), "abc", 3));
}

} // namespace shannon::store
