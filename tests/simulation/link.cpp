#include "tests/simulation/link.hpp"

namespace shannon::sim {

link::way link::draw(std::string_view what) {
  auto& world = with_.everything;
  auto& dice = world.dice;
  const auto& sky = with_.sky;
  way out;
  out.arrives_us = dice.spread(50, 20'000);
  out.answers_us = dice.spread(50, 20'000);
  auto say = [&](const char* how) {
    world.note(name_, std::string{what} + ": " + how);
    world.seen.hit(how);
  };
  if (cut_until_us_ > world.now_us()) {
    say("cut off from the database");
    out.gives_up_us = dice.spread(1'000, 3'000'000);
    out.answers_us = -1;
    if (dice.one_in(2))
      out.arrives_us = -1;
  } else if (dice.per_mille(sky.statement_lost)) {
    say("statement lost");
    out.arrives_us = -1;
    out.answers_us = -1;
    out.gives_up_us = dice.spread(1'000, 3'000'000);
  } else if (dice.per_mille(sky.answer_lost)) {
    say("answer lost");
    out.answers_us = -1;
    out.gives_up_us = out.arrives_us + dice.spread(1'000, 3'000'000);
  } else if (dice.per_mille(sky.overtaken)) {
    say("statement overtaken by the loss of its connection");
    out.arrives_us = dice.spread(10'000, 2'000'000);
    out.answers_us = -1;
    out.gives_up_us = dice.spread(1'000, out.arrives_us);
  } else {
    if (dice.per_mille(sky.statement_twice)) {
      say("statement carried out twice");
      out.again_us = out.arrives_us + dice.spread(10, 2'000'000);
    }
    if (dice.per_mille(sky.statement_slow)) {
      say("slow database");
      (dice.one_in(2) ? out.arrives_us : out.answers_us)
          = dice.spread(20'000, 8'000'000);
    }
  }
  return out;
}

} // namespace shannon::sim
