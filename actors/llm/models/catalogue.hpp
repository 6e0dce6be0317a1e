#pragma once

#include "actors/llm/models/pricing.hpp"
#include "protocols/errc.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::llm {

enum class provider_kind : std::uint8_t { local, openai, anthropic };

enum class tier : std::uint8_t { small, medium, large };

std::string_view to_string(tier which) noexcept;
std::optional<tier> parse_tier(std::string_view name) noexcept;

/// `http://127.0.0.1:8000/v1`, taken apart.
struct base_url {
  bool tls = true;
  std::string host;
  std::uint16_t port = 443;
  std::string path; ///< Without a slash at its end; may be empty.
};

/// Only http and https, without user, query or fragment.
result<base_url> parse_base_url(std::string_view text);

struct provider_entry {
  std::string name;
  provider_kind kind = provider_kind::local;
  base_url url;
  /// A secret: never logged, never in an error.
  std::string api_key;
  std::string api_key_env;
  /// The base URL was named by the environment.
  bool is_redirected = false;

  bool is_local() const noexcept {
    return kind == provider_kind::local;
  }
  /// A key is there, or a server of one's own that needs none.
  bool is_usable() const noexcept {
    return is_local() || !api_key.empty() || is_redirected;
  }
};

struct model_entry {
  std::string id;
  std::string provider;
  tier size = tier::medium;
  std::uint32_t priority = 100;
  std::uint32_t context_tokens = 0;
  std::uint32_t output_tokens = 0; ///< 0: the provider's own limit.
  bool fixed_temperature = false;
  prices costs;
};

/// All providers and models of a node, as models.yaml and the environment
/// name them. Immutable once loaded.
struct catalogue {
  std::vector<provider_entry> providers;
  std::vector<model_entry> models;

  const provider_entry* provider(std::string_view name) const noexcept;
  const model_entry* model(std::string_view id) const noexcept;
};

/// Reads an environment variable; tests bring their own.
using environment
    = std::function<std::optional<std::string>(const std::string& name)>;

/// The process's own.
std::optional<std::string> process_environment(const std::string& name);

/// Reads a models.yaml. An unknown key, a wrong type, a provider nobody
/// declared or an id given twice is refused with `source`, line and key.
result<catalogue> parse_catalogue(const std::string& yaml,
                                  const std::string& source,
                                  const environment& env);

/// The file, or the one compiled in if `file` is empty.
result<catalogue> load_catalogue(const std::string& file,
                                 const environment& env = process_environment);

} // namespace shannon::llm
