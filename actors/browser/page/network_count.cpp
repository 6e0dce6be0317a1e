#include "actors/browser/page/network_count.hpp"

namespace shannon::browser {

void network_count::began(const std::string& request, std::string_view type,
                          std::string_view url) {
  if (type == "EventSource" || type == "WebSocket" || url.starts_with("data:"))
    return;
  if (open_.size() < requests_max)
    open_.insert(request);
}

void network_count::ended(const std::string& request, time_point now) {
  if (open_.erase(request) > 0 && open_.empty())
    quiet_since_ = now;
}

void network_count::reset(time_point now) {
  open_.clear();
  quiet_since_ = now;
}

bool network_count::idle_for(std::chrono::milliseconds quiet,
                             time_point now) const {
  return open_.empty() && now >= idle_at(quiet);
}

} // namespace shannon::browser
