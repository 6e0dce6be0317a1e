// Links with TLS: who gets one, and who does not.

#include "tests/link/certificate_dir.hpp"
#include "tests/link/link_node.hpp"
#include "tests/link/raw_peer.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

using namespace shannon;
using namespace shannon::test;
using namespace std::chrono_literals;

namespace {

using options = link_node::options;

options certified(const certificate_dir& dir, const std::string& name,
                  const std::string& ca = {}) {
  auto files = dir.issue(name);
  options out;
  out.tls = {ca.empty() ? dir.ca() : ca, files.cert, files.key};
  return out;
}

std::shared_ptr<const link::tls_context> context(const certificate_dir& trusts,
                                                 const certificate_dir& of,
                                                 const std::string& name) {
  auto files = of.issue(name);
  auto made = link::tls_context::load(trusts.ca(), files.cert, files.key);
  REQUIRE(made);
  return *made;
}

double refused(const link_node& node, const std::string& why) {
  return node.counted("shannon_link_connections_refused_total{reason=\"" + why
                      + "\"}");
}

/// OpenSSL's own client: says something and shows what it saw.
std::string s_client(const std::string& address, const std::string& arguments) {
  auto command = "echo hello | timeout 10 openssl s_client -ign_eof -connect "
                 + address + " " + arguments + " 2>&1";
  std::unique_ptr<FILE, int (*)(FILE*)> pipe{::popen(command.c_str(), "r"),
                                             ::pclose};
  REQUIRE(pipe);
  std::string out;
  std::array<char, 4'096> buffer{};
  while (auto n = std::fread(buffer.data(), 1, buffer.size(), pipe.get()))
    out.append(buffer.data(), n);
  return out;
}

/// `n2`, which knows `n1#1`.
struct with_tls {
  explicit with_tls(options how = {}) : node("n2", with_files(how)) {
    node.hub->set_peers(node.id, {{node_id{"n1#1"}, ""}});
  }
  options with_files(options how) const {
    how.tls = certified(dir, "n2").tls;
    return how;
  }
  bool refuses(const std::string& why, double times = 1) const {
    return becomes([&] { return refused(node, why) == times; });
  }

  certificate_dir dir;
  link_node node;
};

} // namespace

TEST_CASE("nodes with certificates of one CA are linked, encrypted") {
  certificate_dir dir;
  link_node one{"n1", certified(dir, "n1")};
  link_node two{"n2", certified(dir, "n2")};
  link_node three{"n3", certified(dir, "n3")};
  link_up({&one, &two, &three});
  CHECK(one.hub->states().tls);
  auto answers = one.stand("asker");
  two.stand_echo("echo");
  std::string large(3u << 20, 'x');
  REQUIRE(one.ask(two.id, "echo", 1, tool_run(large)));
  bool same = text_of(*answers->wait(1).at(0)) == large; // Not to be shown.
  CHECK(same);
}

TEST_CASE("a peer with the name's certificate is linked; with another node's "
          "it is not") {
  with_tls world;
  raw_peer good{world.node.hub->address(), context(world.dir, world.dir, "n1")};
  good.greet("n1#1");
  CHECK(becomes([&] { return world.node.linked(node_id{"n1#1"}); }));
  raw_peer bad{world.node.hub->address(), context(world.dir, world.dir, "n3")};
  REQUIRE(bad.shake());
  REQUIRE(bad.say(bad.hello("n1#2")));
  CHECK(bad.refusal() == "the certificate is for \"n3\", not for \"n1\"");
  CHECK(world.refuses("not_certified"));
  CHECK(world.node.linked(node_id{"n1#1"}));
}

TEST_CASE("a certificate of another CA is refused") {
  with_tls world;
  certificate_dir other;
  raw_peer bad{world.node.hub->address(), context(world.dir, other, "n1")};
  bool shaken = bad.shake(); // In TLS 1.3 the dialler is done first.
  if (shaken)
    bad.say(bad.hello("n1#1"));
  CHECK(bad.closed());
  CHECK(world.refuses("handshake"));
  CHECK(!world.node.linked(node_id{"n1#1"}));
}

