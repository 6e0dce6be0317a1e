#include "actors/workflow/history/export_format.hpp"

#include "actors/kit/bytes_text.hpp"
#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/history/bodies.hpp"
#include "actors/workflow/history/fact_json.hpp"
#include "actors/workflow/history/words.hpp"
#include "protocols/checksum.hpp"

#include <nlohmann/json.hpp>

#include <istream>
#include <ostream>
#include <utility>

namespace shannon::history {

namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr const char* format_name = "shannon-history";
constexpr int format_version = 1;

/// As JSON text; nothing if it is no UTF-8.
std::optional<std::string> quoted(std::string_view bytes) {
  try {
    return json(bytes).dump();
  } catch (const json::type_error&) {
    return std::nullopt;
  }
}

std::string text_of(const ordered_json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

// -- in memory ----------------------------------------------------------------

std::vector<store::recorded_fact> exported_log::recorded() const {
  std::vector<store::recorded_fact> all;
  all.reserve(facts.size());
  for (const auto& fact : facts)
    all.push_back({fact.version,
                   std::chrono::system_clock::time_point{
                       std::chrono::microseconds{fact.recorded_us}},
                   fact.bytes});
  return all;
}

void exported_log::add(std::string bytes, std::int64_t recorded_us,
                       std::optional<shard_epoch> epoch) {
  auto tail = facts.empty() ? header.base
                            : store::log_tail{facts.back().version,
                                              facts.back().checksum};
  exported_fact next;
  next.version = tail.version + 1;
  next.recorded_us = recorded_us;
  next.epoch = epoch;
  next.checksum = store::chain(tail.chain, next.version, bytes);
  next.bytes = std::move(bytes);
  facts.push_back(std::move(next));
}

// -- writing ------------------------------------------------------------------

void export_writer::line(std::string text) {
  text += '\n';
  out_.write(text.data(), static_cast<std::streamsize>(text.size()));
}

void export_writer::begin(const export_header& header) {
  log_ = header.log.value;
  facts_ = 0;
  bodies_ = 0;
  ordered_json first;
  first["format"] = format_name;
  first["format_version"] = format_version;
  first["log"] = header.log.value;
  first["kind"] = header.birth.kind;
  first["parent"] = header.birth.parent.value;
  first["tenant"] = header.birth.tenant.value;
  first["user"] = header.birth.user.value;
  first["session"] = header.birth.session.value;
  first["status"] = to_text(header.status);
  first["base"] = header.base.version;
  first["base_checksum"] = hex(header.base.chain);
  first["build"] = header.build;
  first["redacted"] = header.redacted;
  line(text_of(first));
}

void export_writer::fact(const exported_fact& fact) {
  ++facts_;
  auto text = "{\"version\":" + std::to_string(fact.version);
  if (fact.recorded_us != 0)
    text += ",\"recorded_us\":" + std::to_string(fact.recorded_us);
  if (fact.epoch)
    text += ",\"epoch\":" + std::to_string(*fact.epoch);
  text += ",\"checksum\":\"" + hex(fact.checksum) + "\"";
  auto shown = fact_json(fact.bytes);
  if (shown.text)
    text += ",\"fact\":" + *shown.text;
  if (!shown.exact)
    text += ",\"raw\":\"" + kit::to_base64(fact.bytes) + "\"";
  line(text + "}");
}

void export_writer::body(const store::blob_hash& hash, std::string_view bytes) {
  ++bodies_;
  auto text = "{\"sha256\":\"" + kit::to_hex(hash) + "\",";
  if (auto readable = quoted(bytes))
    text += "\"text\":" + *readable;
  else
    text += "\"base64\":\"" + kit::to_base64(bytes) + "\"";
  line(text + "}");
}

void export_writer::end() {
  ordered_json last;
  last["end"] = log_;
  last["facts"] = facts_;
  last["bodies"] = bodies_;
  line(text_of(last));
}

void write_log(const exported_log& log, std::ostream& out) {
  export_writer writer{out};
  writer.begin(log.header);
  for (const auto& fact : log.facts)
    writer.fact(fact);
  for (const auto& [hash, bytes] : log.bodies)
    writer.body(hash, bytes);
  writer.end();
}

// -- reading ------------------------------------------------------------------

namespace {

/// Reads one line after another and knows what may come next.
class reader {
public:
  explicit reader(std::istream& in) : in_(in) {}

  result<std::vector<exported_log>> all() {
    std::string text;
    while (std::getline(in_, text)) {
      ++line_;
      auto value = json::parse(text, nullptr, false);
      if (!value.is_object())
        return wrong("a JSON object", beginning(text));
      if (auto taken = take(value); !taken)
        return tl::unexpected<error>(taken.error());
    }
    if (in_.bad())
      return wrong("a file that can be read", "an input error");
    ++line_;
    if (logs_.empty())
      return wrong(std::string{"a header with \"format\":\""} + format_name
                       + "\"",
                   "an empty file");
    if (open_)
      return wrong("the end of " + logs_.back().header.log.value,
                   "the end of the file: it is cut off");
    return std::move(logs_);
  }

private:
  result<void> take(const json& value) {
    if (!open_)
      return take_header(value);
    if (value.contains("version"))
      return take_fact(value);
    if (value.contains("sha256"))
      return take_body(value);
    if (value.contains("end"))
      return take_end(value);
    return wrong("a fact, a body or the end of "
                     + logs_.back().header.log.value,
                 beginning(value.dump()));
  }

  result<void> take_header(const json& value) {
    if (text_at(value, "format") != format_name)
      return wrong(std::string{"a header with \"format\":\""} + format_name
                       + "\"",
                   beginning(value.dump()));
    if (auto known = number_at(value, "format_version");
        known != format_version)
      return wrong("\"format_version\":" + std::to_string(format_version),
                   std::to_string(known)
                       + ": the file was written by another build");
    exported_log next;
    auto& header = next.header;
    header.log = log_id{text_at(value, "log")};
    if (header.log.empty())
      return wrong("a log's id in \"log\"", "none");
    header.birth
        = {text_at(value, "kind"), log_id{text_at(value, "parent")},
           tenant_id{text_at(value, "tenant")}, user_id{text_at(value, "user")},
           session_id{text_at(value, "session")}};
    auto status = status_of(text_at(value, "status"));
    if (!status)
      return wrong("a status", text_at(value, "status"));
    header.status = *status;
    header.base.version = number_at(value, "base");
    auto chain = number_of_hex(text_at(value, "base_checksum"));
    if (!chain || header.base.version < 0)
      return wrong("\"base\" with a \"base_checksum\" of 16 digits",
                   beginning(value.dump()));
    header.base.chain = *chain;
    header.build = text_at(value, "build");
    header.redacted = value.value("redacted", json(false)) == json(true);
    logs_.push_back(std::move(next));
    references_.clear();
    bodies_seen_ = false;
    open_ = true;
    return {};
  }

  result<void> take_fact(const json& value) {
    auto& log = logs_.back();
    if (bodies_seen_)
      return wrong("facts before bodies", "a fact after a body");
    exported_fact next;
    next.version = number_at(value, "version");
    auto tail = log.facts.empty() ? log.header.base
                                  : store::log_tail{log.facts.back().version,
                                                    log.facts.back().checksum};
    if (next.version != tail.version + 1)
      return wrong("version " + std::to_string(tail.version + 1),
                   "version " + std::to_string(next.version));
    next.recorded_us = number_at(value, "recorded_us");
    if (value.contains("epoch"))
      next.epoch = number_at(value, "epoch");
    auto bytes = bytes_of_fact(value);
    if (!bytes)
      return tl::unexpected<error>(bytes.error());
    next.bytes = std::move(*bytes);
    next.checksum = store::chain(tail.chain, next.version, next.bytes);
    if (auto said = text_at(value, "checksum"); said != hex(next.checksum))
      return wrong("checksum " + hex(next.checksum) + " of version "
                       + std::to_string(next.version),
                   said.empty() ? "none" : said);
    facts::Fact fact;
    if (fact.ParseFromString(next.bytes))
      if (const auto* hash = reference_of(fact))
        references_.emplace(*hash, next.version);
    log.facts.push_back(std::move(next));
    return {};
  }

  result<std::string> bytes_of_fact(const json& value) {
    if (value.contains("raw")) {
      auto bytes = kit::from_base64(text_at(value, "raw"));
      if (!bytes)
        return wrong("base64 in \"raw\"", beginning(text_at(value, "raw")));
      return std::move(*bytes);
    }
    auto fact = value.find("fact");
    if (fact == value.end() || !fact->is_object())
      return wrong("a \"fact\"", beginning(value.dump()));
    auto bytes = fact_bytes(fact->dump());
    if (!bytes)
      return wrong("a fact this build knows", bytes.error().text);
    return bytes;
  }

  result<void> take_body(const json& value) {
    bodies_seen_ = true;
    auto hash = kit::from_hex(text_at(value, "sha256"));
    if (!hash || hash->size() != 32)
      return wrong("\"sha256\" of 64 digits", text_at(value, "sha256"));
    auto bytes = std::optional{text_at(value, "text")};
    if (value.contains("base64"))
      bytes = kit::from_base64(text_at(value, "base64"));
    if (!bytes)
      return wrong("base64 of body " + kit::to_hex(*hash), "something else");
    if (auto found = workflow::sha256(*bytes); found != *hash)
      return wrong("body " + kit::to_hex(*hash),
                   "content with hash " + kit::to_hex(found));
    logs_.back().bodies.emplace(std::move(*hash), std::move(*bytes));
    return {};
  }

  result<void> take_end(const json& value) {
    auto& log = logs_.back();
    if (text_at(value, "end") != log.header.log.value)
      return wrong("the end of " + log.header.log.value,
                   "the end of " + text_at(value, "end"));
    if (number_at(value, "facts") != std::ssize(log.facts))
      return wrong(std::to_string(number_at(value, "facts"))
                       + " facts before the end",
                   std::to_string(log.facts.size()));
    if (number_at(value, "bodies") != std::ssize(log.bodies))
      return wrong(std::to_string(number_at(value, "bodies"))
                       + " bodies before the end",
                   std::to_string(log.bodies.size()));
    for (const auto& [hash, version] : references_)
      if (!log.header.redacted && log.bodies.count(hash) == 0)
        return wrong("body " + kit::to_hex(hash) + ", which version "
                         + std::to_string(version) + " refers to",
                     "none");
    open_ = false;
    return {};
  }

  tl::unexpected<error> wrong(const std::string& expected,
                              const std::string& found) const {
    return fail(errc::invalid_argument, "line " + std::to_string(line_)
                                            + ": expected " + expected
                                            + ", found " + found);
  }

  static std::string beginning(const std::string& text) {
    return text.size() <= 60 ? text : text.substr(0, 60) + "…";
  }

  static std::string text_at(const json& value, const char* key) {
    auto at = value.find(key);
    return at != value.end() && at->is_string() ? at->get<std::string>()
                                                : std::string{};
  }

  /// -1 for what is no whole number.
  static std::int64_t number_at(const json& value, const char* key) {
    auto at = value.find(key);
    if (at == value.end())
      return 0;
    return at->is_number_integer() ? at->get<std::int64_t>() : -1;
  }

  std::istream& in_;
  std::uint64_t line_ = 0;
  std::vector<exported_log> logs_;
  std::map<store::blob_hash, log_version> references_;
  bool open_ = false;
  bool bodies_seen_ = false;
};

} // namespace

result<std::vector<exported_log>> read_logs(std::istream& in) {
  return reader{in}.all();
}

} // namespace shannon::history
