#pragma once

#include "actors/cluster/ownership.hpp"
#include "tests/simulation/chance.hpp"

#include <cstdint>

namespace shannon::sim {

/// How bad one seed's world is. Rates are per thousand of what they apply to;
/// some seeds know only one kind of trouble, some all, a few none.
struct weather {
  unsigned nodes = 3;
  unsigned runs = 8;
  unsigned shards = 16;
  cluster::lease_settings lease;

  // Each time something happens to a run, somewhere.
  unsigned crash = 0;
  unsigned freeze = 0;
  unsigned cut_off = 0; ///< A node does not reach the database for a while.
  /// Each renewal: the database's clock has jumped, and another node's lease
  /// counts as ended until that one renews it.
  unsigned misjudged = 0;
  /// So many happenings, then all trouble ends.
  std::uint64_t troubled = 0;

  // Each statement on its way to the database and back.
  unsigned statement_lost = 0;
  unsigned answer_lost = 0; ///< It was carried out.
  unsigned overtaken = 0;   ///< Given up, and carried out afterwards.
  unsigned statement_twice = 0;
  unsigned statement_slow = 0;
  unsigned refused = 0; ///< The store is overloaded.

  // Each message between clients and nodes, or nodes.
  unsigned mail_lost = 0;
  unsigned mail_twice = 0;

  // Each effect.
  unsigned effect_error = 0;
  unsigned effect_final_error = 0;
  unsigned effect_never = 0; ///< Carried out; nobody ever hears of it.
  unsigned effect_slow = 0;
  unsigned effect_twice = 0; ///< Its answer comes a second time, later.

  unsigned cancel = 0; ///< Each run: somebody cancels it.

  /// From nice days to storms.
  static weather of(chance& dice);
  /// Nothing fails any more.
  void clear();
};

} // namespace shannon::sim
