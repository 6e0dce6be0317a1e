// Links to peers that die, freeze, come back or do not take what they get.

#include "tests/link/link_node.hpp"
#include "tests/link/raw_peer.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <optional>
#include <string>
#include <unistd.h>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

using options = link_node::options;

const node_id n1{"n1#1"};

/// `n2`, to which the test is `n1#1`.
struct with_raw_peer {
  explicit with_raw_peer(options how = {})
      : node("n2", how), answers(node.stand("asker")) {
    node.hub->set_peers(node.id, {{n1, ""}});
    link();
  }
  void link() {
    raw.emplace(node.hub->address());
    // The peers are told on the hub's thread, behind whoever dials.
    raw->greet("n1#1");
    REQUIRE(becomes([&] { return node.linked(n1); }));
  }
  bool ask(std::uint64_t number, const std::string& text = "x",
           std::chrono::milliseconds timeout = 30s) {
    return node.ask(n1, "echo", number, tool_run(text), timeout);
  }
  bool tell(const std::string& text) {
    envelope out;
    out.to = {"echo"};
    out.body = tool_run(text);
    return node.hub->send(n1, std::make_shared<const envelope>(out));
  }
  link::link_state state() const {
    return node.link_to("n1");
  }
  void credit(std::uint64_t mails, std::uint64_t bytes) {
    link::Frame out;
    out.mutable_credit()->set_mails(mails);
    out.mutable_credit()->set_bytes(bytes);
    REQUIRE(raw->say(out));
  }
  /// An ask of the raw peer to an actor of the node.
  void asks(const std::string& to, std::uint64_t number,
            const std::string& type = "shannon.remote.ToolRun") {
    link::Frame out;
    auto& mail = *out.mutable_mail();
    mail.set_to(to);
    mail.set_from("somebody");
    mail.set_correlation(number);
    mail.set_type(type);
    REQUIRE(raw->say(out));
  }

  link_node node;
  std::shared_ptr<inbox> answers;
  std::optional<raw_peer> raw;
};

[[maybe_unused]] std::size_t resident_bytes() {
  std::ifstream in{"/proc/self/statm"};
  std::size_t all = 0;
  std::size_t resident = 0;
  in >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

} // namespace

TEST_CASE("asks without an answer are refused at once when their peer dies") {
  with_raw_peer world;
  REQUIRE(world.ask(1));
  REQUIRE(world.ask(2));
  REQUIRE(world.raw->mail());
  REQUIRE(world.raw->mail());
  CHECK(world.state().asks_open == 2);
  auto began = std::chrono::steady_clock::now();
  world.raw->hang_up();
  auto got = world.answers->wait(2);
  REQUIRE(got.size() == 2);
  CHECK(std::chrono::steady_clock::now() - began < 1s);
  for (const auto& one : got) {
    CHECK(one->is_reply);
    CHECK(one->status.code == errc::unavailable);
    CHECK(one->status.retryable);
    CHECK(one->status.text.find("may have been carried out")
          != std::string::npos);
  }
  CHECK(got[0]->correlation + got[1]->correlation == 3);
  CHECK(!world.node.linked(n1));
  CHECK(!world.ask(3));
  CHECK(world.node.counted("shannon_link_asks_lost_total") == 2);
  CHECK(world.node.counted("shannon_link_up") == 0);
}

