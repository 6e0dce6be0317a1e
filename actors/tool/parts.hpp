#pragma once

#include "actors/kit/egress/egress.hpp"
#include "actors/kit/worker_pool.hpp"
#include "config/settings.hpp"

#include <boost/asio/io_context.hpp>

namespace shannon::tool {

/// What the tools of one node share. The loop outlives it.
struct tool_parts {
  tool_parts(boost::asio::io_context& io, config::tool_settings from);

  config::tool_settings settings;
  boost::asio::io_context& loop;
  kit::egress outward;
  /// For files and pages.
  kit::worker_pool disk;
};

} // namespace shannon::tool
