#include "actors/browser/page/locate.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;

namespace {

/// For the line about what is missing, and for the first.
constexpr std::size_t reserve_bytes = 400;
constexpr std::size_t least_bytes = 200;
constexpr int depth_max = 4;

struct outline_of_page {
  std::size_t left; ///< Bytes that may still be written.
  std::string text;
  std::uint64_t shown = 0;
  std::uint64_t elements_missing = 0;
  std::uint64_t texts_missing = 0;
  std::uint64_t frames_missing = 0;
  bool cut_short = false;

  void add(const std::string& line, int depth) {
    std::string indent(static_cast<std::size_t>(depth) * 2, ' ');
    // What one frame was given may be less than what it takes indented.
    if (line.size() + indent.size() + 1 > left) {
      ++texts_missing;
      return;
    }
    text += indent + line + "\n";
    left -= line.size() + indent.size() + 1;
  }
};

/// The frame that its parent shows at this place.
asio::awaitable<std::string> frame_at(tab& page, std::string parent, int index,
                                      time_point until) {
  std::vector<std::string> children;
  for (auto& one : page.frames.all())
    if (one.parent == parent)
      children.push_back(one.id);
  for (auto& child : children) {
    json place;
    try {
      place = co_await page.in_page(child, "place", json::object(), until);
    } catch (const document_gone&) {
      continue;
    }
    if (place == index)
      co_return child;
  }
  co_return "";
}

asio::awaitable<void> outline_frame(action_call& call, outline_of_page& out,
                                    std::string frame, json how, int depth) {
  auto page = call.in.current_tab();
  how["most"] = out.left;
  auto got
      = co_await page->in_page(frame, "outline", std::move(how), call.patience);
  if (got.value("absent", false))
    throw action_failed{"no element matches '" + call.text("selector") + "'"};
  out.elements_missing += got.value("acts_missing", 0U);
  out.texts_missing += got.value("texts_missing", 0U);
  out.shown += got.value("acts", 0U) - got.value("acts_missing", 0U);
  out.cut_short = out.cut_short || got.value("cut_short", false);
  if (depth == 0)
    call.out.metadata["scroll"] = got["place"];
  for (auto& line : got["lines"]) {
    if (line.is_string()) {
      out.add(line.get<std::string>(), depth);
      continue;
    }
    out.add(line["line"].get<std::string>(), depth);
    auto text = line["line"].get<std::string>();
    auto indent = static_cast<int>(text.find_first_not_of(' ') / 2);
    if (depth >= depth_max || out.left < least_bytes) {
      ++out.frames_missing;
      continue;
    }
    auto child = co_await frame_at(*page, frame, line.value("frame", -1),
                                   call.patience);
    if (child.empty()) {
      ++out.frames_missing;
      continue;
    }
    try {
      co_await outline_frame(call, out, child, json::object(),
                             depth + indent + 1);
    } catch (const document_gone&) {
      ++out.frames_missing;
    }
  }
}

std::string missing(const outline_of_page& out) {
  std::string said;
  auto add = [&](std::uint64_t count, const char* what) {
    if (count > 0)
      said += (said.empty() ? "" : ", ") + std::to_string(count) + " " + what;
  };
  add(out.elements_missing, "elements");
  add(out.texts_missing, "texts");
  add(out.frames_missing, "frames");
  if (said.empty() && !out.cut_short)
    return "";
  return "[not shown: "
         + (said.empty() ? "the rest of a page this large" : said)
         + (out.cut_short && !said.empty() ? ", and more of a page this large"
                                           : "")
         + "; scroll down, or observe a part with a selector]\n";
}

} // namespace

asio::awaitable<void> do_observe(action_call& call) {
  auto page = call.in.current_tab();
  auto most = call.in.options().outline_bytes_max;
  outline_of_page out{most > reserve_bytes ? most - reserve_bytes : most, {}};
  std::string frame = page->frames.main().id;
  json how = json::object();
  if (call.has("selector")) {
    auto selector = call.text("selector");
    auto found = co_await locate(call, selector, {});
    frame = found.frame;
    how["selector"] = std::move(selector);
  }
  co_await outline_frame(call, out, std::move(frame), std::move(how), 0);
  auto title
      = page->title.empty() ? "without a title" : "\"" + page->title + "\"";
  auto head = "page " + title + " at " + page->url();
  call.out.output = kit::utf8_prefix(head, reserve_bytes / 2);
  auto& place = call.out.metadata["scroll"];
  if (place.is_object()) {
    auto y = place.value("y", 0);
    auto below = place.value("height", 0) - place.value("window", 0) - y;
    if (y > 0 || below > 0)
      call.out.output += " (" + std::to_string(y) + " pixels above, "
                         + std::to_string(std::max(below, 0)) + " below)";
  }
  call.out.output += "\n" + out.text + missing(out);
  call.out.metadata["elements"] = out.shown;
  call.out.metadata["elements_missing"] = out.elements_missing;
  call.out.metadata["texts_missing"] = out.texts_missing;
}

} // namespace shannon::browser