TEST_CASE("a dialler refuses a peer that has another CA's certificate, or "
          "another node's name") {
  certificate_dir dir;
  certificate_dir other;
  link_node one{"n1", certified(dir, "n1")};
  link_node two{"n2", certified(other, "n2")};
  two.know({&one});
  one.know({&two});
  CHECK(becomes([&] { return refused(one, "handshake") > 1; }));
  CHECK(!one.linked(two.id));
  CHECK(!two.linked(one.id));
  CHECK(one.link_to("n2").last_error.find("certificate is refused")
        != std::string::npos);
}

TEST_CASE("no certificate, no link") {
  with_tls world;
  auto said = s_client(world.node.hub->address(), "-tls1_3");
  CHECK(said.find("certificate required") != std::string::npos);
  CHECK(world.refuses("handshake"));
}

TEST_CASE("TLS 1.2 is refused") {
  with_tls world;
  auto files = world.dir.issue("n1");
  auto said = s_client(world.node.hub->address(),
                       "-tls1_2 -cert " + files.cert + " -key " + files.key);
  CHECK(said.find("alert protocol version") != std::string::npos);
  CHECK(world.refuses("handshake"));
}

TEST_CASE("TLS 1.3 with a certificate is taken from a program that is not "
          "ours") {
  with_tls world;
  auto files = world.dir.issue("n1");
  auto said = s_client(world.node.hub->address(),
                       "-tls1_3 -verify_return_error -CAfile " + world.dir.ca()
                           + " -cert " + files.cert + " -key " + files.key);
  CHECK(said.find("Verification: OK") != std::string::npos);
  // And what it says is no hello.
  CHECK(world.refuses("garbage"));
}

TEST_CASE("a plain hello to a port with TLS is refused, and TLS to a plain "
          "port") {
  with_tls world;
  raw_peer plain{world.node.hub->address()};
  REQUIRE(plain.say(plain.hello("n1#1")));
  CHECK(plain.closed());
  CHECK(world.refuses("handshake"));

  link_node bare{"n2"};
  bare.hub->set_peers(bare.id, {{node_id{"n1#1"}, ""}});
  link_node one{"n1", certified(world.dir, "n1")};
  one.know({&bare});
  CHECK(becomes([&] { return refused(bare, "garbage") > 1; }));
  CHECK(!one.linked(bare.id));
}

TEST_CASE("a stranger that stops in the middle of the handshake is closed in "
          "time") {
  options quick;
  quick.link.handshake_timeout = 200ms;
  with_tls world{quick};
  raw_peer silent{world.node.hub->address()};
  REQUIRE(silent.send("\x16\x03\x01\x02")); // A record begins.
  CHECK(silent.closed());
  CHECK(world.refuses("late"));
}

TEST_CASE("when its certificate ends stands among a node's metrics") {
  certificate_dir dir;
  link_node one{"n1", certified(dir, "n1")};
  auto now = std::chrono::duration<double>(
      std::chrono::system_clock::now().time_since_epoch());
  auto left = one.counted("shannon_link_certificate_end_timestamp_seconds")
              - now.count();
  constexpr double day = 86'400;
  CHECK(left > 364 * day);
  CHECK(left < 366 * day);
}

