// What a link decides, without sockets and clocks.

#include "actors/link/ask_table.hpp"
#include "actors/link/frame_reader.hpp"
#include "actors/link/greeting.hpp"
#include "actors/link/liveness.hpp"
#include "actors/link/window.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

using namespace shannon;
using namespace shannon::link;
using namespace std::chrono_literals;

namespace {

std::string framed(const std::string& what) {
  std::string out;
  append_length(out, static_cast<std::uint32_t>(what.size()));
  return out + what;
}

std::vector<std::string> all_of(frame_reader& reader) {
  std::vector<std::string> out;
  for (;;) {
    auto next = reader.next();
    REQUIRE(next);
    if (!*next)
      return out;
    out.emplace_back(**next);
  }
}

} // namespace

// -- frames -------------------------------------------------------------------

TEST_CASE("frames come out whole, however their bytes come in") {
  std::vector<std::string> sent{"one", "", std::string(1'000, 'x'), "two"};
  std::string wire;
  for (const auto& frame : sent)
    wire += framed(frame);
  for (std::size_t step : {1u, 2u, 3u, 5u, 7u, 100u, 4'000u}) {
    INFO(step);
    frame_reader reader{1'000};
    std::vector<std::string> got;
    for (std::size_t at = 0; at < wire.size(); at += step) {
      reader.take(std::string_view{wire}.substr(at, step));
      for (auto& frame : all_of(reader))
        got.push_back(std::move(frame));
    }
    CHECK(got == sent);
    CHECK(reader.kept() == 0);
  }
}

TEST_CASE("a frame above the limit is an error as soon as it is announced") {
  frame_reader reader{1'000};
  reader.take(framed(std::string(1'000, 'x')));
  CHECK(all_of(reader).size() == 1);
  // Not one byte of it has come.
  reader.take(framed(std::string(1'001, 'x')).substr(0, length_bytes));
  auto next = reader.next();
  REQUIRE(!next);
  CHECK(next.error().code == errc::invalid_argument);
  CHECK(next.error().text
        == "a frame of 1001 bytes is announced, the limit is 1000");
}

TEST_CASE("an announced length takes no room before its bytes come") {
  frame_reader reader{1u << 30};
  std::string head;
  append_length(head, 1u << 30);
  reader.take(head);
  CHECK(all_of(reader).empty());
  CHECK(reader.room() < 4'096);
}

TEST_CASE("room for a large frame is given back") {
  constexpr std::size_t large = 8u << 20;
  frame_reader reader{large};
  reader.take(framed(std::string(large, 'x')));
  CHECK(all_of(reader).size() == 1);
  reader.take(framed("small"));
  CHECK(all_of(reader) == std::vector<std::string>{"small"});
  CHECK(reader.room() < 512 * 1024);
}

// -- hello --------------------------------------------------------------------

namespace {

identity self() {
  identity out;
  out.cluster = "test";
  out.process = node_id{"n2#4"};
  return out;
}

identity peer(const std::string& process = "n1#7") {
  auto out = self();
  out.process = node_id{process};
  return out;
}

circumstances came() {
  return {std::nullopt, std::nullopt,
          [](std::string_view name) -> std::optional<std::uint64_t> {
            return name == "n1" || name == "n3"
                       ? std::optional<std::uint64_t>{7}
                       : std::nullopt;
          }};
}

refusal verdict(const identity& theirs, circumstances how = came(),
                const identity& mine = self()) {
  auto got = judge(hello_of(theirs), mine, how);
  CHECK((got.why == refusal::none) == got.text.empty());
  return got.why;
}

} // namespace

TEST_CASE("a peer that dials as it should is welcome") {
  CHECK(verdict(peer()) == refusal::none);
  auto dialled = came();
  dialled.dialled = "n3";
  CHECK(verdict(peer("n3#7"), dialled) == refusal::none);
}

TEST_CASE("a process that is newer than what is known of its name is welcome, "
          "an older one is not") {
  CHECK(verdict(peer("n1#8")) == refusal::none);
  CHECK(verdict(peer("n1#6")) == refusal::older);
}

TEST_CASE("nobody is welcome before this node knows who it is") {
  auto unknown = self();
  unknown.process = {};
  CHECK(verdict(peer(), came(), unknown) == refusal::not_joined);
}

TEST_CASE("who is of another cluster is refused") {
  auto other = peer();
  other.cluster = "prod";
  CHECK(verdict(other) == refusal::wrong_cluster);
}

TEST_CASE("versions that share none are refused, whichever is the newer") {
  auto mine = self();
  mine.version = 5;
  mine.lowest = 4;
  auto theirs = peer();
  auto speaks = [&](std::uint32_t lowest, std::uint32_t version) {
    theirs.lowest = lowest;
    theirs.version = version;
    return verdict(theirs, came(), mine);
  };
  CHECK(speaks(3, 4) == refusal::none);
  CHECK(speaks(5, 6) == refusal::none);
  CHECK(speaks(1, 9) == refusal::none);
  CHECK(speaks(2, 3) == refusal::wrong_version);
  CHECK(speaks(6, 7) == refusal::wrong_version);
}

TEST_CASE("who is no member is refused, and so is who was not dialled") {
  CHECK(verdict(peer("n0#7")) == refusal::unknown_name);
  auto how = came();
  how.dialled = "n3";
  CHECK(verdict(peer("n1#7"), how) == refusal::unknown_name);
}

TEST_CASE("of a pair the lesser name dials, and the other is refused") {
  CHECK(dials("n1", "n2"));
  CHECK_FALSE(dials("n2", "n1"));
  CHECK(verdict(peer("n3#7")) == refusal::wrong_way);
}

TEST_CASE("a name that no process can have is garbage") {
  for (const auto* name : {"", "n1", "n1#", "n1#0", "n1#x", "n1#7x", "#7"}) {
    INFO(name);
    CHECK(verdict(peer(name)) == refusal::garbage);
  }
}

TEST_CASE("the certificate must name the node, in full and exactly") {
  auto certified = [](std::vector<std::string> names) {
    auto how = came();
    how.certified = std::move(names);
    return verdict(peer(), how);
  };
  CHECK(certified({"n1"}) == refusal::none);
  CHECK(certified({"n3", "n1"}) == refusal::none);
  for (const auto* name : {"n3", "N1", "*", "n*", "n1.test", "n"}) {
    INFO(name);
    CHECK(certified({name}) == refusal::not_certified);
  }
  CHECK(certified({}) == refusal::not_certified);
}

TEST_CASE("what a stranger says of itself is shown short and harmless") {
  auto other = peer();
  other.cluster = "\x1b[2J\n" + std::string(10'000, 'x');
  auto got = judge(hello_of(other), self(), came());
  CHECK(got.text.size() < 300);
  CHECK(std::all_of(got.text.begin(), got.text.end(),
                    [](char c) { return c >= ' ' && c <= '~'; }));
}

// -- window -------------------------------------------------------------------

TEST_CASE("a window ends by mails and by bytes, and credit opens it") {
  send_window window{{3, 1'000, 500}};
  for (int i = 0; i < 3; ++i) {
    CHECK(window.takes_mail());
    window.sent(10);
  }
  CHECK_FALSE(window.takes_mail());
  CHECK(window.room() == 0);
  REQUIRE(window.credited(1, 10));
  CHECK(window.takes_mail());
  CHECK(window.room() == 1);
  window.sent(2'000); // One more, of whatever size.
  CHECK_FALSE(window.takes_mail());
  REQUIRE(window.credited(3, 30));
  CHECK_FALSE(window.takes_mail());
  REQUIRE(window.credited(4, 2'030));
  CHECK(window.takes_mail());
  CHECK(window.mails() == 0);
  CHECK(window.bytes() == 0);
}

TEST_CASE("answers may use the reserve, however many they are") {
  send_window window{{1, 1'000, 500}};
  window.sent(1'200);
  CHECK_FALSE(window.takes_mail());
  CHECK(window.takes_reply());
  window.sent(300);
  CHECK_FALSE(window.takes_reply());
  CHECK(window.takes_refusal());
  window.sent(500);
  CHECK_FALSE(window.takes_refusal());
}

TEST_CASE("credit for more than was sent is no credit") {
  send_window window{{10, 1'000, 0}};
  window.sent(100);
  CHECK_FALSE(window.credited(2, 100));
  CHECK_FALSE(window.credited(1, 101));
  CHECK(window.bytes() == 100);
  CHECK(window.credited(1, 100));
  CHECK(window.credited(0, 0)); // An old one takes nothing back.
  CHECK(window.bytes() == 0);
}

TEST_CASE(
    "credit is due for each quarter of the window, and when it is quiet") {
  receive_window window{100, 1'000};
  for (int i = 0; i < 24; ++i)
    window.took(1);
  CHECK_FALSE(window.due(false));
  window.took(1);
  auto due = window.due(false);
  REQUIRE(due);
  CHECK(due->mails == 25);
  CHECK(due->bytes == 25);
  CHECK_FALSE(window.due(true));
  window.took(250);
  REQUIRE(window.due(false));
  window.took(1);
  CHECK_FALSE(window.due(false));
  due = window.due(true);
  REQUIRE(due);
  CHECK(due->mails == 27);
  CHECK(due->bytes == 276);
}

// -- liveness -----------------------------------------------------------------

TEST_CASE("a silent peer is probed, and dead if it stays silent") {
  using next = liveness::next;
  liveness peer{500, 1'500, 0};
  std::vector<std::int64_t> probes;
  std::int64_t dead = 0;
  for (std::int64_t now = 50; dead == 0 && now < 5'000; now += 50) {
    auto what = peer.look(now);
    if (what == next::probe)
      probes.push_back(now);
    if (what == next::dead)
      dead = now;
  }
  CHECK(probes == std::vector<std::int64_t>{500, 1'000});
  CHECK(dead == 1'500);
}

TEST_CASE("a peer that is heard of is neither probed nor dead") {
  liveness peer{500, 1'500, 0};
  for (std::int64_t now = 50; now < 10'000; now += 50) {
    if (now % 400 == 0)
      peer.heard(now);
    CHECK(peer.look(now) == liveness::next::nothing);
  }
}

TEST_CASE("time in which this process stood still is not the peer's silence") {
  liveness peer{500, 1'500, 0};
  CHECK(peer.look(50) == liveness::next::nothing);
  // Stopped for a minute; what the peer said meanwhile is not read yet.
  CHECK(peer.look(60'050) != liveness::next::dead);
  peer.heard(60'060);
  CHECK(peer.look(60'100) == liveness::next::nothing);
  // It has all its time again, not more.
  liveness other{500, 1'500, 0};
  other.look(50);
  std::int64_t now = 60'050;
  while (now < 70'000 && other.look(now) != liveness::next::dead)
    now += 50;
  CHECK(now >= 60'050 + 1'400);
  CHECK(now <= 60'050 + 1'500);
}

// -- asks ---------------------------------------------------------------------

TEST_CASE("asks leave the table when they are answered or too late") {
  ask_table table;
  auto at = [](int ms) {
    return ask_table::time_point{} + 1h + std::chrono::milliseconds{ms};
  };
  table.add({{"a"}, {"x"}, 1}, at(10));
  table.add({{"a"}, {"y"}, 2}, at(20));
  table.add({{"b"}, {"x"}, 1}, at(30));
  table.add({{"b"}, {"x"}, 2}, {});
  CHECK(table.size() == 4);
  CHECK(table.answered({"a"}, 2));
  CHECK_FALSE(table.answered({"a"}, 2));
  CHECK_FALSE(table.answered({"c"}, 1));
  table.expire(at(10));
  CHECK(table.size() == 2);
  CHECK_FALSE(table.answered({"a"}, 1));
  table.expire(at(1'000'000));
  auto left = table.take_all();
  REQUIRE(left.size() == 1);
  CHECK(left[0].from.value == "b");
  CHECK(left[0].to.value == "x");
  CHECK(left[0].correlation == 2);
  CHECK(table.size() == 0);
}

TEST_CASE("an ask that goes twice is open once, until its later deadline") {
  ask_table table;
  ask_table::time_point start{1h};
  table.add({{"a"}, {"x"}, 1}, start + 1ms);
  table.add({{"a"}, {"y"}, 1}, start + 5ms);
  CHECK(table.size() == 1);
  table.expire(start + 2ms);
  CHECK(table.size() == 1);
  table.expire(start + 5ms);
  CHECK(table.size() == 0);
}
