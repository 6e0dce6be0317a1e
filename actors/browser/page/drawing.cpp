#include "actors/browser/page/drawing.hpp"

#include "actors/kit/bytes_text.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// An image of more is not made: Chromium would hold, and say, too much.
constexpr double pixels_max = 12e6;

asio::awaitable<std::string> shoot(action_call& call, json how) {
  auto page = call.in.current_tab();
  auto got = co_await page->ask("Page.captureScreenshot", std::move(how),
                                call.deadline);
  auto bytes = kit::from_base64(got.value("data", std::string{}));
  if (!bytes)
    throw action_failed{"the page could not be drawn; try again"};
  co_return std::move(*bytes);
}

json clip_of(const area& what) {
  return {{"x", what.x},
          {"y", what.y},
          {"width", what.width},
          {"height", what.height},
          {"scale", 1}};
}

} // namespace

void area::bound() {
  if (width * height <= pixels_max)
    return;
  width = std::min(width, 4000.0);
  height = std::min(height, std::floor(pixels_max / width));
  cut = true;
}

asio::awaitable<drawn> draw(action_call& call, area of, std::string format,
                            std::size_t limit) {
  drawn out{std::move(format), {}};
  json how{{"format", out.format},
           {"optimizeForSpeed", true},
           {"captureBeyondViewport", of.beyond}};
  // Any clip changes the size of the page for a moment, which costs a frame.
  if (!of.window || of.cut)
    how["clip"] = clip_of(of);
  if (out.format == "jpeg")
    how["quality"] = 80;
  out.bytes = co_await shoot(call, how);
  if (out.bytes.size() > limit) {
    // A photograph takes far less as a JPEG.
    out.format = how["format"] = "jpeg";
    how["quality"] = 60;
    out.bytes = co_await shoot(call, std::move(how));
  }
  co_return out;
}

} // namespace shannon::browser
