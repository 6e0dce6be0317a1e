#include "actors/workflow/history/fact_json.hpp"
#include "actors/workflow/history/redact.hpp"
#include "tests/history/written_log.hpp"

#include <catch2/catch.hpp>

using namespace shannon;
using namespace shannon::history;

namespace {

facts::Fact redacted(const std::string& text, const std::string& salt = "s") {
  auto fact = fact_of(text);
  redactor{salt}.take_out(fact);
  return fact;
}

/// Fills every text of `message`, down to the last, with `secret`.
void fill(google::protobuf::Message& message) {
  using google::protobuf::FieldDescriptor;
  const auto& how = *message.GetReflection();
  const auto* type = message.GetDescriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const auto* field = type->field(i);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_STRING) {
      if (field->is_repeated())
        how.AddString(&message, field, "secret");
      else
        how.SetString(&message, field, "secret");
    } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      fill(field->is_repeated() ? *how.AddMessage(&message, field)
                                : *how.MutableMessage(&message, field));
    }
  }
}

} // namespace

TEST_CASE("a redacted fact tells how long its texts are, not what they say") {
  auto fact = redacted("at_us: 7 event { type: 'T' agent_id: 'ada' "
                       "message: 'Dear Bob' payload_json: '{}' } "
                       "step_failed { step { scope: 's' key: 'k' "
                       "occurrence: 2 } attempt: 3 error_code: 'denied' "
                       "error_text: 'Bob said no' input_hash: '0123' }");
  CHECK(fact.at_us() == 7);
  CHECK(fact.event().type() == "T");
  CHECK(fact.event().agent_id() == "ada");
  CHECK(fact.event().message().starts_with("<8 bytes, "));
  CHECK(fact.step_failed().step().key() == "k");
  CHECK(fact.step_failed().attempt() == 3);
  CHECK(fact.step_failed().error_code() == "denied");
  CHECK(fact.step_failed().error_text().starts_with("<11 bytes, "));
  CHECK(fact.step_failed().input_hash().size() == 4);
  CHECK(fact.step_failed().input_hash() != "0123");
}

TEST_CASE("a redacted body is the hash of what it was, wherever it was kept") {
  auto near = redacted("run_started { input { inline: 'the plan' } }");
  auto far = fact_of("run_started { input { size: 8 } }");
  far.mutable_run_started()->mutable_input()->set_blob(
      std::string{"\x2d\xb9", 2});
  redactor{"s"}.take_out(far);
  CHECK(near.run_started().input().size() == 8);
  CHECK(near.run_started().input().blob().size() == 32);
  CHECK(far.run_started().input().blob().size() == 32);
  CHECK(near.run_started().input().blob()
        == redacted("run_completed { output { inline: 'the plan' } }")
               .run_completed()
               .output()
               .blob());
}

TEST_CASE("equal texts stay equal under one salt and no other") {
  auto text = [](const std::string& what, const std::string& salt) {
    return redacted("run_failed { error_text: '" + what + "' }", salt)
        .run_failed()
        .error_text();
  };
  CHECK(text("yes", "1") == text("yes", "1"));
  CHECK(text("yes", "1") != text("nay", "1"));
  CHECK(text("yes", "1") != text("yes", "2"));
  CHECK(text("", "1").empty());
}

TEST_CASE("nothing else of any fact stays") {
  const auto* type = facts::Fact::descriptor();
  int kinds = 0;
  for (int i = 0; i < type->field_count(); ++i) {
    if (!type->field(i)->containing_oneof())
      continue;
    facts::Fact fact;
    fill(*fact.mutable_event());
    fill(*fact.GetReflection()->MutableMessage(&fact, type->field(i)));
    // Fields of a later build.
    fact.GetReflection()->MutableUnknownFields(&fact)->AddLengthDelimited(
        1000, "secret");
    redactor{"s"}.take_out(fact);
    auto text = fact.Utf8DebugString();
    INFO(type->field(i)->name() << "\n" << text);
    // Names of places, kinds and models, and nothing a person wrote.
    static const std::set<std::string> kept{
        "type",   "agent_id",   "scope", "key",      "kind",  "strategy",
        "effect", "error_code", "model", "provider", "child", "name"};
    for (auto at = text.find("secret"); at != std::string::npos;
         at = text.find("secret", at + 1)) {
      auto line = text.rfind('\n', at);
      auto name = text.substr(line + 1, text.find(':', line) - line - 1);
      name.erase(0, name.find_first_not_of(' '));
      CHECK(kept.count(name) == 1);
    }
    ++kinds;
  }
  CHECK(kinds == 22);
}

TEST_CASE("who a log belongs to is taken out too") {
  auto birth = redactor{"s"}.take_out(
      store::log_birth{"agent", log_id{"task-1"}, tenant_id{"acme"},
                       user_id{"bob"}, session_id{""}});
  CHECK(birth.kind == "agent");
  CHECK(birth.parent.value == "task-1");
  CHECK(birth.tenant.value.starts_with("<4 bytes, "));
  CHECK(birth.user.value.starts_with("<3 bytes, "));
  CHECK(birth.session.value.empty());
}
