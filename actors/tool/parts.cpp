#include "actors/tool/parts.hpp"

#include <utility>

namespace shannon::tool {

namespace {

constexpr std::size_t disk_threads = 2;
constexpr std::size_t disk_jobs_max = 1024;

kit::egress_options outward_options(const config::tool_settings& from) {
  kit::egress_options out;
  out.allow = from.egress_allow;
  out.redirects_max = from.redirects_max;
  out.bytes_max = from.fetch_bytes_max;
  out.timeout = from.fetch_timeout;
  return out;
}

} // namespace

tool_parts::tool_parts(boost::asio::io_context& io, config::tool_settings from)
    : settings(std::move(from)), loop(io),
      outward(io, outward_options(settings)),
      disk("tool-disk", disk_threads, disk_jobs_max) {}

} // namespace shannon::tool
