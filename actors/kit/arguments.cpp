// The one place that compiles valijson. Without this it would abort the node
// over a bad schema.
#define VALIJSON_USE_EXCEPTIONS 1

#include "actors/kit/arguments.hpp"

#include "actors/kit/text.hpp"

#include <nlohmann/json.hpp>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

#include <algorithm>
#include <exception>

namespace shannon::kit {

namespace {

using nlohmann::json;

auto bad(std::string why) {
  return fail(errc::invalid_argument, "arguments: " + std::move(why));
}

/// A value as a model recognises it: short, and of a large one the kind only.
std::string found_text(const json& value) {
  if (value.is_structured())
    return value.is_array() ? "an array" : "an object";
  auto text = value.dump(-1, ' ', false, json::error_handler_t::replace);
  return text.size() <= 60 ? text
                           : std::string{utf8_prefix(text, 57)} + "...";
}

std::string kind_text(const json& value) {
  if (value.is_number_integer())
    return "integer";
  return value.type_name();
}

/// `[a]`, `[0]` as valijson writes places.
std::string unbracketed(const std::string& step) {
  return step.size() >= 2 && step.front() == '['
             ? step.substr(1, step.size() - 2)
             : step;
}

/// The value and the sub-schema at the place of an error.
struct place {
  std::string name;
  const json* value = nullptr;
  const json* schema = nullptr;
};

const json* member(const json* of, const std::string& key) {
  if (of == nullptr || !of->is_object())
    return nullptr;
  auto at = of->find(key);
  return at == of->end() ? nullptr : &*at;
}

place locate(const json& arguments, const json& schema,
             const std::vector<std::string>& context) {
  place out{{}, &arguments, &schema};
  for (std::size_t i = 1; i < context.size(); ++i) {
    auto step = unbracketed(context[i]);
    if (out.value->is_array()) {
      auto index
          = static_cast<std::size_t>(std::strtoul(step.c_str(), nullptr, 10));
      if (index >= out.value->size())
        return out;
      out.value = &(*out.value)[index];
      out.schema = member(out.schema, "items");
      out.name += "[" + step + "]";
    } else {
      const auto* next = member(out.value, step);
      if (next == nullptr)
        return out;
      out.value = next;
      out.schema = member(member(out.schema, "properties"), step);
      out.name += (out.name.empty() ? "" : ".") + step;
    }
  }
  return out;
}

/// What the sub-schema wants of a value like this one.
std::string expected_text(const json& schema, const json& value) {
  auto text = [&](const char* key) {
    const auto* rule = member(&schema, key);
    return rule == nullptr ? std::string{} : found_text(*rule);
  };
  if (const auto* list = member(&schema, "enum"))
    return "one of " + list->dump();
  const auto* type = member(&schema, "type");
  auto kind = kind_text(value);
  if (type != nullptr && type->is_string()) {
    auto wanted = type->get<std::string>();
    if (wanted != kind && !(wanted == "number" && value.is_number()))
      return wanted;
  }
  std::string out;
  auto add = [&](const std::string& what, const std::string& bound) {
    if (!bound.empty())
      out += (out.empty() ? "" : ", ") + what + bound;
  };
  if (value.is_number()) {
    add("at least ", text("minimum"));
    add("at most ", text("maximum"));
  } else if (value.is_string()) {
    add("at least this many characters: ", text("minLength"));
    add("at most this many characters: ", text("maxLength"));
    add("text like ", text("pattern"));
  } else if (value.is_array()) {
    add("at least this many items: ", text("minItems"));
    add("at most this many items: ", text("maxItems"));
  }
  return out;
}

std::string explain(const json& arguments, const json& schema,
                    const valijson::ValidationResults::Error& error) {
  auto where = locate(arguments, schema, error.context);
  auto prefix = where.name.empty() ? std::string{} : where.name + ".";
  if (where.schema != nullptr && where.value->is_object()) {
    if (const auto* list = member(where.schema, "required"))
      for (const auto& key : *list)
        if (!where.value->contains(key.get_ref<const std::string&>()))
          return "field \"" + prefix + key.get<std::string>()
                 + "\" is required, found nothing";
    const auto* known = member(where.schema, "properties");
    if (const auto* more = member(where.schema, "additionalProperties");
        more != nullptr && *more == false && known != nullptr)
      for (const auto& item : where.value->items())
        if (!known->contains(item.key())) {
          std::string names;
          for (const auto& field : known->items())
            names += (names.empty() ? "" : ", ") + field.key();
          return "field \"" + prefix
                 + std::string{utf8_prefix(item.key(), 60)}
                 + "\" is unknown, expected " + names;
        }
  }
  auto name = where.name.empty() ? std::string{"arguments"}
                                 : "field \"" + where.name + "\"";
  auto expected = where.schema == nullptr
                      ? std::string{}
                      : expected_text(*where.schema, *where.value);
  if (expected.empty())
    return name + ": " + error.description;
  auto found = found_text(*where.value);
  if (where.value->is_string())
    found = "a string of "
            + std::to_string(where.value->get_ref<const std::string&>().size())
            + " bytes, " + found;
  return name + ": expected " + expected + ", found " + found;
}

} // namespace

std::size_t json_depth(std::string_view text) noexcept {
  std::size_t depth = 0;
  std::size_t deepest = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      deepest = std::max(deepest, ++depth);
    } else if ((c == '}' || c == ']') && depth > 0) {
      --depth;
    }
  }
  return deepest;
}

result<json> parse_arguments(std::string_view text) {
  if (text.size() > arguments_bytes_max)
    return bad("expected at most " + std::to_string(arguments_bytes_max)
               + " bytes, found " + std::to_string(text.size()));
  if (text.find_first_not_of(" \t\r\n") == std::string_view::npos)
    return json::object();
  if (json_depth(text) > arguments_depth_max)
    return bad("expected at most " + std::to_string(arguments_depth_max)
               + " levels of nesting, found more");
  try {
    auto out = json::parse(text);
    if (!out.is_object())
      return bad(std::string{"expected a JSON object, found "}
                 + out.type_name());
    return out;
  } catch (const json::parse_error& e) {
    return bad("expected a JSON object, found text that is no JSON at byte "
               + std::to_string(e.byte));
  } catch (const json::exception&) {
    return bad("expected a JSON object, found a number out of range");
  }
}

struct argument_schema::compiled {
  json source;
  valijson::Schema schema;
};

result<argument_schema> argument_schema::compile(std::string_view text) {
  auto out = std::make_shared<compiled>();
  try {
    out->source = json::parse(text);
    valijson::SchemaParser parser;
    parser.populateSchema(valijson::adapters::NlohmannJsonAdapter{out->source},
                          out->schema);
  } catch (const std::exception& e) {
    return fail(errc::invalid_argument,
                std::string{"not a JSON Schema: "} + e.what());
  }
  argument_schema made;
  made.compiled_ = std::move(out);
  return made;
}

result<void> argument_schema::check(const json& arguments) const {
  try {
    valijson::Validator validator{valijson::Validator::kStrongTypes};
    valijson::ValidationResults found;
    valijson::adapters::NlohmannJsonAdapter adapter{arguments};
    if (validator.validate(compiled_->schema, adapter, &found))
      return {};
    valijson::ValidationResults::Error first;
    if (!found.popError(first))
      return bad("do not match the tool's schema");
    return fail(errc::invalid_argument,
                explain(arguments, compiled_->source, first));
  } catch (const std::exception& e) {
    return bad(std::string{"cannot be checked: "} + e.what());
  }
}

} // namespace shannon::kit
