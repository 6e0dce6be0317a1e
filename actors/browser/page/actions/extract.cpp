#include "actors/browser/page/locate.hpp"
#include "actors/kit/text.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

namespace asio = boost::asio;
using nlohmann::json;
using std::chrono::steady_clock;

namespace {

std::string table_text(const json& table) {
  std::string out;
  if (auto caption = table.value("caption", std::string{}); !caption.empty())
    out += caption + "\n";
  for (auto& row : table["rows"]) {
    out += "|";
    for (auto& cell : row)
      out += " " + cell.get<std::string>() + " |";
    out += "\n";
  }
  return out;
}

std::string text_of(const json& got, const std::string& kind) {
  std::string out;
  if (kind == "links") {
    for (auto& one : got["links"])
      out += one["text"].get<std::string>() + " <"
             + one["url"].get<std::string>() + ">\n";
    if (auto more = got.value("missing", 0); more > 0)
      out += "(" + std::to_string(more) + " more links)\n";
  } else if (kind == "tables") {
    for (auto& one : got["tables"])
      out += (out.empty() ? "" : "\n") + table_text(one);
    if (auto more = got.value("missing", 0); more > 0)
      out += "(" + std::to_string(more) + " more tables)\n";
  } else {
    for (auto& one : got["parts"])
      out += (out.empty() ? "" : "\n") + one.get<std::string>();
  }
  return out;
}

/// For clients: each element with what was read of it.
json elements_of(const json& got, const std::string& kind,
                 const std::string& name) {
  constexpr std::size_t element_bytes_max = 1000;
  json out = json::array();
  const auto& parts = got["parts"];
  for (std::size_t i = 0; i < got["told"].size(); ++i) {
    auto one = got["told"][i];
    auto text = kit::valid_utf8(parts[i].get<std::string>());
    text = kit::utf8_prefix(text, element_bytes_max);
    if (kind == "attribute")
      one["attributes"] = {{name, std::move(text)}};
    else
      one[kind] = std::move(text);
    out.push_back(std::move(one));
  }
  return out;
}

} // namespace

asio::awaitable<void> do_extract(action_call& call) {
  auto kind = call.text("extract_type", "text");
  auto name = call.text("attribute");
  if (kind == "attribute" && name.empty())
    throw action_failed{"extract of an attribute needs its name: attribute"};
  auto most = call.in.options().text_bytes_max;
  json how{{"kind", kind}, {"name", name}, {"most", most}};
  auto page = call.in.current_tab();
  std::string frame = page->frames.main().id;
  auto until
      = std::max(call.patience, steady_clock::now() + std::chrono::seconds{1});
  if (call.has("selector")) {
    auto selector = call.text("selector");
    auto found = co_await locate(call, selector, {});
    frame = found.frame;
    how["selector"] = std::move(selector);
  }
  auto got = co_await page->in_page(frame, "extract", how, until);
  auto text = text_of(got, kind);
  bool whole = got.value("whole", true);
  if (!call.has("selector") && (kind == "text" || kind == "links")) {
    // What its frames show is part of the page for who reads it.
    std::vector<std::string> others;
    for (auto& one : page->frames.all())
      if (one.id != frame && others.size() < 20)
        others.push_back(one.id);
    for (auto& other : others) {
      if (text.size() >= most)
        break;
      json part;
      try {
        part = co_await page->in_page(other, "extract", how, until);
      } catch (const document_gone&) {
        continue;
      }
      auto* where = page->frames.find(other);
      auto more = text_of(part, kind);
      if (more.find_first_not_of(" \n\t") != std::string::npos && where)
        text += "\n[frame " + where->url + "]\n" + more;
    }
  }
  text = kit::valid_utf8(text);
  if (text.size() > most || !whole) {
    text = kit::utf8_prefix(text, most);
    text += "\n[cut after " + std::to_string(text.size())
            + " bytes; extract a part with a selector]";
    call.out.metadata["whole"] = false;
  }
  call.out.metadata["matches"] = got.value("count", 0);
  if (call.has("selector") && got.contains("parts"))
    call.out.metadata["elements"] = elements_of(got, kind, name);
  call.out.output = std::move(text);
}

} // namespace shannon::browser
