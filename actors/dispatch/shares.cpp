#include "actors/dispatch/shares.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>

namespace shannon::dispatch {

std::vector<std::uint64_t> share_out(std::uint64_t capacity,
                                     const std::vector<std::uint64_t>& wanted) {
  std::vector<std::uint64_t> shares(wanted.size(), 0);
  if (capacity == 0 || wanted.empty())
    return shares;
  std::vector<std::size_t> order(wanted.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return wanted[a] < wanted[b]; });
  // Who wants little is served first; what it leaves is for the others.
  auto left = capacity;
  auto count = wanted.size();
  for (auto i : order) {
    shares[i] = std::min(wanted[i], left / count);
    left -= shares[i];
    --count;
  }
  for (std::size_t k = 0; k < order.size(); ++k) {
    auto still = order.size() - k;
    auto more = left / still;
    shares[order[k]] += more;
    left -= more;
  }
  for (auto& share : shares)
    share = std::max<std::uint64_t>(share, 1);
  return shares;
}

} // namespace shannon::dispatch
