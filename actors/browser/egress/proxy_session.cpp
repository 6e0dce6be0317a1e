#include "actors/browser/egress/proxy_session.hpp"

#include "actors/browser/egress/two_ends.hpp"

#include <utility>

namespace shannon::browser {

using std::chrono::steady_clock;

proxy_session::proxy_session(boost::asio::io_context& io,
                             std::shared_ptr<kit::resolver> resolver,
                             proxy_rules wanted)
    : loop(io), rules(std::move(wanted)), resolver_(std::move(resolver)) {}

// -- names --------------------------------------------------------------------

void proxy_session::lookup(const kit::url& where, kit::resolved done) {
  auto key = where.authority();
  auto now = steady_clock::now();
  if (names_.size() >= rules.limits.names_max)
    forget_old_names(now);
  auto& entry = names_[key];
  if (auto waiting = entry.waiting.lock())
    return waiting->push_back(std::move(done));
  if (entry.until > now)
    return done(entry.found);
  auto waiting = std::make_shared<std::vector<kit::resolved>>();
  waiting->push_back(std::move(done));
  entry.waiting = waiting;
  resolver_->resolve(where.host, where.port,
                     [weak = weak_from_this(), key,
                      waiting](const result<kit::endpoints>& got) {
                       if (auto self = weak.lock())
                         self->found(key, got);
                       for (auto& one : std::exchange(*waiting, {}))
                         one(got);
                     });
}

void proxy_session::found(const std::string& key,
                          const result<kit::endpoints>& got) {
  auto& entry = names_[key];
  entry.waiting.reset();
  if (!got) {
    names_.erase(key);
    return;
  }
  entry.found = *got;
  entry.until = steady_clock::now() + rules.limits.names_kept;
}

/// Names under way stay: somebody waits for each, and connections are counted.
void proxy_session::forget_old_names(steady_clock::time_point now) {
  std::erase_if(names_, [&](const auto& one) {
    return one.second.waiting.expired() && one.second.until <= now;
  });
  if (names_.size() >= rules.limits.names_max)
    std::erase_if(names_,
                  [](const auto& one) { return one.second.waiting.expired(); });
}

// -- sums ---------------------------------------------------------------------

void proxy_session::refuse(const std::string& host, std::uint16_t port,
                           std::string why) {
  ++refused_;
  std::lock_guard lock{mutex_};
  refusals_.push_back(
      {host, port, std::move(why), std::chrono::system_clock::now()});
  while (refusals_.size() > rules.limits.refusals_kept)
    refusals_.pop_front();
}

bool proxy_session::count(std::uint64_t up, std::uint64_t down) {
  bool was = exhausted();
  bytes_up_ += up;
  bytes_down_ += down;
  if (!exhausted())
    return true;
  if (!was)
    refuse({}, 0,
           "the session has used its " + std::to_string(rules.limits.bytes_max)
               + " bytes");
  return false;
}

proxy_counters proxy_session::counters() const {
  proxy_counters out;
  out.connections = open_count_;
  out.connections_total = total_;
  out.requests = requests_;
  out.bytes_up = bytes_up_;
  out.bytes_down = bytes_down_;
  out.refused = refused_;
  std::lock_guard lock{mutex_};
  out.refusals.assign(refusals_.begin(), refusals_.end());
  return out;
}

// -- connections --------------------------------------------------------------

void proxy_session::opened(two_ends& one) {
  open_.insert(&one);
  ++total_;
  open_count_ = static_cast<std::uint32_t>(open_.size());
}

void proxy_session::closed(two_ends& one) {
  if (open_.erase(&one) == 0)
    return;
  open_count_ = static_cast<std::uint32_t>(open_.size());
  if (on_room)
    on_room();
}

void proxy_session::close_all() {
  std::vector<std::shared_ptr<two_ends>> all;
  for (auto* one : open_)
    if (auto held = one->weak_from_this().lock())
      all.push_back(std::move(held));
  for (auto& one : all)
    one->close();
}

} // namespace shannon::browser
