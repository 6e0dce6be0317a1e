#include "nodes/commands/actor_reader.hpp"

#include <algorithm>

namespace shannon::commands {

namespace {

using nlohmann::json;

constexpr std::size_t page_max = 1'000;

deadline soon() {
  return std::chrono::steady_clock::now() + std::chrono::seconds{5};
}

tl::unexpected<error> odd_answer(const api_client& api, const char* what) {
  return fail(errc::failed, api.where().text() + what
                                + ": expected the shape docs/operations.md "
                                  "tells; is it a node of this version?");
}

} // namespace

result<json> read_tree(api_client& api) {
  auto tree = api.get("/debug/tree", soon());
  if (tree && !tree->is_object())
    return odd_answer(api, "/debug/tree");
  return tree;
}

result<read_rows> read_actors(api_client& api, const actor_filter& wanted,
                              std::size_t enough) {
  auto target = "/debug/actors?limit="
                + std::to_string(std::clamp<std::size_t>(enough, 1, page_max));
  if (!wanted.kind.empty())
    target += "&kind=" + url_encoded(wanted.kind);
  if (!wanted.parent.empty())
    target += "&parent=" + url_encoded(wanted.parent);
  if (!wanted.state.empty())
    target += "&state=" + url_encoded(wanted.state);
  read_rows all;
  for (std::string cursor;;) {
    auto page = api.get(
        cursor.empty() ? target : target + "&cursor=" + url_encoded(cursor),
        soon());
    if (!page)
      return tl::unexpected(page.error());
    if (!page->is_object() || !(*page)["actors"].is_array()
        || !(*page)["next"].is_string())
      return odd_answer(api, "/debug/actors");
    for (auto& row : (*page)["actors"])
      all.rows.push_back(std::move(row));
    all.total = page->value("total", std::uint64_t{0});
    cursor = (*page)["next"].get<std::string>();
    if (cursor.empty())
      return all;
    if (all.rows.size() >= enough) {
      all.cut = true;
      return all;
    }
  }
}

} // namespace shannon::commands
