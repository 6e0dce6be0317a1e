#pragma once

#include <vector>

namespace shannon::bench {

/// The value below which `share` of all lie, from 0 to 1; reorders them. Of
/// none: 0.
double quantile(std::vector<double>& all, double share);

} // namespace shannon::bench
