#include "actors/gateway/resources/run_requests.hpp"

#include "actors/gateway/identity/digest.hpp"
#include "actors/gateway/text/answers.hpp"
#include "actors/gateway/text/identifiers.hpp"
#include "actors/gateway/text/json_fields.hpp"
#include "actors/gateway/text/media_type.hpp"
#include "actors/kit/bytes_text.hpp"

#include <google/protobuf/util/json_util.h>

#include <array>
#include <charconv>
#include <chrono>
#include <optional>

namespace shannon::gateway {

namespace {

/// Also of what a command line sends as a file.
constexpr std::size_t payload_bytes_max = 512 * 1024;
constexpr std::size_t text_bytes_max = 4'096;

tl::unexpected<error> invalid(const std::string& text) {
  return fail(errc::invalid_argument, text);
}

/// A text of the body; empty if it is not there.
result<std::string> text_at(const json_in& body, const char* name) {
  auto got = read_string(body, name, "");
  if (!got)
    return tl::unexpected<error>(got.error());
  auto text = got->value_or("");
  if (text.size() > text_bytes_max)
    return invalid(std::string{"Invalid "} + name + ": at most "
                   + std::to_string(text_bytes_max) + " bytes expected, "
                   + std::to_string(text.size()) + " found");
  return text;
}

result<std::string> name_at(const json_in& body) {
  auto name = text_at(body, "name");
  if (name && name->empty())
    return invalid("Invalid name: a text expected, none found");
  return name;
}

result<std::string> payload_at(const json_in& body) {
  auto plain = find_field(body, "payload");
  auto coded = find_field(body, "payload_base64");
  if (plain && coded)
    return invalid("Invalid payload: payload or payload_base64 expected, both "
                   "found");
  std::string bytes;
  if (plain) {
    if (!plain->is_string())
      return invalid("Invalid payload: a string expected, " + type_name(*plain)
                     + " found");
    bytes = plain->get<std::string>();
  } else if (coded) {
    auto read = coded->is_string() ? kit::from_base64(coded->get<std::string>())
                                   : std::nullopt;
    if (!read)
      return invalid("Invalid payload_base64: base64 with padding expected");
    bytes = std::move(*read);
  }
  if (bytes.size() > payload_bytes_max)
    return invalid("Invalid payload: at most "
                   + std::to_string(payload_bytes_max) + " bytes expected, "
                   + std::to_string(bytes.size()) + " found");
  return bytes;
}

/// Runs `fill(body, message)` over the body of a request.
template <class Message, class Fill>
read_request<Message> read_body(const http_request& request,
                                std::uint32_t json_depth_max, bool may_lack,
                                Fill fill) {
  if (auto refused = check_media_type(request))
    return tl::unexpected<http_response>(std::move(*refused));
  auto body = json_in::object();
  if (!may_lack
      || request.body.find_first_not_of(" \t\r\n") != std::string::npos) {
    auto read = body_object(request, json_depth_max);
    if (!read)
      return tl::unexpected<http_response>(error_answer(read.error()));
    body = std::move(*read);
  }
  Message message;
  if (result<void> filled = fill(body, message); !filled)
    return tl::unexpected<http_response>(error_answer(filled.error()));
  return message;
}

std::int64_t unix_us(std::chrono::system_clock::time_point at) {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             at.time_since_epoch())
      .count();
}

std::string name_of(store::log_status status) {
  static constexpr std::array<const char*, 8> names{
      "queued", "running",   "paused",    "completed",
      "failed", "cancelled", "timed_out", "needs_operator"};
  auto number = static_cast<std::size_t>(status);
  return number < names.size() ? names[number] : "unknown";
}

} // namespace

read_request<remote::SignalTask> read_signal(const http_request& request,
                                             const std::string& run,
                                             std::uint32_t json_depth_max) {
  return read_body<remote::SignalTask>(
      request, json_depth_max, false,
      [&](const json_in& body, remote::SignalTask& out) -> result<void> {
        auto name = name_at(body);
        if (!name)
          return tl::unexpected<error>(name.error());
        auto id = text_at(body, "signal_id");
        if (!id)
          return tl::unexpected<error>(id.error());
        auto payload = payload_at(body);
        if (!payload)
          return tl::unexpected<error>(payload.error());
        out.set_task(run);
        out.set_name(*name);
        out.set_signal_id(id->empty() ? random_uuid() : *id);
        out.set_payload(std::move(*payload));
        return {};
      });
}

