#include "tests/bench/quantile.hpp"

#include <algorithm>
#include <cstddef>

namespace shannon::bench {

double quantile(std::vector<double>& all, double share) {
  if (all.empty())
    return 0;
  auto at = all.begin()
            + static_cast<std::ptrdiff_t>(
                share * static_cast<double>(all.size() - 1));
  std::nth_element(all.begin(), at, all.end());
  return *at;
}

} // namespace shannon::bench
