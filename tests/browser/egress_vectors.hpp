#pragma once

#include "actors/kit/egress/resolve.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace shannon::test {

/// One line of egress_vectors.txt.
struct egress_vector {
  std::string kind;
  std::string url;
};

struct egress_vectors {
  std::map<std::string, std::vector<std::string>> names;
  std::vector<egress_vector> all;

  /// A resolver that answers what the table says.
  kit::name_lookup lookup() const;
};

/// The table, with `port` where it says {port}.
egress_vectors read_egress_vectors(std::uint16_t port);

} // namespace shannon::test
