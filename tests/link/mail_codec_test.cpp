#include "actors/link/frame_reader.hpp"
#include "actors/link/mail_codec.hpp"
#include "protocols/facts/run.pb.h"
#include "protocols/remote/agent.pb.h"
#include "protocols/remote/llm.pb.h"
#include "protocols/remote/tool.pb.h"
#include "protocols/remote/workflow.pb.h"
#include "protocols/wire_bodies.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace shannon;
using namespace shannon::link;
using namespace std::chrono_literals;

namespace {

const node_id n1{"n1#3"};
const node_id n2{"n2#5"};
const time_point now{std::chrono::hours{5}};

envelope ask() {
  envelope out;
  out.to = {"tool"};
  out.from = {"agent/task-1/agent-2"};
  out.correlation = 77;
  out.deadline = now + 1'500ms;
  out.traceparent = "00-aa-bb-01";
  out.tenant = tenant_id{"acme"};
  out.urgency = priority::batch;
  remote::ToolRun run;
  run.mutable_request()->set_tool("calculator");
  out.body = run;
  return out;
}

/// From `from` to `to`, as bytes.
incoming carried(const envelope& mail, const node_id& from, const node_id& to,
                 time_point arrival = now) {
  auto bytes = frame_of(mail, to, now);
  if (!bytes)
    FAIL(bytes.error().text);
  frame_reader reader{1u << 20};
  reader.take(*bytes);
  auto frame = reader.next();
  REQUIRE((frame && *frame));
  Frame got;
  REQUIRE(
      got.ParseFromArray((*frame)->data(), static_cast<int>((*frame)->size())));
  REQUIRE(got.has_mail());
  return read_mail(got.mail(), from, arrival);
}

} // namespace

TEST_CASE("an ask comes as it went, and from somebody who can be answered") {
  auto got = carried(ask(), n1, n2);
  REQUIRE(!got.unreadable);
  const auto& mail = got.mail;
  CHECK(mail.to.value == "tool");
  CHECK(mail.from.value == "agent/task-1/agent-2@n1#3");
  CHECK(mail.correlation == 77);
  CHECK(!mail.is_reply);
  CHECK(mail.traceparent == "00-aa-bb-01");
  CHECK(mail.tenant == tenant_id{"acme"});
  CHECK(mail.urgency == priority::batch);
  const auto* run = mail.body.get_if<remote::ToolRun>();
  REQUIRE(run);
  CHECK(run->request().tool() == "calculator");
  CHECK(mail.body.wire() == run);
}

