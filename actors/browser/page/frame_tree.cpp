#include "actors/browser/page/frame_tree.hpp"

#include <algorithm>
#include <utility>

namespace shannon::browser {

using nlohmann::json;

frame_tree::frame_tree(std::string main, std::string session) {
  frame first;
  first.id = std::move(main);
  first.session = std::move(session);
  first.url = "about:blank";
  frames_.push_back(std::move(first));
}

frame* frame_tree::find(std::string_view id) {
  auto at = std::find_if(frames_.begin(), frames_.end(),
                         [&](const frame& one) { return one.id == id; });
  return at == frames_.end() ? nullptr : &*at;
}

void frame_tree::seed(const json& tree, const std::string& session) {
  auto about = tree.find("frame");
  if (about == tree.end())
    return;
  auto id = about->value("id", std::string{});
  if (find(id) == nullptr)
    attached(id, about->value("parentId", std::string{}), session);
  auto* here = find(id);
  if (here == nullptr)
    return;
  // Events may have told of a later document by now.
  if (here->loader.empty()) {
    here->loader = about->value("loaderId", std::string{});
    here->url = about->value("url", std::string{});
  }
  if (auto below = tree.find("childFrames"); below != tree.end())
    for (auto& child : *below)
      seed(child, session);
}

void frame_tree::attached(const std::string& id, const std::string& parent,
                          const std::string& session) {
  if (id.empty() || find(id) != nullptr || frames_.size() >= frames_max)
    return;
  frame made;
  made.id = id;
  made.parent = parent;
  made.session = session;
  frames_.push_back(std::move(made));
}

void frame_tree::detached(const std::string& id) {
  if (id == main().id)
    return;
  std::vector<std::string> gone{id};
  for (std::size_t i = 0; i < gone.size(); ++i)
    for (auto& one : frames_)
      if (one.parent == gone[i])
        gone.push_back(one.id);
  std::erase_if(frames_, [&](const frame& one) {
    return std::find(gone.begin(), gone.end(), one.id) != gone.end();
  });
}

frame* frame_tree::navigated(const json& about, const std::string& session) {
  auto id = about.value("id", std::string{});
  attached(id, about.value("parentId", std::string{}), session);
  auto* here = find(id);
  if (here == nullptr)
    return nullptr;
  here->session = session;
  here->loader = about.value("loaderId", std::string{});
  here->url = about.value("url", std::string{})
              + about.value("urlFragment", std::string{});
  here->reached = 1U << static_cast<int>(milestone::commit);
  here->world = 0;
  here->making_world = false;
  ++here->documents;
  return here;
}

void frame_tree::moved(const std::string& id, std::string url) {
  if (auto* here = find(id))
    here->url = std::move(url);
}

bool frame_tree::lifecycle(const std::string& id, const std::string& loader,
                           std::string_view name) {
  auto* here = find(id);
  if (here == nullptr || here->loader != loader)
    return false;
  if (name == "DOMContentLoaded")
    here->reached |= 1U << static_cast<int>(milestone::dom);
  else if (name == "load")
    here->reached |= 1U << static_cast<int>(milestone::load);
  else
    return false;
  return true;
}

void frame_tree::spoken_by(const std::string& id, const std::string& session) {
  auto* here = find(id);
  if (here == nullptr || here->session == session)
    return;
  here->session = session;
  here->world = 0;
  here->making_world = false;
  ++here->documents;
}

} // namespace shannon::browser
