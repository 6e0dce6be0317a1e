#include "actors/workflow/engine/events.hpp"
#include "actors/workflow/history/bodies.hpp"
#include "actors/workflow/history/export_format.hpp"
#include "tests/history/written_log.hpp"

#include <catch2/catch.hpp>

#include <sstream>

using namespace shannon;
using namespace shannon::history;

namespace {

const std::string long_text(9'000, 't');
const std::string no_text{"\xff\x00\xfe zero", 8};

/// A reference to `bytes`, escaped for proto text.
std::string blob(const std::string& bytes) {
  std::string text = "{ blob: '";
  for (unsigned char c : workflow::sha256(bytes)) {
    char digits[5];
    std::snprintf(digits, sizeof digits, "\\x%02x", c);
    text += digits;
  }
  return text + "' size: " + std::to_string(bytes.size()) + " }";
}

exported_log task() {
  exported_log log;
  log.header.log = log_id{"task-1/a"};
  log.header.birth = {"agent", log_id{"task-1"}, tenant_id{"tenant \"ö\""},
                      user_id{"u\n"}, session_id{"s"}};
  log.header.status = store::log_status::needs_operator;
  log.header.build = "0.1.0";
  int at = 0;
  for (const auto& text : {
           "run_started { kind: 'agent' strategy: 'loop' input "
               + blob(long_text) + " }",
           std::string{"step_completed { step { scope: 'a.b' key: 'get' "
                       "occurrence: 2 } input_hash: '\\xff\\x00' output "}
               + blob(no_text) + " usage { cost_nanousd: 9007199254740993 } }",
           std::string{"signal_received { name: 'go' payload: '\\xff\\x00' }"},
           std::string{"event { message: 'a\\n\\x01\"\\\\\\xe2\\x82\\xac' "
                       "payload_json: '{}' } noted { value: '' }"},
           std::string{"attributes_set { attributes { key: 'b' value: '1' } "
                       "attributes { key: 'a' value: '2' } }"},
           std::string{"run_parked { reason: 'r' }"},
       })
    log.add(fact_of(text).SerializeAsString(), 1'700'000'000'000'001 + at++, 3);
  // What another build wrote, and what nobody can read.
  log.add(fact_of("noted { }").SerializeAsString()
          + std::string{"\xc0\x3e\x01", 3});
  log.add("\xff\xff\xff");
  log.bodies = {{workflow::sha256(long_text), long_text},
                {workflow::sha256(no_text), no_text}};
  return log;
}

std::string written(const exported_log& log) {
  std::ostringstream out;
  write_log(log, out);
  return out.str();
}

result<std::vector<exported_log>> read(const std::string& text) {
  std::istringstream in{text};
  return read_logs(in);
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> all;
  std::istringstream in{text};
  for (std::string line; std::getline(in, line);)
    all.push_back(line);
  return all;
}

std::string joined(const std::vector<std::string>& lines) {
  std::string text;
  for (const auto& line : lines)
    text += line + "\n";
  return text;
}

std::string replaced(std::string text, const std::string& what,
                     const std::string& by) {
  auto at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), by);
}

void check_same(const exported_log& a, const exported_log& b) {
  CHECK(a.header.log == b.header.log);
  CHECK(a.header.birth.kind == b.header.birth.kind);
  CHECK(a.header.birth.parent == b.header.birth.parent);
  CHECK(a.header.birth.tenant == b.header.birth.tenant);
  CHECK(a.header.birth.user == b.header.birth.user);
  CHECK(a.header.birth.session == b.header.birth.session);
  CHECK(a.header.status == b.header.status);
  CHECK(a.header.base.version == b.header.base.version);
  CHECK(a.header.base.chain == b.header.base.chain);
  CHECK(a.header.build == b.header.build);
  CHECK(a.header.redacted == b.header.redacted);
  CHECK(a.facts == b.facts);
  CHECK(a.bodies == b.bodies);
}

} // namespace

TEST_CASE("an exported log reads back as it was") {
  auto log = task();
  auto again = read(written(log));
  INFO((again ? "" : again.error().text));
  REQUIRE(again);
  REQUIRE(again->size() == 1);
  check_same(again->front(), log);
  CHECK((written(again->front()) == written(log)));
}

TEST_CASE("a file holds any number of logs, and a log may begin later") {
  auto first = task();
  exported_log second;
  second.header.log = log_id{"task-2"};
  second.header.base = {41, 0xfedcba9876543210};
  second.header.redacted = true;
  second.add(fact_of("noted { }").SerializeAsString());
  CHECK(second.facts.front().version == 42);
  auto again = read(written(first) + written(second));
  INFO((again ? "" : again.error().text));
  REQUIRE(again);
  REQUIRE(again->size() == 2);
  check_same(again->at(0), first);
  check_same(again->at(1), second);
}

