// Which daemon does what, on a clock of the test's.

#include "actors/gateway/daemons/hub.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

using namespace shannon;
using namespace shannon::gateway;
using namespace shannon::gateway::daemons;
using namespace std::chrono_literals;

namespace {

const owner ann{tenant_id{"t"}, user_id{"ann"}};
const owner bob{tenant_id{"t"}, user_id{"bob"}};

config::daemon_settings tight() {
  config::daemon_settings out;
  out.connections_per_user_max = 3;
  out.claim_lifetime = 60s;
  out.approval_lifetime = 300s;
  out.reply_wait = 600s;
  out.messages_max = 3;
  return out;
}

struct world {
  hub all{tight()};
  time_point now{1'000s};

  message to(const owner& whose, const std::string& id,
             const std::string& thread = {}) {
    message out;
    out.id = id;
    out.whose = whose;
    out.channel = "chat";
    out.thread = thread;
    out.text = "do it";
    return out;
  }
  outcome say(connection who, const std::string& type, const std::string& id,
              json_in payload = json_in::object()) {
    json_in text{{"type", type}, {"payload", std::move(payload)}};
    if (!id.empty())
      text["message_id"] = id;
    return all.heard(who, text.dump(), now);
  }
  bool claims(connection who, const std::string& id) {
    auto got = say(who, "claim", id);
    REQUIRE(got.says.size() == 1);
    CHECK(got.says[0].to == who);
    auto ack = json_in::parse(got.says[0].text);
    CHECK(ack["type"] == "claim_ack");
    CHECK(ack["message_id"] == id);
    return ack["payload"]["granted"];
  }
};

std::vector<connection> told(const outcome& what) {
  std::vector<connection> out;
  for (const auto& one : what.says)
    out.push_back(one.to);
  std::sort(out.begin(), out.end());
  return out;
}

using connections = std::vector<connection>;

} // namespace

TEST_CASE("a message goes to all daemons of its user and to nobody else's") {
  world it;
  CHECK(it.all.dispatch(it.to(ann, "m0"), it.now).error().code
        == errc::not_found);
  for (std::uint64_t who : {1, 2})
    REQUIRE(it.all.add(who, ann));
  REQUIRE(it.all.add(3, bob));
  auto sent = it.all.dispatch(it.to(ann, "m1"), it.now);
  REQUIRE(sent);
  CHECK(told(*sent) == connections{1, 2});
  auto text = json_in::parse(sent->says[0].text);
  CHECK(text["type"] == "message");
  CHECK(text["message_id"] == "m1");
  CHECK(text["payload"]["text"] == "do it");
  // Sent again it is the same message.
  CHECK(it.all.dispatch(it.to(ann, "m1"), it.now)->says.empty());
  // Who comes later is given what nobody has claimed.
  auto late = it.all.add(4, ann);
  REQUIRE(late);
  REQUIRE(late->says.size() == 2);
  CHECK(json_in::parse(late->says[0].text)
        == json_in::parse(R"({"type":"connected"})"));
  CHECK(it.all.count(ann) == 3);
  CHECK(it.all.add(5, ann).error().code == errc::overloaded);
}

TEST_CASE("the first daemon that claims a message has it") {
  world it;
  for (std::uint64_t who : {1, 2})
    REQUIRE(it.all.add(who, ann));
  REQUIRE(it.all.add(3, bob));
  REQUIRE(it.all.dispatch(it.to(ann, "m"), it.now));
  CHECK_FALSE(it.claims(3, "m")); // Another user's.
  CHECK_FALSE(it.claims(1, "unknown"));
  CHECK(it.claims(1, "m"));
  CHECK(it.claims(1, "m"));
  CHECK_FALSE(it.claims(2, "m"));
  // What another says of it is dropped.
  CHECK(it.say(2, "reply", "m", {{"text", "x"}}).words.empty());
  CHECK(it.say(2, "event", "m", {{"event_type", "X"}}).words.empty());
}

TEST_CASE("a claim ends unless there is progress") {
  world it;
  for (std::uint64_t who : {1, 2})
    REQUIRE(it.all.add(who, ann));
  REQUIRE(it.all.dispatch(it.to(ann, "m"), it.now));
  REQUIRE(it.claims(1, "m"));
  it.now += 59s;
  it.say(2, "progress", "m"); // Not by another.
  it.say(1, "progress", "m");
  it.now += 59s;
  CHECK(it.all.tick(it.now).says.empty());
  CHECK_FALSE(it.claims(2, "m"));
  it.now += 1s;
  CHECK(told(it.all.tick(it.now)) == connections{2});
  CHECK(it.claims(2, "m"));
  CHECK_FALSE(it.claims(1, "m"));
}

TEST_CASE("a daemon that leaves gives its claims back") {
  world it;
  for (std::uint64_t who : {1, 2})
    REQUIRE(it.all.add(who, ann));
  REQUIRE(it.all.dispatch(it.to(ann, "m"), it.now));
  REQUIRE(it.claims(1, "m"));
  CHECK(told(it.all.remove(1)) == connections{2});
  CHECK(it.claims(2, "m"));
  CHECK(it.all.remove(1).says.empty());
  // Without any daemon it waits for the next one.
  CHECK(it.all.remove(2).says.empty());
  CHECK(it.all.count(ann) == 0);
  CHECK(it.all.add(3, ann)->says.size() == 2);
}

TEST_CASE("a thread stays with the daemon that has it") {
  world it;
  for (std::uint64_t who : {1, 2})
    REQUIRE(it.all.add(who, ann));
  REQUIRE(it.all.add(3, bob));
  REQUIRE(it.all.dispatch(it.to(ann, "m1", "th"), it.now));
  REQUIRE(it.claims(2, "m1"));
  CHECK(told(*it.all.dispatch(it.to(ann, "m2", "th"), it.now))
        == connections{2});
  // Another user's thread of the same name is another one.
  CHECK(told(*it.all.dispatch(it.to(bob, "m3", "th"), it.now))
        == connections{3});
  it.all.remove(2);
  CHECK(told(*it.all.dispatch(it.to(ann, "m4", "th"), it.now))
        == connections{1});
}

TEST_CASE("a reply is for the message's run, once") {
  world it;
  REQUIRE(it.all.add(1, ann));
  REQUIRE(it.all.dispatch(it.to(ann, "m"), it.now));
  REQUIRE(it.claims(1, "m"));
  auto event = it.say(1, "event", "m",
                      {{"event_type", "TOOL_STARTED"},
                       {"message", "looks"},
                       {"data", {{"tool", "web"}}},
                       {"seq", 7}});
  REQUIRE(event.words.size() == 1);
  CHECK(event.words[0].signal.task() == "daemon:m");
  CHECK(event.words[0].signal.name().empty());
  CHECK(event.words[0].signal.signal_id() == "seq-7");
  CHECK(event.words[0].signal.told().type() == "TOOL_STARTED");
  CHECK(event.words[0].signal.told().payload_json() == R"({"tool":"web"})");
  auto reply = it.say(1, "reply", "m", {{"text", "42"}, {"channel", "chat"}});
  REQUIRE(reply.words.size() == 1);
  const auto& word = reply.words[0];
  CHECK(word.is_reply);
  CHECK_FALSE(word.is_strange);
  CHECK(word.signal.name() == "daemon-reply-v1");
  CHECK(json_in::parse(word.signal.payload())["text"] == "42");
  CHECK(it.say(1, "reply", "m", {{"text", "43"}}).words.empty());
  // While it is on its way nobody can have the message.
  it.now += 120s;
  CHECK(it.all.tick(it.now).says.empty());
  CHECK(it.all.waits_for("m"));
  auto done = it.all.settled(word, {});
  REQUIRE(done.says.size() == 1);
  auto ack = json_in::parse(done.says[0].text);
  CHECK(ack["type"] == "system");
  CHECK(ack["message_id"] == "m");
  CHECK(ack["payload"]["event"] == "reply_stored");
  CHECK(it.all.idle());
}

TEST_CASE("what is said of a message that is not known here is told apart") {
  world it;
  REQUIRE(it.all.add(1, ann));
  auto reply = it.say(1, "reply", "before", {{"text", "42"}});
  REQUIRE(reply.words.size() == 1);
  CHECK(reply.words[0].is_strange);
  CHECK(reply.words[0].whose == ann);
}

TEST_CASE("messages without a reply are bounded, and end") {
  world it;
  REQUIRE(it.all.add(1, ann));
  REQUIRE(it.all.add(2, bob));
  for (const char* id : {"1", "2", "3"})
    REQUIRE(it.all.dispatch(it.to(ann, id), it.now));
  CHECK(it.all.dispatch(it.to(ann, "4"), it.now).error().code
        == errc::overloaded);
  CHECK(it.all.dispatch(it.to(bob, "5"), it.now));
  it.now += 600s;
  it.all.tick(it.now);
  CHECK(it.all.idle());
  CHECK(it.all.dispatch(it.to(ann, "4"), it.now));
}

TEST_CASE("a daemon's question is answered by another of the same user") {
  world it;
  for (std::uint64_t who : {1, 2})
    REQUIRE(it.all.add(who, ann));
  REQUIRE(it.all.add(3, bob));
  json_in question{{"request_id", "q"}, {"agent", "a"}, {"tool", "rm"}};
  auto asked = it.say(1, "approval_request", "", question);
  CHECK(told(asked) == connections{2});
  CHECK(json_in::parse(asked.says[0].text)["payload"]["tool"] == "rm");
  json_in yes{{"request_id", "q"}, {"decision", "allow"}, {"resolved_by", "a"}};
  CHECK(it.say(3, "approval_resolved", "", yes).says.empty());
  CHECK(it.say(2, "approval_resolved", "",
               {{"request_id", "q"}, {"decision", "perhaps"}})
            .says.empty());
  auto answered = it.say(2, "approval_resolved", "", yes);
  REQUIRE(told(answered) == connections{1});
  auto text = json_in::parse(answered.says[0].text);
  CHECK(text["type"] == "approval_response");
  CHECK(text["payload"]["decision"] == "allow");
  CHECK(it.say(2, "approval_resolved", "", yes).says.empty()); // Once.
  // One that nobody answers is forgotten, and so is that of one who left.
  it.say(1, "approval_request", "", question);
  it.now += 300s;
  it.all.tick(it.now);
  CHECK(it.say(2, "approval_resolved", "", yes).says.empty());
  it.say(1, "approval_request", "", question);
  it.all.remove(1);
  CHECK(it.say(2, "approval_resolved", "", yes).says.empty());
  CHECK(it.all.idle());
}

// -- two nodes ----------------------------------------------------------------

namespace {

const node_id here{"n1#1"};
const node_id there{"n2#1"};

/// Hubs of two nodes, each told by the other who is connected there.
struct two_nodes {
  hub first{tight()};
  hub second{tight()};
  time_point now{1'000s};
  /// What daemons were told, in order: of the first node, of the second.
  std::vector<std::pair<std::uint64_t, json_in>> told_first;
  std::vector<std::pair<std::uint64_t, json_in>> told_second;
  std::vector<word> words;

  void carry_out(bool by_first, outcome what) {
    auto& other = by_first ? second : first;
    for (auto& one : what.says) {
      bool is_first = by_first == one.to.is_here();
      if (!one.to.is_here() && !one.about.empty())
        other.lies_with(by_first ? here : there, one.about, now);
      (is_first ? told_first : told_second)
          .emplace_back(one.to.number, json_in::parse(one.text));
    }
    for (auto& one : what.passes) {
      CHECK(one.home == (by_first ? there : here));
      connection who{one.from, by_first ? here : there};
      REQUIRE(other.knows(who));
      carry_out(!by_first, other.heard(who, one.text, now));
    }
    for (auto& one : what.words)
      words.push_back(std::move(one));
  }
  void says(bool on_first, std::uint64_t who, const std::string& type,
            const std::string& id, json_in payload = json_in::object()) {
    json_in text{{"type", type}, {"payload", std::move(payload)}};
    if (!id.empty())
      text["message_id"] = id;
    carry_out(on_first,
              (on_first ? first : second).heard(who, text.dump(), now));
  }
  result<void> send(const owner& whose, const std::string& id) {
    message what;
    what.id = id;
    what.whose = whose;
    what.text = "do it";
    auto sent = first.dispatch(std::move(what), now);
    if (!sent)
      return tl::unexpected<error>{std::move(sent.error())};
    carry_out(true, std::move(*sent));
    return {};
  }
};

} // namespace

TEST_CASE("a message reaches a daemon of another node, and its claim and reply "
          "come back") {
  two_nodes it;
  REQUIRE(it.second.add(1, ann));
  CHECK(it.send(ann, "m").error().code == errc::not_found);
  it.carry_out(true, it.first.see(there, {{1, ann}, {2, bob}}));
  CHECK(it.first.count(ann) == 1);
  REQUIRE(it.send(ann, "m"));
  REQUIRE(it.told_second.size() == 1);
  CHECK(it.told_second[0].first == 1);
  CHECK(it.told_second[0].second["payload"]["text"] == "do it");
  it.says(false, 1, "claim", "m");
  REQUIRE(it.told_second.size() == 2);
  CHECK(it.told_second[1].second["payload"]["granted"] == true);
  it.says(false, 1, "reply", "m", {{"text", "done"}});
  REQUIRE(it.words.size() == 1);
  CHECK(it.words[0].is_reply);
  CHECK_FALSE(it.words[0].is_strange);
  CHECK(it.words[0].signal.task() == "daemon:m");
  it.carry_out(true, it.first.settled(it.words[0], {}));
  CHECK(it.told_second.back().second["payload"]["event"] == "reply_stored");
}

TEST_CASE("a message is claimed once, whichever nodes its user's daemons are "
          "connected to") {
  two_nodes it;
  REQUIRE(it.first.add(1, ann));
  REQUIRE(it.second.add(1, ann));
  it.carry_out(true, it.first.see(there, {{1, ann}}));
  REQUIRE(it.send(ann, "m"));
  it.says(false, 1, "claim", "m");
  it.says(true, 1, "claim", "m");
  CHECK(it.told_second.back().second["payload"]["granted"] == true);
  CHECK(it.told_first.back().second["payload"]["granted"] == false);
  // It leaves, or its node does: another may have it.
  it.carry_out(true, GENERATE(true, false) ? it.first.see(there, {})
                                           : it.first.lose(there));
  CHECK(it.told_first.back().second["type"] == "message");
  it.says(true, 1, "claim", "m");
  CHECK(it.told_first.back().second["payload"]["granted"] == true);
}

TEST_CASE("who connects to another node later is given what waits") {
  two_nodes it;
  REQUIRE(it.first.add(1, ann));
  REQUIRE(it.send(ann, "m"));
  CHECK(it.told_second.empty());
  it.carry_out(true, it.first.see(there, {{1, ann}}));
  REQUIRE(it.told_second.size() == 1);
  CHECK(it.told_second[0].second["message_id"] == "m");
  // Who is known already is not told again.
  it.carry_out(true, it.first.see(there, {{1, ann}}));
  CHECK(it.told_second.size() == 1);
}

TEST_CASE("a daemon's question is answered by one of another node") {
  two_nodes it;
  REQUIRE(it.first.add(1, ann));
  REQUIRE(it.second.add(1, ann));
  it.carry_out(true, it.first.see(there, {{1, ann}}));
  it.says(true, 1, "approval_request", "",
          {{"request_id", "q"}, {"tool", "rm"}});
  REQUIRE(it.told_second.size() == 1);
  CHECK(it.told_second[0].second["payload"]["tool"] == "rm");
  it.says(false, 1, "approval_resolved", "",
          {{"request_id", "q"}, {"decision", "deny"}});
  REQUIRE_FALSE(it.told_first.empty());
  CHECK(it.told_first.back().second["type"] == "approval_response");
  CHECK(it.told_first.back().second["payload"]["decision"] == "deny");
}

TEST_CASE("when a message's home is gone a reply is for the message's run") {
  two_nodes it;
  REQUIRE(it.second.add(1, ann));
  it.carry_out(true, it.first.see(there, {{1, ann}}));
  REQUIRE(it.send(ann, "task-1"));
  it.says(false, 1, "claim", "task-1");
  it.carry_out(false, it.second.lose(here));
  it.says(false, 1, "reply", "task-1", {{"text", "done"}});
  REQUIRE(it.words.size() == 1);
  CHECK(it.words[0].is_strange);
  // A task has its message's name, and tells its answer itself.
  CHECK(it.words[0].signal.task() == "task-1");
  CHECK_FALSE(it.words[0].signal.has_told());
}

TEST_CASE("where a message lies is forgotten with it") {
  two_nodes it;
  REQUIRE(it.second.add(1, ann));
  it.carry_out(true, it.first.see(there, {{1, ann}}));
  REQUIRE(it.send(ann, "m"));
  CHECK_FALSE(it.second.idle());
  it.carry_out(false, it.second.tick(it.now + 599s));
  CHECK_FALSE(it.second.idle());
  it.carry_out(false, it.second.tick(it.now + 600s));
  CHECK(it.second.idle());
}

TEST_CASE("what is no message ends the connection, an unknown one nothing") {
  world it;
  REQUIRE(it.all.add(1, ann));
  for (const char* text : {"", "7", "[]", "{", "\xff", "null"}) {
    INFO(text);
    CHECK(it.all.heard(1, text, it.now).close);
  }
  for (const char* text :
       {"{}", R"({"type":""})", R"({"type":7})", R"({"type":"new"})",
        R"({"type":"claim"})", R"({"type":"reply","payload":[]})",
        R"({"type":"event","message_id":""})",
        R"({"type":"claim","message_id":"a b"})",
        R"({"type":"proactive","payload":{"agent_name":"a","text":"t"}})"}) {
    INFO(text);
    auto got = it.all.heard(1, text, it.now);
    CHECK_FALSE(got.close);
    CHECK(got.says.empty());
    CHECK(got.words.empty());
  }
  CHECK(it.say(1, "disconnect", "").close);
}
