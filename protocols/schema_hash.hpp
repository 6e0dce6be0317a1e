#pragma once

#include <string>

namespace shannon {

/// 16 hex digits over all message types that cross nodes or reach the disk:
/// two builds with the same can read each other. Others may: fields are added,
/// never renamed; this says whether there is anything to ask about.
std::string wire_schema_hash();

} // namespace shannon
