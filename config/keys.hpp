#pragma once

#include "config/settings.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Every key an operator may set, once: manifest, environment, schema and
/// explanation are all made from this table.
namespace shannon::config {

enum class unit_kind : std::uint8_t {
  number,
  bytes,
  duration, ///< Bounds are in milliseconds.
  text,     ///< Bounds are lengths.
  flag,
  host_port, ///< May be empty if `least` is 0.
  host_ports,
  host_patterns, ///< `*.example.com`, or for one tenant `acme=*.example.com`.
  networks,      ///< `10.0.0.0/8`, `fd00::/8`, or one address.
};

constexpr bool is_list(unit_kind unit) noexcept {
  return unit == unit_kind::host_ports || unit == unit_kind::host_patterns
         || unit == unit_kind::networks;
}

using target
    = std::variant<bool*, std::uint32_t*, std::uint64_t*, milliseconds*,
                   std::string*, std::vector<std::string>*>;

struct key_spec {
  /// Where it stands in the manifest; empty for the top level.
  std::string_view section;
  std::string_view name;
  unit_kind unit;
  std::uint64_t least;
  std::uint64_t most;
  std::string_view doc;
  target (*where)(settings&);
  /// May hold a password: never shown.
  bool secret = false;
};

const std::vector<key_spec>& keys();

/// Null if there is none.
const key_spec* find_key(std::string_view section, std::string_view name);

/// Names of the keys of one section, in the order of the table.
std::vector<std::string_view> key_names(std::string_view section);

/// The sections of the table, without the top level.
std::vector<std::string_view> section_names();

/// Those of them that a node may have of its own; the others hold for all.
const std::vector<std::string_view>& node_section_names();

/// `store.writers`, or `shards` at the top level.
std::string path_of(const key_spec& key);

/// `SHANNON_STORE__WRITERS`.
std::string variable_of(const key_spec& key);

/// `a duration from 1ms to 1h, such as 30s`.
std::string expectation_of(const key_spec& key);

/// Reads `text` into its place in `into`. An error says what was expected and
/// what was found, not where.
result<void> assign(const key_spec& key, settings& into,
                    const std::string& text);

/// For lists: one element a text.
result<void> assign_list(const key_spec& key, settings& into,
                         const std::vector<std::string>& texts);

/// The value as one would write it in a manifest.
std::string value_of(const key_spec& key, const settings& from);

/// What differs from the defaults, as `section.key=value`, by name; without
/// secrets, without what a node's row says anyway (its name and doors) and
/// without where a machine keeps its secrets, which `cluster start` decides.
std::vector<std::string> chosen_settings(const settings& from);

/// What a node may do; `roles` in the manifest.
const std::vector<std::string_view>& known_roles();

/// Rules that no single key can check. An error names the keys.
result<void> check_together(const settings& all);

} // namespace shannon::config
