#include "actors/browser/page/drawing.hpp"
#include "actors/browser/page/locate.hpp"
#include "actors/browser/page/thumbnail.hpp"
#include "actors/kit/bytes_text.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

constexpr std::size_t piece_bytes = 512 * 1024;

asio::awaitable<area> area_of(action_call& call) {
  area out;
  out.width = call.in.options().width;
  out.height = call.in.options().height;
  auto page = call.in.current_tab();
  bool element = call.has("selector");
  if (element) {
    needs wanted{"visible", "stable", "scroll", "box"};
    auto found
        = co_await locate(call, call.text("selector"), std::move(wanted));
    out.x = found.x;
    out.y = found.y;
    out.width = found.width;
    out.height = found.height;
  }
  auto sizes = co_await page->ask("Page.getLayoutMetrics", json::object(),
                                  call.deadline);
  auto& window = sizes["cssVisualViewport"];
  auto left = window.value("pageX", 0.0);
  auto top = window.value("pageY", 0.0);
  if (element) {
    out.beyond = out.x < 0 || out.y < 0
                 || out.x + out.width > call.in.options().width
                 || out.y + out.height > call.in.options().height;
    out.x += left;
    out.y += top;
  } else if (call.given.value("full_page", false)) {
    auto& content = sizes["cssContentSize"];
    out.width = std::max(content.value("width", 0.0), 1.0);
    out.height = std::max(content.value("height", 0.0), 1.0);
    out.beyond = true;
  } else {
    out.x = left;
    out.y = top;
    out.window = true;
  }
  out.bound();
  co_return out;
}

/// On another thread: the loop has other sessions to attend to.
asio::awaitable<void> add_thumbnail(action_call& call, std::string image) {
  auto draw = [image = std::move(image)]() -> asio::awaitable<std::string> {
    co_return make_thumbnail(image).value_or("");
  };
  auto drawn = co_await asio::co_spawn(call.in.browser().drawing(),
                                       std::move(draw), asio::use_awaitable);
  if (!drawn.empty())
    call.out.metadata["thumbnail"] = kit::to_base64(drawn);
}

/// Reads a body of Chromium's piece by piece; stops above the limit.
asio::awaitable<std::string> read_stream(action_call& call, std::string handle,
                                         std::size_t most) {
  auto page = call.in.current_tab();
  std::string out;
  for (bool more = true; more;) {
    json how{{"handle", handle}, {"size", piece_bytes}};
    auto piece = co_await page->ask("IO.read", std::move(how), call.deadline);
    auto data = piece.value("data", std::string{});
    if (piece.value("base64Encoded", false))
      data = kit::from_base64(data).value_or("");
    out += data;
    more = !piece.value("eof", true) && out.size() <= most;
  }
  page->send("IO.close", {{"handle", handle}});
  co_return out;
}

} // namespace

asio::awaitable<void> do_screenshot(action_call& call) {
  auto limit = call.in.options().screenshot_bytes_max;
  auto format = call.text("format", "png");
  auto of = co_await area_of(call);
  if (of.width < 1 || of.height < 1)
    throw action_failed{"there is nothing to draw: it has no size"};
  auto image = co_await draw(call, of, std::move(format), limit);
  if (image.bytes.size() > limit)
    throw action_failed{"the image has " + std::to_string(image.bytes.size())
                        + " bytes, and " + std::to_string(limit)
                        + " are the limit; draw an element"};
  co_await add_thumbnail(call, image.bytes);
  auto name = call.in.file_name("screenshot", image.ending());
  auto size = std::to_string(static_cast<int>(of.width)) + "x"
              + std::to_string(static_cast<int>(of.height));
  call.out.output = name + " (" + size + ", "
                    + std::to_string(image.bytes.size()) + " bytes) of "
                    + call.page().url();
  if (of.cut)
    call.out.output += "\nnote: the page is larger; this is its beginning";
  call.out.metadata["width"] = static_cast<int>(of.width);
  call.out.metadata["height"] = static_cast<int>(of.height);
  call.out.metadata["file"] = name;
  call.out.attachments.push_back(
      {std::move(name), "image/" + image.format, std::move(image.bytes)});
}

asio::awaitable<void> do_pdf(action_call& call) {
  auto limit = call.in.options().download_bytes_max;
  auto page = call.in.current_tab();
  json how{{"printBackground", true},
           {"transferMode", "ReturnAsStream"},
           {"landscape", call.given.value("landscape", false)}};
  auto got
      = co_await page->ask("Page.printToPDF", std::move(how), call.deadline);
  auto bytes
      = co_await read_stream(call, got.value("stream", std::string{}), limit);
  if (bytes.size() > limit)
    throw action_failed{"the document has more than " + std::to_string(limit)
                        + " bytes, which is the limit"};
  auto name = call.in.file_name("page", "pdf");
  call.out.output = name + " (" + std::to_string(bytes.size()) + " bytes) of "
                    + page->url();
  call.out.metadata["file"] = name;
  call.out.attachments.push_back(
      {std::move(name), "application/pdf", std::move(bytes)});
}

} // namespace shannon::browser
