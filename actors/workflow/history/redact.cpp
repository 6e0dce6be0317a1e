#include "actors/workflow/history/redact.hpp"

#include "actors/kit/bytes_text.hpp"
#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/history/words.hpp"

#include <set>
#include <utility>
#include <vector>

namespace shannon::history {

namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

bool is_harmless(const FieldDescriptor& field) {
  static const std::set<std::string> known{
      "shannon.facts.AttributesSet.AttributesEntry.key",
      "shannon.facts.ChildProgressed.child",
      "shannon.facts.Event.agent_id",
      "shannon.facts.Event.type",
      "shannon.facts.ModelUse.model",
      "shannon.facts.ModelUse.provider",
      "shannon.facts.RunContinued.AttributesEntry.key",
      "shannon.facts.RunContinued.kind",
      "shannon.facts.RunContinued.strategy",
      "shannon.facts.RunStarted.kind",
      "shannon.facts.RunStarted.strategy",
      "shannon.facts.SignalReceived.name",
      "shannon.facts.StepCompleted.effect",
      "shannon.facts.StepId.key",
      "shannon.facts.StepId.scope",
      "shannon.facts.Usage.model",
      "shannon.facts.Usage.provider",
  };
  return field.name() == "error_code" || known.count(field.full_name()) != 0;
}

} // namespace

std::string redactor::digest(std::string_view bytes) const {
  return workflow::sha256(salt_ + std::string{bytes});
}

std::string redactor::mark(std::string_view text) const {
  if (text.empty())
    return {};
  return "<" + std::to_string(text.size()) + " bytes, "
         + kit::to_hex(digest(text).substr(0, 6)) + ">";
}

void redactor::take_out(facts::Fact& fact) const {
  take_out_of(fact);
}

store::log_birth redactor::take_out(store::log_birth birth) const {
  birth.tenant.value = mark(birth.tenant.value);
  birth.user.value = mark(birth.user.value);
  birth.session.value = mark(birth.session.value);
  return birth;
}

void redactor::take_out_body(facts::Body& body) const {
  if (body.at_case() == facts::Body::kInline) {
    body.set_size(body.inline_().size());
    body.set_blob(digest(workflow::sha256(body.inline_())));
  } else if (body.at_case() == facts::Body::kBlob) {
    body.set_blob(digest(body.blob()));
  }
}

void redactor::take_out_of(Message& message) const {
  const auto& how = *message.GetReflection();
  // What this build has no name for it cannot judge.
  how.MutableUnknownFields(&message)->Clear();
  if (auto* body = dynamic_cast<facts::Body*>(&message))
    return take_out_body(*body);
  std::vector<const FieldDescriptor*> fields;
  how.ListFields(message, &fields);
  for (const auto* field : fields) {
    auto many = field->is_repeated() ? how.FieldSize(message, field) : 0;
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      for (int i = 0; i < many; ++i)
        take_out_of(*how.MutableRepeatedMessage(&message, field, i));
      if (!field->is_repeated())
        take_out_of(*how.MutableMessage(&message, field));
      continue;
    }
    if (field->cpp_type() != FieldDescriptor::CPPTYPE_STRING
        || is_harmless(*field))
      continue;
    for (int i = 0; i < many; ++i)
      how.SetRepeatedString(&message, field, i,
                            mark(how.GetRepeatedString(message, field, i)));
    if (field->is_repeated())
      continue;
    auto text = how.GetString(message, field);
    // A hash stays one: whether two inputs are equal can still be seen.
    how.SetString(&message, field,
                  field->name() == "input_hash"
                      ? digest(text).substr(0, text.size())
                      : mark(text));
  }
}

} // namespace shannon::history
