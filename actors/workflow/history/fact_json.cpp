#include "actors/workflow/history/fact_json.hpp"

#include "protocols/facts/fact.hpp"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/util/json_util.h>
#include <nlohmann/json.hpp>

namespace shannon::history {

namespace {

std::string deterministic(const facts::Fact& fact) {
  std::string bytes;
  google::protobuf::io::StringOutputStream stream{&bytes};
  google::protobuf::io::CodedOutputStream out{&stream};
  out.SetSerializationDeterministic(true);
  fact.SerializeToCodedStream(&out);
  out.Trim();
  return bytes;
}

} // namespace

std::string fact_json(const facts::Fact& fact) {
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(fact, &text, options).ok())
    return {};
  // Maps come in any order; the same fact shall give the same text.
  if (fact.has_attributes_set() || fact.has_run_continued())
    return nlohmann::json::parse(text).dump();
  return text;
}

shown_fact fact_json(std::string_view bytes) {
  facts::Fact fact;
  if (!fact.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return {};
  // For who reads it the texts, for who reads it back the number.
  if (auto usual = fact.event().usual(); usual != 0) {
    facts::spell_out_event(fact);
    fact.mutable_event()->set_usual(usual);
  }
  shown_fact shown;
  if (auto text = fact_json(fact); !text.empty()) {
    auto again = fact_bytes(text);
    shown.exact = again && *again == bytes;
    shown.text = std::move(text);
  }
  return shown;
}

result<std::string> fact_bytes(std::string_view json) {
  facts::Fact fact;
  auto read = google::protobuf::util::JsonStringToMessage(
      {json.data(), json.size()}, &fact);
  if (!read.ok())
    return fail(errc::invalid_argument, std::string{read.message()});
  if (auto usual = fact.event().usual(); usual != 0) {
    fact.mutable_event()->Clear();
    fact.mutable_event()->set_usual(usual);
  }
  return deterministic(fact);
}

} // namespace shannon::history
