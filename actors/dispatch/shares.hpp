#pragma once

#include <cstdint>
#include <vector>

namespace shannon::dispatch {

/// Divides `capacity` among those who want so much each: nobody gets more than
/// it wants while another has less than it wants and less than the first (max-
/// min fairness; Bertsekas and Gallager, Data Networks, 6.5.2). What nobody
/// wants now is divided evenly, so that who wants something next need not ask
/// first. Each gets at least 1 of a capacity that is not 0: the sum may then
/// be above it by as many as there are.
std::vector<std::uint64_t> share_out(std::uint64_t capacity,
                                     const std::vector<std::uint64_t>& wanted);

} // namespace shannon::dispatch
