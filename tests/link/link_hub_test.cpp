// Hubs over sockets of the loopback: what crosses, and in which order.

#include "actors/link/links.hpp"
#include "protocols/remote/workflow.pb.h"
#include "tests/link/certificate_dir.hpp"
#include "tests/link/link_node.hpp"

#include <caf/scoped_actor.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <string>
#include <thread>
#include <vector>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

using options = link_node::options;

options windowed(std::uint32_t mails, std::uint64_t bytes = 8u << 20) {
  options out;
  out.link.window_mails = mails;
  out.link.window_bytes = bytes;
  return out;
}

} // namespace

TEST_CASE("an ask crosses and its answer comes back") {
  link_node one{"n1"};
  link_node two{"n2"};
  link_up({&one, &two});
  auto answers = one.stand("asker");
  two.stand_echo("echo");
  REQUIRE(one.ask(two.id, "echo", 5, tool_run("hello")));
  auto got = answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->is_reply);
  CHECK(got[0]->correlation == 5);
  CHECK(got[0]->from.value == "echo@n2#1");
  CHECK(got[0]->to.value == "asker");
  CHECK(text_of(*got[0]) == "hello");
}

TEST_CASE("three nodes are linked each with each, and whoever was dialled may "
          "ask as well") {
  link_node one{"n1"};
  link_node two{"n2"};
  link_node three{"n3"};
  link_up({&one, &two, &three});
  for (auto* node : {&one, &two, &three}) {
    node->stand_echo("echo");
    auto answers = node->stand("asker");
    for (auto* other : {&one, &two, &three})
      if (other != node)
        REQUIRE(node->ask(other->id, "echo", 1, tool_run(other->id.value)));
  }
  for (const auto* node : {&one, &two, &three})
    CHECK(node->hub->states().links.size() == 2);
}

TEST_CASE("the lesser name dials, whoever learns of the other first") {
  link_node one{"n1"};
  link_node two{"n2"};
  two.know({&one});
  std::this_thread::sleep_for(100ms);
  CHECK(!two.linked(one.id));
  one.know({&two});
  CHECK(becomes([&] { return two.linked(one.id) && one.linked(two.id); }));
}

TEST_CASE("there is no link to who is not known, and the caller is told") {
  link_node one{"n1"};
  link_node two{"n2"};
  link_up({&one, &two});
  auto answers = one.stand("asker");
  CHECK(!one.ask(node_id{"n3#1"}, "echo", 1, tool_run("x")));
  CHECK(!one.ask(node_id{"n2#2"}, "echo", 1, tool_run("x")));
  CHECK(answers->size() == 0);
}

TEST_CASE("an ask for an address where nobody stands is refused back") {
  link_node one{"n1"};
  link_node two{"n2"};
  link_up({&one, &two});
  auto answers = one.stand("asker");
  REQUIRE(one.ask(two.id, "nowhere", 7, tool_run("x")));
  auto got = answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->status.code == errc::unavailable);
  CHECK(got[0]->status.text == "nobody stands at nowhere");
  CHECK(got[0]->correlation == 7);
  CHECK(becomes([&] { return one.link_to("n2").asks_open == 0; }));
}

TEST_CASE(
    "a plain struct does not cross: an ask is refused and a tell counted") {
  struct plain {};
  link_node one{"n1"};
  link_node two{"n2"};
  link_up({&one, &two});
  auto answers = one.stand("asker");
  auto came = two.stand("box");
  REQUIRE(one.ask(two.id, "box", 1, plain{}));
  auto got = answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->status.code == errc::invalid_argument);
  CHECK(!got[0]->status.retryable);
  CHECK(got[0]->status.text.find("cannot cross nodes") != std::string::npos);
  REQUIRE(one.tell(two, "box", plain{}));
  CHECK(one.counted("shannon_link_mails_dropped_total{reason=\"body\"}") == 1);
  REQUIRE(one.tell(two, "box", tool_run("after")));
  CHECK(text_of(*came->wait(1).at(0)) == "after");
}

TEST_CASE("an answer that cannot cross becomes a refusal, so that who asked "
          "need not wait") {
  struct plain {};
  link_node one{"n1"};
  link_node two{"n2"};
  link_up({&one, &two});
  auto answers = one.stand("asker");
  two.stand("echo",
            [&](const envelope_ptr& mail) { two.answer(*mail, plain{}); });
  REQUIRE(one.ask(two.id, "echo", 1, tool_run("x")));
  auto got = answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->status.code == errc::invalid_argument);
}