TEST_CASE("a fact is written as its fields, a text as itself") {
  auto lines = lines_of(written(task()));
  REQUIRE(lines.size() == 1 + 8 + 2 + 1);
  CHECK(lines[0].starts_with(
      "{\"format\":\"shannon-history\",\"format_version\":1,"
      "\"log\":\"task-1/a\",\"kind\":\"agent\",\"parent\":\"task-1\""));
  CHECK(lines[2].starts_with(
      "{\"version\":2,\"recorded_us\":1700000000000002,\"epoch\":3,"
      "\"checksum\":\""));
  CHECK(lines[2].find("\"step_completed\":{\"step\":{\"scope\":\"a.b\","
                      "\"key\":\"get\",\"occurrence\":2}")
        != std::string::npos);
  auto text = lines[9].find("\"text\"") != std::string::npos ? 9 : 10;
  CHECK(lines[text].find("\"text\":\"" + long_text + "\"")
        != std::string::npos);
  CHECK(lines[19 - text].find("\"base64\":\"/wD+IHplcm8=\"")
        != std::string::npos);
  CHECK(lines[11] == "{\"end\":\"task-1/a\",\"facts\":8,\"bodies\":2}");
  // Only what its fields do not say whole is written as bytes too.
  for (int i : {1, 2, 3, 4, 6})
    CHECK(lines[i].find("\"raw\"") == std::string::npos);
  CHECK(lines[7].find("\"raw\"") != std::string::npos);
  CHECK(lines[7].find("\"noted\"") != std::string::npos);
  CHECK(lines[8].find("\"fact\"") == std::string::npos);
}

TEST_CASE("a damaged file is refused where it is damaged") {
  auto whole = lines_of(written(task()));
  struct damage {
    std::string line;
    std::string expected;
    std::function<void(std::vector<std::string>&)> done;
  };
  auto change = [](std::size_t line, std::string what, std::string by) {
    return [=](std::vector<std::string>& lines) {
      lines[line - 1] = replaced(lines[line - 1], what, by);
    };
  };
  auto erase = [](std::size_t line) {
    return [=](std::vector<std::string>& lines) {
      lines.erase(lines.begin() + static_cast<std::ptrdiff_t>(line - 1));
    };
  };
  const std::vector<damage> damages{
      {"1", "a header with \"format\":\"shannon-history\"",
       change(1, "shannon-history", "strace")},
      {"1", "\"format_version\":1",
       change(1, "format_version\":1", "format_version\":2")},
      {"1", "a log's id", change(1, "task-1/a", "")},
      {"1", "a status", change(1, "needs_operator", "tired")},
      {"1", "base_checksum", change(1, "0000000000000000", "00")},
      {"1", "a header", erase(1)},
      {"3", "version 2", erase(3)},
      {"4", "checksum ", change(4, "\"name\":\"go\"", "\"name\":\"no\"")},
      {"4", "checksum ", change(4, "\"checksum\":\"", "\"checksum\":\"0")},
      {"4", "a fact this build knows",
       change(4, "\"payload\"", "\"paid_load\"")},
      {"4", "a JSON object", change(4, "{", "")},
      {"9", "base64 in \"raw\"", change(9, "\"raw\":\"", "\"raw\":\"=")},
      {"11", "8 facts before the end", erase(9)},
      {"11", "2 bodies before the end", erase(10)},
      {"12", "the end of task-1/a", change(12, "task-1/a", "task-1")},
      {"12", "the end of task-1/a", erase(12)},
      {"12", "a fact, a body or the end", change(12, "end", "fin")},
      {"13", "a header", [](auto& lines) { lines.push_back(lines.back()); }},
      {"12", "facts before bodies",
       [](auto& lines) { lines.insert(lines.begin() + 11, lines[8]); }},
  };
  for (const auto& one : damages) {
    auto lines = whole;
    one.done(lines);
    auto got = read(joined(lines));
    INFO(one.line << " " << one.expected);
    REQUIRE_FALSE(got);
    INFO(got.error().text);
    CHECK(got.error().code == errc::invalid_argument);
    CHECK(got.error().text.starts_with("line " + one.line + ": expected "));
    CHECK(got.error().text.find(one.expected) != std::string::npos);
    CHECK(got.error().text.find(", found ") != std::string::npos);
  }
}

TEST_CASE("a body that is not what facts refer to is refused") {
  auto log = task();
  log.bodies[workflow::sha256(long_text)] = "another";
  auto forged = read(written(log));
  REQUIRE_FALSE(forged);
  CHECK(forged.error().text.find("content with hash ") != std::string::npos);

  log.bodies.erase(workflow::sha256(long_text));
  auto missing = read(written(log));
  REQUIRE_FALSE(missing);
  CHECK(missing.error().text.find("which version 1 refers to")
        != std::string::npos);
  // Only where bodies were left out on purpose.
  log.header.redacted = true;
  CHECK(read(written(log)));
}

TEST_CASE("what is no export at all is refused in the first line") {
  for (const char* text : {"", "\n", "PGDMP\x01\x0e", "{}", "[]", "null\n"}) {
    auto got = read(text);
    INFO(text);
    REQUIRE_FALSE(got);
    CHECK(got.error().text.starts_with("line 1: expected "));
  }
}

TEST_CASE("no body of a fact is forgotten") {
  using google::protobuf::FieldDescriptor;
  const auto* fact = facts::Fact::descriptor();
  const auto* body = facts::Body::descriptor();
  for (int i = 0; i < fact->field_count(); ++i) {
    const auto* kind = fact->field(i)->message_type();
    if (!kind || !fact->field(i)->containing_oneof())
      continue;
    for (int k = 0; k < kind->field_count(); ++k) {
      if (kind->field(k)->message_type() != body)
        continue;
      INFO(kind->full_name());
      facts::Fact one;
      auto* part = one.GetReflection()->MutableMessage(&one, fact->field(i));
      auto* found = part->GetReflection()->MutableMessage(part, kind->field(k));
      CHECK(body_of(one) == found);
      CHECK(mutable_body_of(one) == found);
      CHECK_FALSE(reference_of(one));
      mutable_body_of(one)->set_blob("hash");
      CHECK(*reference_of(one) == "hash");
    }
  }
}