read_request<remote::ResumeRun> read_resume(const http_request& request,
                                            const std::string& run,
                                            std::uint32_t json_depth_max) {
  return read_body<remote::ResumeRun>(
      request, json_depth_max, true,
      [&](const json_in& body, remote::ResumeRun& out) -> result<void> {
        auto reason = text_at(body, "reason");
        if (!reason)
          return tl::unexpected<error>(reason.error());
        auto by = text_at(body, "by");
        if (!by)
          return tl::unexpected<error>(by.error());
        out.set_run(run);
        out.set_reason(*reason);
        out.set_by(*by);
        const auto* forget = find_field(body, "forget");
        if (!forget)
          return {};
        if (!forget->is_array())
          return invalid("Invalid forget: an array of places expected, "
                         + type_name(*forget) + " found");
        for (const auto& one : *forget) {
          auto place = one.is_string() ? read_place(one.get<std::string>())
                                       : invalid("Invalid forget: a place like "
                                                 "scope/key#2 expected, "
                                                 + type_name(one) + " found");
          if (!place)
            return tl::unexpected<error>(place.error());
          *out.add_forget() = std::move(*place);
        }
        return {};
      });
}

read_request<remote::QueryRun> read_query(const http_request& request,
                                          const std::string& run,
                                          std::uint32_t json_depth_max) {
  return read_body<remote::QueryRun>(
      request, json_depth_max, false,
      [&](const json_in& body, remote::QueryRun& out) -> result<void> {
        auto name = name_at(body);
        if (!name)
          return tl::unexpected<error>(name.error());
        auto payload = payload_at(body);
        if (!payload)
          return tl::unexpected<error>(payload.error());
        out.set_run(run);
        out.set_name(*name);
        out.set_payload(std::move(*payload));
        return {};
      });
}

result<facts::StepId> read_place(std::string_view text) {
  facts::StepId place;
  place.set_occurrence(1);
  auto key = text;
  if (auto hash = text.rfind('#'); hash != std::string_view::npos) {
    std::uint32_t number = 0;
    auto digits = text.substr(hash + 1);
    auto [end, bad]
        = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (bad != std::errc{} || end != digits.data() + digits.size()
        || number == 0)
      return invalid("Invalid step: a number from 1 expected after #, "
                     + std::string{text} + " found");
    place.set_occurrence(number);
    key = text.substr(0, hash);
  }
  if (auto slash = key.find('/'); slash != std::string_view::npos) {
    place.set_scope(std::string{key.substr(0, slash)});
    key = key.substr(slash + 1);
  }
  if (key.empty())
    return invalid("Invalid step: a place like scope/key#2 expected, "
                   + std::string{text.empty() ? "nothing" : text} + " found");
  place.set_key(std::string{key});
  return place;
}

json_out run_json(const store::log_head& head,
                  const remote::RunDescription* live) {
  json_out body;
  body["run"] = head.log.value;
  body["kind"] = head.birth.kind;
  body["parent"] = head.birth.parent.value;
  body["status"] = name_of(head.status);
  body["created_us"] = unix_us(head.created_at);
  body["live"] = nullptr;
  if (!live)
    return body;
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  options.always_print_primitive_fields = true;
  std::string text;
  if (google::protobuf::util::MessageToJsonString(*live, &text, options).ok())
    body["live"] = json_out::parse(text, nullptr, false);
  return body;
}

json_out query_json(const remote::QueryAnswer& answer) {
  json_out body;
  if (find_invalid_utf8(answer.payload()) == std::string_view::npos)
    body["payload"] = answer.payload();
  else
    body["payload_base64"] = kit::to_base64(answer.payload());
  return body;
}

} // namespace shannon::gateway