TEST_CASE("renewed certificates are used by new links, those that are there go "
          "on, and no message is lost") {
  certificate_dir dir;
  link_node one{"n1", certified(dir, "n1")};
  link_node two{"n2", certified(dir, "n2")};
  link_up({&one, &two});
  auto answers = one.stand("asker");
  two.stand_echo("echo");
  std::size_t asked = 0;
  auto ask_some = [&] {
    for (int i = 0; i < 100; ++i)
      REQUIRE(one.ask(two.id, "echo", ++asked, tool_run("?")));
  };
  // What it shows lasts so many days.
  auto shown_days = [](const link_node& node) {
    auto ends = node.counted("shannon_link_certificate_end_timestamp_seconds");
    auto now = std::chrono::duration<double>(
        std::chrono::system_clock::now().time_since_epoch());
    return static_cast<int>((ends - now.count()) / 86'400 + 0.5);
  };
  ask_some();
  auto old = dir.path() + "/old";
  std::filesystem::create_directory(old);
  for (const char* file : {"/n1.pem", "/n1.key"})
    std::filesystem::copy(dir.path() + file, old + file);
  dir.issue_anew("n1", 100);
  ask_some();
  dir.issue_anew("n2", 100);
  ask_some();
  // Somebody connects.
  raw_peer any{two.hub->address(), context(dir, dir, "n3")};
  REQUIRE(any.shake());
  CHECK(becomes([&] { return shown_days(two) == 100; }));
  ask_some();
  auto all = answers->wait(asked);
  CHECK(std::count_if(all.begin(), all.end(),
                      [](const auto& mail) { return text_of(*mail) == "?"; })
        == static_cast<std::ptrdiff_t>(asked));
  CHECK(one.counted("shannon_link_downs_total") == 0);

  SECTION("a process that comes anew is linked, with the new ones") {
    options again;
    again.incarnation = 2;
    again.tls = {dir.ca(), dir.path() + "/n2.pem", dir.path() + "/n2.key"};
    link_node newer{"n2", again};
    link_up({&one, &newer});
    CHECK(shown_days(one) == 100);
  }
  SECTION("a key that does not fit changes nothing") {
    std::filesystem::copy(old + "/n1.key", dir.path() + "/n2.key",
                          std::filesystem::copy_options::overwrite_existing);
    raw_peer other{two.hub->address(), context(dir, dir, "n4")};
    CHECK(other.shake());
    CHECK(shown_days(two) == 100);
    dir.issue_anew("n2", 50);
    raw_peer last{two.hub->address(), context(dir, dir, "n5")};
    REQUIRE(last.shake());
    CHECK(becomes([&] { return shown_days(two) == 50; }));
  }
  SECTION("nor does a certificate of another node") {
    for (const char* ending : {".pem", ".key"})
      std::filesystem::copy(dir.path() + "/n1" + ending,
                            dir.path() + "/n2" + ending,
                            std::filesystem::copy_options::overwrite_existing);
    raw_peer other{two.hub->address(), context(dir, dir, "n4")};
    CHECK(other.shake());
    other.hang_up();
    link_node third{"n6", certified(dir, "n6")};
    two.know({&one, &third});
    third.know({&two});
    CHECK(becomes([&] { return third.linked(two.id); }));
  }
}

TEST_CASE(
    "a CA that is replaced while nodes run lets in those of the new one") {
  certificate_dir dir;
  certificate_dir next;
  link_node two{"n2", certified(dir, "n2")};
  two.hub->set_peers(two.id, {{node_id{"n1#1"}, ""}});
  next.issue("n2");
  for (const char* file : {"/ca.pem", "/n2.pem", "/n2.key"})
    std::filesystem::copy(next.path() + file, dir.path() + file,
                          std::filesystem::copy_options::overwrite_existing);
  raw_peer good{two.hub->address(), context(next, next, "n1")};
  good.greet("n1#1");
  CHECK(becomes([&] { return two.linked(node_id{"n1#1"}); }));
}

TEST_CASE("a node does not start with a certificate of another name") {
  certificate_dir dir;
  auto files = dir.issue("n1");
  kit::io_loop loop{"test"};
  metrics::registry registry;
  metrics::link_metrics counts{registry};
  kit::directory addresses;
  config::link_settings settings;
  settings.listen = "127.0.0.1:0";
  auto got = link::link_hub::listen(loop, {"test",
                                           "n2",
                                           "127.0.0.1",
                                           "b",
                                           settings,
                                           {dir.ca(), files.cert, files.key},
                                           false,
                                           addresses,
                                           counts});
  REQUIRE(!got);
  CHECK(got.error().text.find("does not name node n2") != std::string::npos);
  CHECK(got.error().text.find("shannon certs issue n2") != std::string::npos);
}
