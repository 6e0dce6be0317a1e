#include "tests/simulation/weather.hpp"

namespace shannon::sim {

weather weather::of(chance& dice) {
  weather w;
  w.nodes = static_cast<unsigned>(dice.between(3, 7));
  w.runs = static_cast<unsigned>(dice.between(4, 12));
  w.shards = dice.one_in(4) ? 4 : 16;
  auto lease_s = dice.magnitude(15, 240);
  w.lease.lease = std::chrono::seconds{lease_s};
  w.lease.renew_every = std::chrono::milliseconds{lease_s * 250};
  w.lease.margin = std::chrono::milliseconds{lease_s * 100};
  if (!dice.one_in(3))
    w.lease.give_up_after = std::chrono::seconds{dice.between(1, 120)};
  // A third of the worlds lacks each kind of trouble.
  auto rate = [&](unsigned most) {
    return dice.one_in(3) ? 0 : static_cast<unsigned>(dice.between(1, most));
  };
  w.crash = rate(25);
  w.freeze = rate(15);
  w.cut_off = rate(8);
  w.misjudged = rate(500);
  w.troubled = static_cast<std::uint64_t>(dice.between(200, 1'200));
  w.statement_lost = rate(40);
  w.answer_lost = rate(60);
  w.overtaken = rate(30);
  w.statement_twice = rate(30);
  w.statement_slow = rate(60);
  w.refused = rate(30);
  w.mail_lost = rate(80);
  w.mail_twice = rate(100);
  w.effect_error = rate(200);
  w.effect_final_error = rate(30);
  w.effect_never = rate(30);
  w.effect_slow = rate(100);
  w.effect_twice = rate(100);
  w.cancel = rate(400);
  return w;
}

void weather::clear() {
  crash = freeze = cut_off = misjudged = 0;
  statement_lost = answer_lost = overtaken = 0;
  statement_twice = statement_slow = refused = 0;
  mail_lost = mail_twice = 0;
  effect_error = effect_final_error = effect_never = 0;
  effect_slow = effect_twice = 0;
}

} // namespace shannon::sim