TEST_CASE("a deadline goes as the time that is left, by the clock of each") {
  auto later = now + std::chrono::hours{100};
  CHECK(carried(ask(), n1, n2, later).mail.deadline == later + 1'500ms);
  auto none = ask();
  none.deadline = {};
  CHECK(carried(none, n1, n2).mail.deadline == time_point{});
  auto gone = ask();
  gone.deadline = now - 1s;
  auto left = carried(gone, n1, n2).mail.deadline - now;
  CHECK(left > 0us);
  CHECK(left < 1ms);
}

TEST_CASE("an answer to an address with a process finds the actor there") {
  auto asked = carried(ask(), n1, n2).mail;
  envelope answer;
  answer.to = asked.from;
  answer.from = {"tool"};
  answer.correlation = asked.correlation;
  answer.is_reply = true;
  answer.body = remote::ToolResult{};
  auto got = carried(answer, n2, n1).mail;
  CHECK(got.to.value == "agent/task-1/agent-2");
  CHECK(got.from.value == "tool@n2#5");
  CHECK(got.is_reply);
  CHECK(got.status.code == errc::ok);
  CHECK(got.body.get_if<remote::ToolResult>());
}

TEST_CASE("an address of a third process is left as it is") {
  auto mail = ask();
  mail.to = {"gateway@n9#1"};
  CHECK(carried(mail, n1, n2).mail.to.value == "gateway@n9#1");
  mail.to = {"user@example"};
  CHECK(carried(mail, n1, n2).mail.to.value == "user@example");
}

TEST_CASE("a refusal comes with its code, its text and when to try again") {
  envelope answer;
  answer.to = {"gateway@n1#3"};
  answer.from = {"workflow/task-1"};
  answer.correlation = 5;
  answer.is_reply = true;
  // Texts of others may hold anything.
  answer.status = {errc::overloaded, "n\xff\xfeo", true, 1'234ms};
  auto got = carried(answer, n2, n1).mail;
  CHECK(got.status.code == errc::overloaded);
  CHECK(got.status.text == "n\xff\xfeo");
  CHECK(got.status.retryable);
  CHECK(got.status.retry_after == 1'234ms);
  CHECK(got.body.empty());
}

TEST_CASE("what stays on its node is not written") {
  struct plain {};
  auto mail = ask();
  mail.body = plain{};
  auto got = frame_of(mail, n2, now);
  REQUIRE(!got);
  CHECK(got.error().code == errc::invalid_argument);
  CHECK(!got.error().retryable);
  CHECK(got.error().text.find("cannot cross nodes") != std::string::npos);
  mail.body = facts::Fact{}; // Of the disk, not of the wire.
  CHECK(!frame_of(mail, n2, now));
  mail.body = {};
  CHECK(!frame_of(mail, n2, now));
}

TEST_CASE("a body that this build does not know is refused, and an answer with "
          "one becomes a refusal") {
  Mail mail;
  mail.set_to("tool");
  mail.set_from("agent");
  mail.set_correlation(1);
  for (const auto* type :
       {"shannon.remote.FromTheFuture", "shannon.facts.Fact", "", "\xff"}) {
    INFO(type);
    mail.set_type(type);
    mail.set_is_reply(false);
    auto got = read_mail(mail, n1, now);
    REQUIRE(got.unreadable);
    CHECK(got.unreadable->code == errc::invalid_argument);
    CHECK(!got.unreadable->retryable);
    mail.set_is_reply(true);
    got = read_mail(mail, n1, now);
    CHECK(!got.unreadable);
    CHECK(got.mail.status.code == errc::failed);
  }
}

TEST_CASE("bytes that are no message of their type are refused") {
  Mail mail;
  mail.set_type("shannon.remote.ToolRun");
  mail.set_body("\xff\xff\xff");
  auto got = read_mail(mail, n1, now);
  REQUIRE(got.unreadable);
  CHECK(got.unreadable->text == "n1#3: 3 bytes are no shannon.remote.ToolRun");
}

TEST_CASE("a field that a later build has added is passed over") {
  auto mail = ask();
  auto bytes = frame_of(mail, n2, now);
  REQUIRE(bytes);
  Frame frame;
  REQUIRE(frame.ParseFromString(bytes->substr(length_bytes)));
  auto* body = frame.mutable_mail()->mutable_body();
  body->append("\xc2\x3e\x03new"); // Field 1000, a text.
  auto got = read_mail(frame.mail(), n1, now);
  CHECK(!got.unreadable);
  CHECK(got.mail.body.get_if<remote::ToolRun>());
}

TEST_CASE("every message of shannon.remote may cross, and comes as its type") {
  int messages = 0;
  for (const auto* file : {remote::StartAgent::descriptor()->file(),
                           remote::LlmCall::descriptor()->file(),
                           remote::ToolRun::descriptor()->file(),
                           remote::StartTask::descriptor()->file()})
    for (int i = 0; i < file->message_type_count(); ++i, ++messages) {
      auto name = file->message_type(i)->full_name();
      INFO(name);
      auto made = body_from_wire(name, {});
      REQUIRE(made);
      CHECK(wire_name(*made) == name);
    }
  CHECK(messages > 20);
  auto typed = body_from_wire("shannon.remote.StartTask", {});
  REQUIRE(typed);
  CHECK(typed->type() == typeid(remote::StartTask));
  CHECK(typed->get_if<remote::StartTask>());
  CHECK(!typed->get_if<remote::StartAgent>());
}
