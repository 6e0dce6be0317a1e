#include "config/chat_models.hpp"

#include "embedded/chat_model_files.hpp"

#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

namespace shannon::config {

namespace {

constexpr std::array<std::string_view, 6> known_keys{
    "id", "description", "mode", "research", "max_tokens", "created"};
constexpr std::array<std::string_view, 4> modes{"simple", "standard", "complex",
                                                "supervisor"};
constexpr std::array<std::string_view, 4> strategies{"quick", "standard",
                                                     "deep", "academic"};
constexpr std::size_t text_bytes_max = 200;
constexpr std::int64_t tokens_max = 16'384;

/// Thrown inside this file only: a reader is left from any depth.
struct mistake {
  int line;
  std::string why;
};

[[noreturn]] void refuse(const YAML::Node& where, const std::string& why) {
  throw mistake{where.Mark().line + 1, why};
}

template <class List>
bool holds(const List& all, std::string_view name) {
  return std::find(all.begin(), all.end(), name) != all.end();
}

template <class List>
std::string listed(const List& all) {
  std::string text;
  for (auto name : all)
    text += (text.empty() ? "" : ", ") + std::string{name};
  return text;
}

std::string text(const YAML::Node& map, const char* key) {
  auto node = map[key];
  if (!node)
    return {};
  if (!node.IsScalar() || node.Scalar().empty()
      || node.Scalar().size() > text_bytes_max)
    refuse(node, std::string{key} + ": a text of 1 to 200 bytes expected");
  return node.Scalar();
}

template <class List>
std::string one_of(const YAML::Node& map, const char* key, const List& all) {
  auto value = text(map, key);
  if (!value.empty() && !holds(all, value))
    refuse(map[key], std::string{key} + ": " + value
                         + ", expected one of: " + listed(all));
  return value;
}

std::int64_t number(const YAML::Node& map, const char* key,
                    std::int64_t otherwise, std::int64_t most) {
  auto node = map[key];
  if (!node)
    return otherwise;
  std::int64_t value = 0;
  if (!node.IsScalar() || !YAML::convert<std::int64_t>::decode(node, value)
      || value < 1 || value > most)
    refuse(node, std::string{key} + ": a whole number from 1 to "
                     + std::to_string(most) + " expected");
  return value;
}

chat_model read_model(const YAML::Node& map) {
  if (!map.IsMap())
    refuse(map, "a map expected for each model");
  for (const auto& entry : map)
    if (auto key = entry.first.as<std::string>(""); !holds(known_keys, key))
      refuse(entry.first,
             "unknown key " + key + " (allowed: " + listed(known_keys) + ")");
  chat_model out;
  out.id = text(map, "id");
  if (out.id.empty())
    refuse(map, "a model without id");
  out.description = text(map, "description");
  out.mode = one_of(map, "mode", modes);
  out.research = one_of(map, "research", strategies);
  out.max_tokens = static_cast<std::uint32_t>(
      number(map, "max_tokens", out.max_tokens, tokens_max));
  out.created = number(map, "created", 0, INT32_MAX);
  return out;
}

chat_models read_models(const std::string& yaml) {
  auto root = YAML::Load(yaml);
  auto list = root.IsMap() ? root["models"] : YAML::Node{};
  if (!list || !list.IsSequence() || list.size() == 0 || root.size() != 1)
    refuse(root, "one key `models` with a list of models expected");
  chat_models out;
  for (const auto& item : list) {
    auto model = read_model(item);
    if (out.find(model.id))
      refuse(item, "model " + model.id + " stands twice");
    out.all.push_back(std::move(model));
  }
  return out;
}

} // namespace

const chat_model* chat_models::find(std::string_view id) const noexcept {
  auto at = std::find_if(all.begin(), all.end(),
                         [&](const auto& model) { return model.id == id; });
  return at == all.end() ? nullptr : &*at;
}

result<chat_models> parse_chat_models(const std::string& yaml,
                                      const std::string& source) {
  try {
    return read_models(yaml);
  } catch (const mistake& found) {
    return fail(errc::invalid_argument,
                source + ":" + std::to_string(found.line) + ": " + found.why);
  } catch (const YAML::Exception& thrown) {
    return fail(errc::invalid_argument,
                source + ":" + std::to_string(thrown.mark.line + 1) + ": "
                    + thrown.msg);
  }
}

result<chat_models> load_chat_models(const std::string& file) {
  if (file.empty()) {
    const auto& [name, text] = embedded::chat_model_files().front();
    return parse_chat_models(std::string{text}, std::string{name});
  }
  std::ifstream in{file};
  std::ostringstream text;
  text << in.rdbuf();
  if (!in)
    return fail(errc::invalid_argument,
                "http.chat_models_file: " + file + " cannot be read");
  return parse_chat_models(text.str(), file);
}

} // namespace shannon::config
