#include "actors/llm/models/catalogue.hpp"

#include <yaml-cpp/yaml.h>

#include <initializer_list>
#include <set>

namespace shannon::llm {

namespace {

/// Thrown inside this file only: a reader is left from any depth.
struct mistake {
  int line;
  std::string why;
};

[[noreturn]] void refuse(const YAML::Node& where, const std::string& why) {
  throw mistake{where.Mark().line + 1, why};
}

/// Every key of the map is one of `known`, and there once.
void check_keys(const YAML::Node& map, const std::string& what,
                std::initializer_list<std::string_view> known) {
  if (!map.IsMap())
    refuse(map, what + ": a map expected");
  std::set<std::string> seen;
  for (const auto& entry : map) {
    auto key = entry.first.as<std::string>("");
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      std::string allowed;
      for (auto name : known)
        allowed += (allowed.empty() ? "" : ", ") + std::string{name};
      refuse(entry.first,
             what + ": unknown key " + key + " (allowed: " + allowed + ")");
    }
    if (!seen.insert(key).second)
      refuse(entry.first, what + ": " + key + " stands twice");
  }
}

std::string text(const YAML::Node& map, const std::string& what,
                 const char* key, bool required = true) {
  auto node = map[key];
  if (!node) {
    if (required)
      refuse(map, what + ": " + key + " is missing");
    return {};
  }
  auto value = node.IsScalar() ? node.Scalar() : std::string{};
  if (value.empty() || value.size() > 200)
    refuse(node, what + "." + key + ": a text of 1 to 200 bytes expected");
  return value;
}

std::uint32_t count(const YAML::Node& map, const std::string& what,
                    const char* key, std::uint32_t otherwise) {
  constexpr std::uint32_t most = 100'000'000;
  auto node = map[key];
  if (!node)
    return otherwise;
  auto value = node.IsScalar() ? node.as<std::int64_t>(-1) : -1;
  if (value < 0 || value > most)
    refuse(node, what + "." + key + ": a whole number from 0 to "
                     + std::to_string(most) + " expected");
  return static_cast<std::uint32_t>(value);
}

prices read_prices(const YAML::Node& map, const std::string& what) {
  check_keys(map, what, {"input", "output", "cache_read", "cache_write"});
  auto price = [&](const char* key) -> std::optional<std::int64_t> {
    auto node = map[key];
    if (!node)
      return std::nullopt;
    auto value = node.IsScalar() ? parse_price(node.Scalar()) : std::nullopt;
    if (!value)
      refuse(node, what + "." + key
                       + ": US dollars per million tokens from 0 to 1000 "
                         "with at most 6 decimals expected");
    return value;
  };
  prices out;
  auto input = price("input");
  auto output = price("output");
  if (!input || !output)
    refuse(map, what + ": input and output are needed");
  out.input = *input;
  out.output = *output;
  out.cache_read = price("cache_read").value_or(out.input);
  out.cache_write = price("cache_write").value_or(out.input);
  return out;
}

provider_kind read_kind(const YAML::Node& map, const std::string& what) {
  auto kind = text(map, what, "kind");
  if (kind == "local")
    return provider_kind::local;
  if (kind == "openai")
    return provider_kind::openai;
  if (kind == "anthropic")
    return provider_kind::anthropic;
  refuse(map["kind"], what + ".kind: local, openai or anthropic expected");
}

/// Named by a variable: its value, else none.
std::optional<std::string> from(const environment& env, const YAML::Node& map,
                                const std::string& what, const char* key) {
  auto name = text(map, what, key, false);
  if (name.empty())
    return std::nullopt;
  auto value = env(name);
  return value && !value->empty() ? value : std::nullopt;
}

provider_entry read_provider(const std::string& name, const YAML::Node& map,
                             const environment& env) {
  auto what = "providers." + name;
  check_keys(map, what,
             {"kind", "base_url", "base_url_env", "api_key_env", "model_env"});
  provider_entry out;
  out.name = name;
  out.kind = read_kind(map, what);
  if (out.is_local())
    return out;
  auto url = text(map, what, "base_url");
  auto named = from(env, map, what, "base_url_env");
  out.is_redirected = named && *named != url;
  auto parsed = parse_base_url(named ? *named : url);
  if (!parsed)
    refuse(map[named ? "base_url_env" : "base_url"],
           what + ": " + parsed.error().text);
  out.url = std::move(*parsed);
  // Its clients write the version with the path, OpenAI's with the base.
  auto& path = out.url.path;
  if (out.kind == provider_kind::anthropic && path.size() >= 3
      && path.compare(path.size() - 3, 3, "/v1") == 0)
    path.erase(path.size() - 3);
  out.api_key_env = text(map, what, "api_key_env", false);
  out.api_key = from(env, map, what, "api_key_env").value_or("");
  return out;
}

model_entry read_model(const YAML::Node& map, const catalogue& so_far) {
  check_keys(map, "models",
             {"id", "provider", "tier", "priority", "context_tokens",
              "output_tokens", "fixed_temperature", "prices"});
  model_entry out;
  out.id = text(map, "models", "id");
  auto what = "models." + out.id;
  if (so_far.model(out.id) != nullptr)
    refuse(map["id"], what + " stands twice");
  out.provider = text(map, what, "provider");
  if (so_far.provider(out.provider) == nullptr)
    refuse(map["provider"], what + ": unknown provider " + out.provider);
  auto size = parse_tier(text(map, what, "tier"));
  if (!size)
    refuse(map["tier"], what + ".tier: small, medium or large expected");
  out.size = *size;
  out.priority = count(map, what, "priority", out.priority);
  out.context_tokens = count(map, what, "context_tokens", 0);
  out.output_tokens = count(map, what, "output_tokens", 0);
  if (auto node = map["fixed_temperature"]) {
    try {
      out.fixed_temperature = node.as<bool>();
    } catch (const YAML::Exception&) {
      refuse(node, what + ".fixed_temperature: true or false expected");
    }
  }
  if (!map["prices"])
    refuse(map, what + ": prices is missing");
  out.costs = read_prices(map["prices"], what + ".prices");
  return out;
}

/// One model in the place of all of a provider's, in every tier.
void put_in_place(catalogue& all, const std::string& provider,
                  const std::string& id) {
  model_entry one;
  if (const auto* known = all.model(id); known && known->provider == provider)
    one = *known;
  one.id = id;
  one.provider = provider;
  one.size = tier::medium;
  for (const auto& model : all.models)
    if (model.provider == provider)
      one.priority = std::min(one.priority, model.priority);
  std::erase_if(all.models, [&](const auto& x) {
    return x.provider == provider || x.id == id;
  });
  all.models.push_back(std::move(one));
}

catalogue read(const YAML::Node& root, const environment& env) {
  check_keys(root, "models file", {"providers", "models"});
  catalogue out;
  auto providers = root["providers"];
  if (!providers || !providers.IsMap())
    refuse(root, "providers: a map expected");
  for (const auto& entry : providers) {
    auto name = entry.first.as<std::string>("");
    if (out.provider(name) != nullptr)
      refuse(entry.first, "providers." + name + " stands twice");
    out.providers.push_back(read_provider(name, entry.second, env));
  }
  auto models = root["models"];
  if (!models || !models.IsSequence() || models.size() == 0)
    refuse(root, "models: a list expected");
  for (const auto& entry : models)
    out.models.push_back(read_model(entry, out));
  for (const auto& entry : providers) {
    auto name = entry.first.as<std::string>("");
    if (auto id = from(env, entry.second, "providers." + name, "model_env"))
      put_in_place(out, name, *id);
  }
  return out;
}

} // namespace

result<catalogue> parse_catalogue(const std::string& yaml,
                                  const std::string& source,
                                  const environment& env) {
  auto wrong = [&](int line, const std::string& why) {
    return fail(errc::invalid_argument,
                source + ":" + std::to_string(line) + ": " + why);
  };
  try {
    return read(YAML::Load(yaml), env);
  } catch (const mistake& what) {
    return wrong(what.line, what.why);
  } catch (const YAML::Exception& thrown) {
    return wrong(thrown.mark.line + 1, thrown.msg);
  }
}

} // namespace shannon::llm