TEST_CASE("mail above the limit is refused and does not harm the link") {
  options small;
  small.link.mail_bytes_max = 10'000;
  link_node one{"n1"};
  link_node two{"n2", small}; // The receiver's limit counts.
  link_up({&one, &two});
  auto answers = one.stand("asker");
  two.stand_echo("echo");
  REQUIRE(one.ask(two.id, "echo", 1, tool_run(std::string(20'000, 'x'))));
  auto got = answers->wait(1);
  REQUIRE(got.size() == 1);
  CHECK(got[0]->status.code == errc::invalid_argument);
  CHECK(got[0]->status.text.find("link.mail_bytes_max") != std::string::npos);
  REQUIRE(one.ask(two.id, "echo", 2, tool_run(std::string(5'000, 'x'))));
  CHECK(answers->wait(2).at(1)->status.code == errc::ok);
  CHECK(two.linked(one.id));
}

TEST_CASE("mail larger than the window crosses all the same") {
  link_node one{"n1", windowed(100, 64 * 1024)};
  link_node two{"n2", windowed(100, 64 * 1024)};
  link_up({&one, &two});
  auto answers = one.stand("asker");
  two.stand_echo("echo");
  std::string large(20u << 20, 'x');
  for (std::uint64_t i = 1; i <= 3; ++i) {
    REQUIRE(one.ask(two.id, "echo", i, tool_run(large)));
    auto got = answers->wait(i);
    REQUIRE(got.size() == i);
    CHECK(got.back()->status.code == errc::ok);
    bool same = text_of(*got.back()) == large; // Not to be shown.
    CHECK(same);
    REQUIRE(becomes([&] { return one.link_to("n2").bytes_in_flight == 0; }));
  }
}

TEST_CASE("100,000 envelopes through a small window come all, once, and in the "
          "order of each sender") {
  constexpr int senders = 4;
  constexpr int each = 25'000;
  constexpr int outstanding = 8; // Of one sender: half of the window in all.
  auto plain = GENERATE(false, true);
  certificate_dir certs;
  auto how = [&](const std::string& name) {
    auto out = windowed(64);
    if (!plain) {
      auto files = certs.issue(name);
      out.tls = {certs.ca(), files.cert, files.key};
    }
    return out;
  };
  link_node one{"n1", how("n1")};
  link_node two{"n2", how("n2")};
  link_up({&one, &two});
  std::map<std::string, std::vector<int>> came; // By the echo's actor alone.
  two.stand("echo", [&](const envelope_ptr& mail) {
    came[mail->from.value].push_back(std::stoi(text_of(*mail)));
    two.answer(*mail, mail->body);
  });
  std::atomic<int> refused{0};
  std::vector<std::atomic<int>> answered(senders);
  for (int s = 0; s < senders; ++s)
    one.stand("sender/" + std::to_string(s), [&, s](const envelope_ptr& mail) {
      if (mail->status.code != errc::ok)
        ++refused;
      ++answered[static_cast<std::size_t>(s)];
    });
  std::vector<std::thread> threads;
  for (int s = 0; s < senders; ++s)
    threads.emplace_back([&, s] {
      auto& back = answered[static_cast<std::size_t>(s)];
      for (int i = 0; i < each; ++i) {
        while (i - back >= outstanding)
          std::this_thread::yield();
        envelope out;
        out.to = {"echo"};
        out.from = {"sender/" + std::to_string(s)};
        out.correlation = static_cast<std::uint64_t>(i + 1);
        out.body = tool_run(std::to_string(i));
        one.hub->send(two.id, std::make_shared<const envelope>(std::move(out)));
      }
    });
  for (auto& thread : threads)
    thread.join();
  for (auto& back : answered)
    CHECK(becomes([&] { return back == each; }));
  CHECK(refused == 0);
  CHECK(came.size() == senders);
  for (const auto& [sender, numbers] : came) {
    INFO(sender);
    REQUIRE(numbers.size() == each);
    bool in_order = true;
    for (int i = 0; i < each; ++i)
      in_order = in_order && numbers[static_cast<std::size_t>(i)] == i;
    CHECK(in_order);
  }
  auto state = one.link_to("n2");
  CHECK(state.asks_open == 0);
  CHECK(state.refused == 0);
}

TEST_CASE("LINKS takes the peers and tells how each link is") {
  link_node one{"n1"};
  link_node two{"n2"};
  caf::actor_system_config config;
  caf::actor_system system{config};
  caf::scoped_actor parent{system};
  kit::actor_env env{one.addresses};
  auto links = link::spawn_links(*parent.ptr(), {env, one.hub});
  auto answers = one.stand("asker");
  auto say = [&](message_body body, std::uint64_t number) {
    envelope out;
    out.to = {"links"};
    out.from = {"asker"};
    out.correlation = number;
    out.body = std::move(body);
    REQUIRE(one.addresses.deliver(
        std::make_shared<const envelope>(std::move(out))));
  };
  say(cluster::peers_changed{one.id, {one.as_peer(), two.as_peer()}}, 0);
  two.know({&one});
  REQUIRE(becomes([&] { return one.linked(two.id); }));
  say(link::get_links{}, 1);
  auto got = answers->wait(1);
  REQUIRE(got.size() == 1);
  const auto* states = got[0]->body.get_if<link::link_states>();
  REQUIRE(states);
  CHECK(states->self == one.id);
  CHECK(states->listens == one.hub->address());
  REQUIRE(states->links.size() == 1);
  CHECK(states->links[0].process == two.id);
  CHECK(states->links[0].up);
  caf::anon_send_exit(links, caf::exit_reason::user_shutdown);
  parent->wait_for(links);
}
