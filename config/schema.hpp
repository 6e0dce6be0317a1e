#pragma once

#include <string>

namespace shannon::config {

/// JSON Schema (2020-12) of a manifest, for editors. The file
/// `config/manifest.schema.json` holds the same text.
std::string manifest_schema();

} // namespace shannon::config
