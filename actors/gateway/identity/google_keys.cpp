#include "actors/gateway/identity/google_keys.hpp"

#include <algorithm>

namespace shannon::gateway {

namespace {

tl::unexpected<error> away() {
  return fail(errc::unavailable, "Google's keys cannot be had now", true);
}

} // namespace

void google_keys::find(const std::string& id, then next) {
  auto now = clock_();
  bool good = now < good_until_;
  auto key = good ? known(id) : nullptr;
  if (key || (good && now < fetch_from_))
    return next(std::move(key));
  if (waiting_.empty() && now < fetch_from_)
    return next(away());
  if (waiting_.size() >= waiting_max)
    return next(
        fail(errc::overloaded, "too many wait for Google's keys", true));
  waiting_.emplace_back(id, std::move(next));
  if (waiting_.size() == 1)
    fetch_([this](result<fetched> got) { take(std::move(got)); });
}

rsa_key_ptr google_keys::known(const std::string& id) const {
  auto at = keys_.find(id);
  return at == keys_.end() ? nullptr : at->second;
}

void google_keys::take(result<fetched> got) {
  auto now = clock_();
  fetch_from_ = now + (got ? pause : pause_after_failure);
  if (got) {
    keys_ = std::move(got->keys);
    good_until_ = now
                  + std::clamp<std::chrono::seconds>(got->good_for, pause,
                                                     good_for_max);
  }
  for (auto& [id, next] : std::exchange(waiting_, {}))
    got ? next(known(id)) : next(away());
}

} // namespace shannon::gateway
