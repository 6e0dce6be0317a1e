#include "config/schema.hpp"

#include "config/keys.hpp"

#include <nlohmann/json.hpp>

namespace shannon::config {

namespace {

using json = nlohmann::ordered_json;

json type_of(const key_spec& key) {
  json type;
  switch (key.unit) {
  case unit_kind::number:
    type = {{"type", "integer"}, {"minimum", key.least}, {"maximum", key.most}};
    break;
  case unit_kind::bytes:
    type = {{"type", {"integer", "string"}},
            {"pattern", "^[0-9]+(KiB|MiB|GiB)?$"}};
    break;
  case unit_kind::duration:
    type = {{"type", "string"}, {"pattern", "^[0-9]+(ms|s|m|h)$"}};
    break;
  case unit_kind::text:
    type = {
        {"type", "string"}, {"minLength", key.least}, {"maxLength", key.most}};
    break;
  case unit_kind::flag:
    type = {{"type", "boolean"}};
    break;
  case unit_kind::host_port:
    type = {{"type", "string"},
            {"pattern", key.least == 0 ? "^(.+:[0-9]+)?$" : "^.+:[0-9]+$"}};
    break;
  case unit_kind::host_ports:
    type = {{"type", "array"},
            {"maxItems", key.most},
            {"items", {{"type", "string"}, {"pattern", "^.+:[0-9]+$"}}}};
    break;
  case unit_kind::host_patterns:
  case unit_kind::networks:
    type = {{"type", "array"},
            {"maxItems", key.most},
            {"items", {{"type", "string"}, {"minLength", 1}}}};
    break;
  }
  return type;
}

json default_of(const key_spec& key) {
  static const settings defaults;
  auto text = value_of(key, defaults);
  if (key.unit == unit_kind::number)
    return std::stoull(text);
  if (key.unit == unit_kind::flag)
    return text == "true";
  if (is_list(key.unit))
    return json::array();
  return text;
}

json property_of(const key_spec& key) {
  auto property = type_of(key);
  property["default"] = default_of(key);
  property["description"]
      = std::string{key.doc} + " Expected: " + expectation_of(key) + ".";
  return property;
}

json closed_object(json properties) {
  return {{"type", "object"},
          {"additionalProperties", false},
          {"properties", std::move(properties)}};
}

json properties_of(std::string_view section) {
  auto properties = json::object();
  for (const auto& key : keys())
    if (key.section == section)
      properties[std::string{key.name}] = property_of(key);
  return properties;
}

json name_type(const char* doc) {
  return {{"type", "string"},
          {"pattern", "^[A-Za-z0-9._-]{1,64}$"},
          {"description", doc}};
}

json node_type() {
  auto properties = json::object();
  properties["name"] = name_type("Name of the node, once in the manifest.");
  properties["roles"] = {{"type", "array"},
                         {"minItems", 1},
                         {"uniqueItems", true},
                         {"items", {{"enum", known_roles()}}},
                         {"description", "What the node does."}};
  properties.update(properties_of("node"));
  for (auto section : node_section_names())
    properties[std::string{section}]
        = {{"$ref", "#/$defs/" + std::string{section}},
           {"description", "Overrides the section for this node."}};
  auto node = closed_object(std::move(properties));
  node["required"] = {"name", "roles"};
  return node;
}

/// Sections that hold for all nodes while the profile is in force.
json profile_type() {
  auto properties = json::object();
  properties["extends"]
      = name_type("Another profile, which this one goes on from.");
  for (auto section : section_names())
    if (section != "node")
      properties[std::string{section}]
          = {{"$ref", "#/$defs/" + std::string{section}}};
  return closed_object(std::move(properties));
}

} // namespace

std::string manifest_schema() {
  json definitions = json::object();
  auto properties = json::object();
  properties["cluster"] = name_type("Name of the cluster.");
  properties["profile"] = name_type("Which of the profiles is in force.");
  properties["profiles"]
      = {{"type", "object"},
         {"maxProperties", 64},
         {"propertyNames", {{"pattern", "^[A-Za-z0-9._-]{1,64}$"}}},
         {"additionalProperties", profile_type()}};
  properties.update(properties_of(""));
  for (auto section : section_names()) {
    if (section == "node")
      continue;
    auto name = std::string{section};
    definitions[name] = closed_object(properties_of(section));
    properties[name] = {{"$ref", "#/$defs/" + name}};
  }
  properties["nodes"] = {{"type", "array"},
                         {"minItems", 1},
                         {"maxItems", 1'024},
                         {"items", node_type()}};
  auto schema = json::object();
  schema["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  schema["title"] = "Manifest of a Shannon cluster";
  schema.update(closed_object(std::move(properties)));
  schema["required"] = {"nodes"};
  schema["$defs"] = std::move(definitions);
  return schema.dump(2) + "\n";
}

} // namespace shannon::config
