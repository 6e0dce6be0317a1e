#include "actors/kit/backoff.hpp"

#include <algorithm>

namespace shannon::kit {

std::chrono::milliseconds backoff::ceiling(std::uint32_t attempt) const {
  auto shift = std::min(attempt == 0 ? 0u : attempt - 1, 30u);
  auto grown = least.count() * (std::int64_t{1} << shift);
  return std::min(std::chrono::milliseconds{grown}, most);
}

std::chrono::milliseconds backoff::delay(std::uint32_t attempt,
                                         double chance) const {
  auto top = ceiling(attempt).count();
  auto low = least.count() / 2;
  auto span = static_cast<double>(std::max<std::int64_t>(top - low, 0));
  return std::chrono::milliseconds{
    low + static_cast<std::int64_t>(span * chance)};
}

} // namespace shannon::kit
