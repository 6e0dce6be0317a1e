#include "protocols/errc.hpp"

#include <array>
#include <utility>

namespace shannon {

namespace {

constexpr std::array<std::pair<errc, std::string_view>, 12> names{{
  {errc::ok, "ok"},
  {errc::invalid_argument, "invalid_argument"},
  {errc::not_found, "not_found"},
  {errc::conflict, "conflict"},
  {errc::fenced, "fenced"},
  {errc::overloaded, "overloaded"},
  {errc::unavailable, "unavailable"},
  {errc::timeout, "timeout"},
  {errc::cancelled, "cancelled"},
  {errc::denied, "denied"},
  {errc::failed, "failed"},
  {errc::mismatch, "mismatch"},
}};

} // namespace

std::string_view to_string(errc code) noexcept {
  for (const auto& [key, name] : names)
    if (key == code)
      return name;
  return "failed";
}

errc errc_from_string(std::string_view name) noexcept {
  for (const auto& [key, text] : names)
    if (text == name)
      return key;
  return errc::failed;
}

} // namespace shannon
