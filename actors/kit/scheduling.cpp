#include "actors/kit/scheduling.hpp"

#include <caf/actor_system_config.hpp>
#include <caf/atom.hpp>

namespace shannon::kit {

void schedule_on(caf::actor_system_config& config, std::size_t threads) {
  config.set("scheduler.policy", caf::atom("sharing"));
  config.set("scheduler.max-threads", threads);
  config.set("scheduler.max-throughput", messages_a_turn);
}

} // namespace shannon::kit
