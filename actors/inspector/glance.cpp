#include "actors/inspector/glance.hpp"

#include "actors/kit/actor_base.hpp"

namespace shannon::inspector {

namespace {

glance glance_at(const kit::listed& place) {
  // Nobody else is listed.
  const auto& who = static_cast<const kit::actor_base&>(place);
  const auto& numbers = who.stats();
  glance out;
  out.number = who.listed_as();
  out.parent = who.parent();
  out.address = who.self_address().value;
  out.kind = who.name();
  out.running = numbers.running.load(std::memory_order_relaxed);
  out.born = who.born();
  out.depth = numbers.mailbox_depth();
  if (auto age = numbers.oldest_age())
    out.oldest = std::chrono::duration_cast<std::chrono::microseconds>(*age);
  out.processed = numbers.processed.load(std::memory_order_relaxed);
  out.rejected = numbers.rejected.load(std::memory_order_relaxed);
  auto back = who.came_back();
  out.restarts = back.restarts;
  out.last_error = back.last_error;
  out.about = who.about();
  return out;
}

} // namespace

glances glances_of(const kit::roster& all) {
  return [&all](std::uint64_t after, std::size_t most,
                const std::function<bool(const glance&)>& look) {
    return all.read(after, most, [&look](const kit::listed& place) {
      return look(glance_at(place));
    });
  };
}

} // namespace shannon::inspector
