#include "tests/simulation/client.hpp"

#include "tests/simulation/program.hpp"

#include <memory>
#include <utility>

namespace shannon::sim {

namespace {

program_input seeded(std::uint64_t seed) {
  program_input input;
  input.seed = seed;
  return input;
}

} // namespace

client::client(parts& with, log_id run, std::uint64_t program_seed)
    : with_(with), run_(std::move(run)), program_seed_(program_seed),
      signals_max_(signals_of(seeded(program_seed))) {}

void client::begin() {
  auto& dice = with_.everything.dice;
  with_.everything.after(dice.spread(1'000, 60'000'000), [this] { submit(); });
  if (dice.per_mille(with_.sky.cancel))
    with_.everything.after(dice.spread(100'000, 600'000'000),
                           [this] { cancel(); });
}

void client::submit() {
  mail what;
  what.what = mail::kind::start;
  what.to = run_;
  what.payload = to_text(seeded(program_seed_));
  insist(std::move(what), [this] {
    accepted_ = true;
    for (const auto* name : {"red", "blue"})
      with_.everything.after(with_.everything.dice.spread(1'000, 60'000'000),
                             [this, name] { signal(name, 1); });
  });
}

void client::signal(const std::string& name, std::uint64_t number) {
  if (number > signals_max_)
    return;
  mail what;
  what.what = mail::kind::signal;
  what.to = run_;
  what.name = name;
  what.id = std::to_string(number);
  what.payload = what.id;
  insist(std::move(what), [this, name, number] {
    with_.everything.after(with_.everything.dice.spread(1'000, 120'000'000),
                           [this, name, number] { signal(name, number + 1); });
  });
}

void client::cancel() {
  mail what;
  what.what = mail::kind::cancel;
  what.to = run_;
  insist(std::move(what), [] {});
}

void client::insist(mail what, std::function<void()> then) {
  auto answered = std::make_shared<bool>(false);
  // Without its reply: else each repeat would hold all those before it.
  auto again = [this, what, then] { insist(what, then); };
  what.reply
      = [this, answered, again, then, kind = what.what](mail::answer how) {
          if (std::exchange(*answered, true))
            return;
          switch (how) {
          case mail::answer::done:
            return then();
          case mail::answer::ended:
            // A cancel or signal may have come before the run did.
            if (with_.db.find(run_) || kind != mail::kind::cancel)
              return;
            break;
          case mail::answer::try_later:
            break;
          }
          with_.everything.after(
              with_.everything.dice.spread(50'000, 2'000'000), again);
        };
  with_.post(what);
  with_.everything.after(with_.everything.dice.spread(1'000'000, 15'000'000),
                         [this, answered, again] {
                           if (std::exchange(*answered, true))
                             return;
                           with_.everything.seen.hit("client asks again");
                           again();
                         });
}

} // namespace shannon::sim
