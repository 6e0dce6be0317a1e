#include "config/keys.hpp"
#include "config/schema.hpp"
#include "config/units.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

using namespace shannon::config;

namespace {

const std::string source_dir = SHANNON_SOURCE_DIR;

std::string read(const std::string& path) {
  std::ifstream in{source_dir + "/" + path};
  return {std::istreambuf_iterator<char>{in}, {}};
}

} // namespace

TEST_CASE("the schema that is shipped is the one the table makes") {
  // To renew it: SHANNON_WRITE_GOLDEN=1 build/dev/settings_test
  if (std::getenv("SHANNON_WRITE_GOLDEN"))
    std::ofstream{source_dir + "/config/manifest.schema.json"}
        << manifest_schema();
  CHECK(read("config/manifest.schema.json") == manifest_schema());
}

TEST_CASE("the schema knows each key of the table") {
  auto schema = nlohmann::json::parse(manifest_schema());
  for (const auto& key : keys()) {
    auto name = std::string{key.name};
    INFO(path_of(key));
    const auto& node = schema["properties"]["nodes"]["items"]["properties"];
    if (key.section.empty())
      CHECK(schema["properties"].contains(name));
    else if (key.section == "node")
      CHECK(node.contains(name));
    else
      CHECK(schema["$defs"][std::string{key.section}]["properties"].contains(
          name));
  }
}

TEST_CASE("each field of a settings section has a key") {
  auto header = read("config/settings.hpp");
  std::regex section{
      R"(struct (membership|store|http|identity|llm|tool|browser|daemon|run|retention|link|tls)_settings \{([^}]*(\{[^}]*\}[^}]*)*)\n\};)"};
  std::regex field{
      R"(\n  (?:bool|std::\S+|milliseconds|seconds) (\w+)\s*[={;])"};
  // These stand elsewhere in a manifest.
  std::set<std::string> elsewhere{"store.dsn", "store.shards", "http.dev"};
  int sections = 0;
  for (std::sregex_iterator at{header.begin(), header.end(), section}, end;
       at != end; ++at, ++sections) {
    auto name = (*at)[1].str();
    auto body = "\n" + (*at)[2].str();
    std::set<std::string> fields;
    for (std::sregex_iterator f{body.begin(), body.end(), field}; f != end; ++f)
      if (elsewhere.count(name + "." + (*f)[1].str()) == 0)
        fields.insert((*f)[1]);
    auto known = key_names(name);
    CHECK(fields == std::set<std::string>{known.begin(), known.end()});
  }
  CHECK(sections == 12);
}

TEST_CASE("each default is a value that may be set") {
  settings defaults;
  for (const auto& key : keys()) {
    INFO(path_of(key));
    settings other;
    auto text = value_of(key, defaults);
    CHECK(assign(key, other, text));
    CHECK(value_of(key, other) == text);
  }
}

TEST_CASE("no two keys share a name, a variable or a place") {
  std::set<std::string> paths;
  std::set<std::string> variables;
  std::set<const void*> places;
  settings all;
  for (const auto& key : keys()) {
    CHECK(paths.insert(path_of(key)).second);
    CHECK(variables.insert(variable_of(key)).second);
    CHECK(places
              .insert(std::visit([](auto* p) -> const void* { return p; },
                                 key.where(all)))
              .second);
    CHECK(!key.doc.empty());
  }
}

TEST_CASE("the bounds of a key fit its place") {
  settings all;
  for (const auto& key : keys())
    if (std::holds_alternative<std::uint32_t*>(key.where(all))) {
      INFO(path_of(key));
      CHECK(key.most <= 0xFFFF'FFFFull);
    }
}