TEST_CASE("a peer that is frozen costs no more than the window, and is down "
          "when it has been silent for too long") {
  options how;
  how.link.window_mails = 1'000'000;
  how.link.window_bytes = 4u << 20;
  how.link.dead_after = 1'500ms; // As it is by default.
  with_raw_peer world{how};
  REQUIRE(world.ask(1));
  [[maybe_unused]] auto before = resident_bytes();
  auto began = std::chrono::steady_clock::now();
  std::string text(10'000, 'x');
  std::uint64_t most = 0;
  std::uint64_t tried = 0;
  while (world.tell(text)) // Until it is down.
    if (++tried % 100 == 0)
      most = std::max(most, world.state().bytes_in_flight);
  INFO(tried << " tried");
  CHECK(most > 1u << 20);
  CHECK(most < (4u << 20) + 11'000);
  CHECK(
      world.node.counted("shannon_link_mails_dropped_total{reason=\"window\"}")
      > static_cast<double>(tried) / 2);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  // They have memory of their own.
  CHECK(tried * text.size() > 100'000'000); // On the busiest machine.
  CHECK(resident_bytes() < before + (32u << 20));
#endif
  // Its ask is refused when it is down: neither before nor much later.
  auto got = world.answers->wait(1);
  auto took = std::chrono::steady_clock::now() - began;
  REQUIRE(got.size() == 1);
  CHECK(got[0]->status.code == errc::unavailable);
  CHECK(got[0]->status.text.find("silent for 1500 ms") != std::string::npos);
  CHECK(took > 1'400ms);
  CHECK(took < 5s);
  CHECK(!world.node.linked(n1));
}

TEST_CASE("at the window's end an ask is refused, a tell is dropped, and both "
          "go on with credit") {
  options how;
  how.link.window_mails = 16;
  with_raw_peer world{how};
  for (std::uint64_t i = 1; i <= 16; ++i) {
    CHECK(world.node.hub->room(n1) == 17 - i);
    REQUIRE(world.ask(i));
  }
  CHECK(world.node.hub->room(n1) == 0);
  CHECK(world.node.hub->room(node_id{"n3#1"}) == 0);
  CHECK(world.answers->size() == 0);
  REQUIRE(world.ask(17));
  auto got = world.answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->correlation == 17);
  CHECK(got[0]->status.code == errc::overloaded);
  CHECK(got[0]->status.retryable);
  REQUIRE(world.tell("dropped"));
  CHECK(
      world.node.counted("shannon_link_mails_dropped_total{reason=\"window\"}")
      == 1);
  CHECK(world.state().refused == 2);
  CHECK(world.state().asks_open == 16);
  std::uint64_t bytes = 0;
  for (int i = 0; i < 16; ++i) {
    auto mail = world.raw->mail();
    REQUIRE(mail);
    link::Frame frame;
    *frame.mutable_mail() = *mail;
    bytes += link::frame_of(frame).size();
  }
  CHECK(bytes == world.state().bytes_in_flight);
  world.credit(16, bytes);
  REQUIRE(becomes([&] { return world.state().mails_in_flight == 0; }));
  REQUIRE(world.ask(18));
  auto mail = world.raw->mail();
  REQUIRE(mail);
  CHECK(mail->correlation() == 18);
}

TEST_CASE("answers pass a window that is full, and become refusals at the end "
          "of the reserve") {
  options how;
  how.link.window_mails = 16;
  how.link.window_bytes = 4'096;
  how.link.reserve_bytes = 4'096;
  with_raw_peer world{how};
  for (std::uint64_t i = 1; i <= 17; ++i)
    REQUIRE(world.ask(i));
  REQUIRE(world.answers->wait(1).size() == 1); // The window is full.
  auto& node = world.node;
  node.stand("large", [&](const envelope_ptr& mail) {
    node.answer(*mail, tool_run(std::string(1'000, 'x')));
  });
  int carried = 0;
  int refused = 0;
  for (std::uint64_t i = 1; i <= 12; ++i) {
    world.asks("large", i);
    auto mail = world.raw->mail();
    while (mail && !mail->is_reply()) // Asks of before.
      mail = world.raw->mail();
    REQUIRE(mail);
    CHECK(mail->correlation() == i);
    if (mail->has_status()) {
      CHECK(mail->status().code() == "unavailable");
      ++refused;
    } else {
      ++carried;
    }
  }
  CHECK(carried > 3);
  CHECK(refused > 3);
  CHECK(world.state().bytes_in_flight < 3 * 4'096);
}

TEST_CASE("what ends work passes a window and a table of asks that are full") {
  options how;
  how.link.window_mails = 16;
  how.link.asks_max = 16;
  with_raw_peer world{how};
  for (std::uint64_t i = 1; i <= 17; ++i)
    REQUIRE(world.ask(i));
  REQUIRE(world.answers->wait(1).size() == 1); // Both are full.
  envelope cancel;
  cancel.to = {"echo"};
  cancel.from = {"asker"};
  cancel.urgency = priority::control;
  cancel.body = remote::CancelEffect{};
  REQUIRE(world.node.hub->send(n1, std::make_shared<const envelope>(cancel)));
  cancel.correlation = 18;
  cancel.deadline = std::chrono::steady_clock::now() + 30s;
  REQUIRE(world.node.hub->send(n1, std::make_shared<const envelope>(cancel)));
  for (int i = 0; i < 16; ++i)
    REQUIRE(world.raw->mail());
  for (std::uint64_t number : {0, 18}) {
    auto mail = world.raw->mail();
    REQUIRE(mail);
    CHECK(mail->type() == "shannon.remote.CancelEffect");
    CHECK(mail->correlation() == number);
    CHECK(mail->priority() == link::CONTROL);
  }
  CHECK(world.answers->size() == 1); // Nothing more was refused.
}

TEST_CASE("asks that nobody waits for any more leave the table") {
  with_raw_peer world;
  REQUIRE(world.ask(1, "x", 100ms));
  CHECK(world.state().asks_open == 1);
  CHECK(becomes([&] { return world.state().asks_open == 0; }));
  CHECK(world.answers->size() == 0); // Who asked knows it by itself.
}

TEST_CASE("asks without an answer have a limit") {
  options how;
  how.link.asks_max = 16;
  with_raw_peer world{how};
  for (std::uint64_t i = 1; i <= 17; ++i)
    REQUIRE(world.ask(i));
  auto got = world.answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->correlation == 17);
  CHECK(got[0]->status.code == errc::overloaded);
  CHECK(got[0]->status.text.find("link.asks_max") != std::string::npos);
}

TEST_CASE("a body that nobody here knows is refused, and the link goes on") {
  with_raw_peer world;
  world.node.stand_echo("echo");
  world.asks("echo", 1, "shannon.remote.FromTheFuture");
  auto got = world.raw->mail();
  REQUIRE(got);
  CHECK(got->is_reply());
  CHECK(got->correlation() == 1);
  CHECK(got->to() == "somebody");
  CHECK(got->status().code() == "invalid_argument");
  CHECK(!got->status().retryable());
  world.asks("echo", 0, "shannon.remote.FromTheFuture"); // A tell.
  CHECK(becomes([&] {
    return world.node.counted("shannon_link_mails_dropped_total{reason="
                              "\"body\"}")
           == 1;
  }));
  world.asks("echo", 2);
  got = world.raw->mail();
  REQUIRE(got);
  CHECK(got->correlation() == 2);
  CHECK(!got->has_status());
}

TEST_CASE("a kind of frame that nobody here knows is passed over") {
  with_raw_peer world;
  world.node.stand_echo("echo");
  std::string frame;
  link::append_length(frame, 5);
  REQUIRE(world.raw->send(frame + "\x7a\x03new")); // Field 15.
  world.asks("echo", 1);
  CHECK(world.raw->mail());
  CHECK(world.node.linked(n1));
}

TEST_CASE("a linked peer that breaks the rules is left, with a word") {
  with_raw_peer world;
  link::Frame bad;
  std::string expected;
  SECTION("credit that was not owed") {
    bad.mutable_credit()->set_mails(1'000);
    expected = "credit came for more than was sent";
  }
  SECTION("a second hello") {
    bad = world.raw->hello("n1#1");
    expected = "a second hello came";
  }
  REQUIRE(world.raw->say(bad));
  CHECK(world.raw->refusal() == expected);
  CHECK(world.raw->closed());
  CHECK(becomes([&] { return !world.node.linked(n1); }));
}

TEST_CASE("bytes that are no frame end the link") {
  with_raw_peer world;
  std::string frame;
  link::append_length(frame, 4);
  REQUIRE(world.raw->send(frame + "\xff\xff\xff\xff"));
  CHECK(world.raw->refusal() == "what came is no frame");
  CHECK(becomes([&] { return !world.node.linked(n1); }));
}

TEST_CASE("a frame above the limit ends the link before it has come") {
  with_raw_peer world;
  std::string frame;
  link::append_length(frame, 1u << 31);
  REQUIRE(world.raw->send(frame));
  CHECK(world.raw->closed());
  CHECK(becomes([&] { return !world.node.linked(n1); }));
  CHECK(world.state().last_error.find("2147483648 bytes") != std::string::npos);
}

TEST_CASE("a process that dials again replaces its connection: what was asked "
          "over the old one is refused, the new one carries on") {
  with_raw_peer world;
  REQUIRE(world.ask(1));
  auto old = std::move(*world.raw);
  world.link();
  auto got = world.answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->status.code == errc::unavailable);
  CHECK(old.closed());
  REQUIRE(becomes([&] { return world.node.linked(n1); }));
  REQUIRE(world.ask(2));
  auto mail = world.raw->mail();
  REQUIRE(mail);
  CHECK(mail->correlation() == 2);
  CHECK(world.node.counted("shannon_link_up") == 1);
}

TEST_CASE("a newer process takes the place of an older one, which is refused "
          "from then on") {
  with_raw_peer world;
  REQUIRE(world.ask(1));
  raw_peer newer{world.node.hub->address()};
  newer.greet("n1#2"); // Before the cluster has told of it.
  CHECK(becomes([&] { return world.node.linked(node_id{"n1#2"}); }));
  CHECK(world.answers->wait(1).size() == 1);
  CHECK(world.raw->closed());
  raw_peer older{world.node.hub->address()};
  REQUIRE(older.say(older.hello("n1#1")));
  CHECK(older.refusal().find("older process") != std::string::npos);
  CHECK(older.closed());
  // What the cluster tells may be older than a hello.
  world.node.hub->set_peers(world.node.id, {{n1, ""}});
  envelope out;
  out.to = {"echo"};
  out.body = tool_run("x");
  REQUIRE(world.node.hub->send(node_id{"n1#2"},
                               std::make_shared<const envelope>(out)));
  CHECK(newer.mail());
}

TEST_CASE("a node that comes back as a new process is linked again, and mail "
          "for the old one has no link") {
  link_node one{"n1"};
  std::optional<link_node> two;
  two.emplace("n2");
  link_up({&one, &*two});
  auto before = two->id;
  two.reset();
  CHECK(becomes([&] { return !one.linked(before); }));
  options next;
  next.incarnation = 2;
  two.emplace("n2", next);
  link_up({&one, &*two});
  auto answers = one.stand("asker");
  two->stand_echo("echo");
  CHECK(!one.ask(before, "echo", 1, tool_run("x")));
  REQUIRE(one.ask(two->id, "echo", 2, tool_run("x")));
  CHECK(answers->wait(1).at(0)->status.code == errc::ok);
}

TEST_CASE("who is no member any more is told, and its links end") {
  link_node one{"n1"};
  link_node two{"n2"};
  link_up({&one, &two});
  two.know({});
  CHECK(becomes([&] { return !one.linked(two.id); }));
  CHECK(two.hub->states().links.empty());
  CHECK(one.link_to("n2").last_error.find("no member") != std::string::npos);
}

TEST_CASE("each change of a link is told") {
  std::mutex mutex;
  std::vector<link::link_event> seen;
  with_raw_peer world;
  world.node.hub->watch([&](const link::link_event& what) {
    std::lock_guard guard{mutex};
    seen.push_back(what);
  });
  auto count = [&] {
    std::lock_guard guard{mutex};
    return seen.size();
  };
  world.raw->hang_up();
  REQUIRE(becomes([&] { return count() == 1; }));
  world.link();
  REQUIRE(becomes([&] { return count() == 2; }));
  CHECK(!seen[0].up);
  CHECK(seen[0].process == n1);
  CHECK(seen[0].why == "the peer has closed the connection");
  CHECK(seen[1].up);
  world.node.hub->stop();
}

TEST_CASE("a peer that is not there is dialled until it is") {
  std::string address;
  {
    raw_door door;
    address = door.address();
  }
  link_node one{"n1"};
  one.hub->set_peers(one.id, {{node_id{"n2#1"}, address}});
  REQUIRE(becomes([&] { return !one.link_to("n2").last_error.empty(); }));
  options at;
  at.link.listen = address;
  link_node two{"n2", at};
  two.know({&one});
  CHECK(becomes([&] { return one.linked(two.id); }));
}

TEST_CASE(
    "a peer that takes a connection and says nothing is left, and dialled "
    "again") {
  raw_door door;
  options how;
  how.link.handshake_timeout = 150ms;
  link_node one{"n1", how};
  one.hub->set_peers(one.id, {{node_id{"n2#1"}, door.address()}});
  for (int i = 0; i < 2; ++i) {
    auto silent = door.accept();
    auto hello = silent.hear();
    REQUIRE(hello);
    CHECK(hello->hello().process() == "n1#1");
    CHECK(silent.closed());
  }
  CHECK(one.link_to("n2").last_error == "no hello within 150 ms");
}

TEST_CASE("who answers under another name than was dialled is refused") {
  raw_door door;
  link_node one{"n1"};
  one.hub->set_peers(
      one.id, {{node_id{"n2#1"}, door.address()}, {node_id{"n3#1"}, ""}});
  auto other = door.accept();
  REQUIRE(other.hear());
  REQUIRE(other.say(other.hello("n3#1")));
  CHECK(other.refusal().find("dialled \"n2\"") != std::string::npos);
}
