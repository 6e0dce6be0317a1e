#include "actors/browser/page/drawing.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

asio::awaitable<void> do_sections(action_call& call) {
  auto page = call.in.current_tab();
  json how{{"selectors", call.given.value("selectors", json::array())},
           {"min_height", call.given.value("min_height", 300)},
           {"merge_threshold", call.given.value("merge_threshold", 500)},
           {"most", call.given.value("max_sections", 8)}};
  auto got = co_await page->in_page(page->frames.main().id, "sections",
                                    std::move(how), call.deadline);
  auto limit = call.in.options().screenshot_bytes_max;
  std::size_t left = limit;
  json told = json::array();
  for (auto& one : got["sections"]) {
    area of;
    of.x = one["x"].get<double>();
    of.y = one["y"].get<double>();
    of.width = one["width"].get<double>();
    of.height = one["height"].get<double>();
    of.beyond = true;
    of.bound();
    one["index"] = told.size();
    if (of.cut)
      one["cut"] = true;
    std::string format = "png";
    auto image = co_await draw(call, of, std::move(format), left);
    if (image.bytes.size() <= left) {
      left -= image.bytes.size();
      auto name = call.in.file_name("section", image.ending());
      one["file"] = name;
      call.out.attachments.push_back(
          {std::move(name), "image/" + image.format, std::move(image.bytes)});
    } else {
      one["error"] = "not drawn: all sections together would have more than "
                     + std::to_string(limit) + " bytes";
    }
    told.push_back(std::move(one));
  }
  call.out.output = std::to_string(told.size()) + " of "
                    + std::to_string(got.value("total", 0)) + " section(s)";
  call.out.metadata["sections_total"] = got["total"];
  call.out.metadata["sections"] = std::move(told);
}

} // namespace shannon::browser
