// Whoever connects to a hub and is no peer: refused, counted, and forgotten.

#include "tests/kit/seed.hpp"
#include "tests/link/bad_bytes.hpp"
#include "tests/link/link_node.hpp"
#include "tests/link/raw_peer.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <list>
#include <random>
#include <string>
#include <unistd.h>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

using options = link_node::options;

struct with_strangers {
  explicit with_strangers(options how = {}) : one("n1"), two("n2", how) {
    link_up({&one, &two});
  }
  ~with_strangers() {
    // Nobody was disturbed.
    CHECK(one.linked(two.id));
    CHECK(two.counted("shannon_link_downs_total") == 0);
  }
  raw_peer stranger() const {
    return raw_peer{two.hub->address()};
  }
  double refused(const std::string& why) const {
    return two.counted("shannon_link_connections_refused_total{reason=\"" + why
                       + "\"}");
  }
  bool refuses(const std::string& why, double times = 1) const {
    return becomes([&] { return refused(why) == times; });
  }

  link_node one;
  link_node two;
};

} // namespace

TEST_CASE("bytes of another protocol are refused at once") {
  with_strangers world;
  double count = 0;
  for (const char* bytes :
       {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "\x16\x03\x01\x02",
        "SSH-2.0-OpenSSH_9.2\r\n", "\xff\xff\xff\xff", "\x7f\xff\xff\xff"}) {
    auto other = world.stranger();
    REQUIRE(other.send(bytes));
    CHECK(other.closed());
    CHECK(world.refuses("garbage", ++count));
  }
}

TEST_CASE("whatever a stranger sends, it is refused and costs nothing") {
  options how;
  how.link.handshake_timeout = 200ms;
  with_strangers world{how};
  auto seed = seed_of_test();
  INFO(repeat_with(seed));
  std::mt19937 random{seed};
  double refused = 0;
  for (int round = 0; round < 300; ++round) {
    auto other = world.stranger();
    auto hello = link::frame_of(other.hello("n1#1"));
    auto bytes = bad_bytes(random, hello);
    // One that would be taken for n1's own replaces its link, rightly.
    link::Frame whole;
    if (bytes.size() >= hello.size()
        && whole.ParseFromArray(bytes.data() + 4,
                                static_cast<int>(hello.size()) - 4)
        && whole.hello().process() == "n1#1")
      continue;
    other.send(bytes);
    other.hang_up();
    ++refused;
  }
  CHECK(becomes([&] {
    double all = 0;
    for (const auto* why : {"garbage", "late", "wrong_cluster", "unknown_name",
                            "wrong_version", "older", "wrong_way"})
      all += world.refused(why);
    return all >= refused;
  }));
}

TEST_CASE("a stranger that says hello byte by byte is closed in time") {
  options how;
  how.link.handshake_timeout = 300ms;
  with_strangers world{how};
  auto other = world.stranger();
  auto bytes = link::frame_of(other.hello("n1#1"));
  auto began = std::chrono::steady_clock::now();
  std::size_t said = 0;
  while (said + 1 < bytes.size() && other.send({bytes.data() + said, 1})
         && !other.closed(20ms))
    ++said;
  auto took = std::chrono::steady_clock::now() - began;
  CHECK(said + 1 < bytes.size());
  CHECK(took > 250ms);
  CHECK(took < 3s);
  CHECK(world.refuses("late"));
}

TEST_CASE("a frame before the hello has a limit of its own") {
  with_strangers world;
  auto other = world.stranger();
  std::string bytes;
  link::append_length(bytes, link::hello_bytes_max + 1);
  REQUIRE(other.send(bytes));
  CHECK(other.closed());
  CHECK(world.refuses("garbage"));
}

TEST_CASE("mail before the hello is refused, and nobody gets it") {
  with_strangers world;
  auto box = world.two.stand("box");
  auto other = world.stranger();
  link::Frame mail;
  mail.mutable_mail()->set_to("box");
  mail.mutable_mail()->set_type("shannon.remote.ToolRun");
  REQUIRE(other.say(mail));
  REQUIRE(other.say(other.hello("n1#1")));
  CHECK(other.refusal().find("expected a hello") != std::string::npos);
  CHECK(other.closed());
  CHECK(world.refuses("garbage"));
  CHECK(box->size() == 0);
}

TEST_CASE("strangers have so many places and no more, and members find one "
          "when theirs are free") {
  options how;
  how.link.handshakes_max = 8;
  how.link.handshake_timeout = 500ms;
  with_strangers world{how};
  std::list<raw_peer> waiting;
  for (int i = 0; i < 8; ++i)
    waiting.push_back(world.stranger());
  for (int i = 0; i < 20; ++i)
    CHECK(world.stranger().closed());
  CHECK(world.refuses("busy", 20));
  for (auto& one : waiting)
    CHECK(one.closed());
  CHECK(world.refuses("late", 8));
  auto other = world.stranger();
  REQUIRE(other.say(other.hello("n0#1")));
  CHECK(other.refusal().find("is no member") != std::string::npos);
}

TEST_CASE("hellos that do not fit are told why, and refused") {
  with_strangers world;
  auto other = world.stranger();
  auto hello = other.hello("n1#1");
  std::string why;
  std::string text;
  SECTION("another cluster") {
    hello.mutable_hello()->set_cluster("prod");
    why = "wrong_cluster";
    text = "expected a node of cluster \"test\", found \"prod\"";
  }
  SECTION("a version of the future") {
    hello.mutable_hello()->set_version(9);
    hello.mutable_hello()->set_lowest(8);
    why = "wrong_version";
    text = "this build speaks versions 1 to 1";
  }
  SECTION("a name that is no member's") {
    hello.mutable_hello()->set_process("n0#1");
    why = "unknown_name";
    text = "\"n0#1\" is no member of this cluster";
  }
  SECTION("this node's own name") {
    hello.mutable_hello()->set_process("n2#1");
    why = "unknown_name";
    text = "is no member";
  }
  SECTION("an incarnation that is over") {
    hello.mutable_hello()->set_process("n1#0");
    why = "garbage";
    text = "expected NAME#INCARNATION";
  }
  REQUIRE(other.say(hello));
  CHECK(other.refusal().find(text) != std::string::npos);
  CHECK(other.closed());
  CHECK(world.refuses(why));
}

TEST_CASE("nobody is linked before a node knows who it is") {
  link_node alone{"n2"};
  raw_peer other{alone.hub->address()};
  REQUIRE(other.say(other.hello("n1#1")));
  CHECK(other.refusal() == "this node has not joined its cluster yet");
}

TEST_CASE("what a node may not listen on is refused before it starts") {
  kit::io_loop loop{"test"};
  metrics::registry registry;
  metrics::link_metrics counts{registry};
  kit::directory addresses;
  auto listen = [&](const std::string& where, bool insecure) {
    config::link_settings settings;
    settings.listen = where;
    auto got = link::link_hub::listen(loop, {"test",
                                             "n1",
                                             "127.0.0.1",
                                             "b",
                                             settings,
                                             {},
                                             insecure,
                                             addresses,
                                             counts});
    if (!got)
      return got.error().text;
    (*got)->stop();
    return std::string{};
  };
  CHECK(listen("127.0.0.1:0", false).empty());
  CHECK(listen("0.0.0.0:0", false).find("other hosts reach 0.0.0.0:0")
        != std::string::npos);
  CHECK(listen("0.0.0.0:0", true).empty());
  CHECK(listen("somewhere.test:0", true).find("must be an address")
        != std::string::npos);
  raw_door taken;
  CHECK(listen(taken.address(), false).find("cannot listen")
        != std::string::npos);
}
