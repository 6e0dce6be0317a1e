#pragma once

#include "protocols/errc.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::workflow {

struct plan_part {
  std::string id;
  std::string description;
  std::vector<std::string> dependencies;
  std::vector<std::string> suggested_tools;
};

struct plan {
  std::string mode = "simple";
  double complexity = 0.1;
  std::vector<plan_part> parts;
};

/// Reads a model's answer: the first JSON object in it. Parts beyond
/// `parts_max` are refused, so are repeated ids; a dependency on an unknown or
/// later-closing cycle is refused too. No part at all is a plan of one.
result<plan> parse_plan(std::string_view answer, std::string_view query,
                        std::uint32_t parts_max);

/// Indexes of parts in waves: each wave leans only on those before it.
std::vector<std::vector<std::size_t>> waves(const plan& what);

/// `{"plan":[{id,name,type}],"deps":[{from,to}]}`: what clients draw.
std::string plan_payload(const plan& what);

} // namespace shannon::workflow
