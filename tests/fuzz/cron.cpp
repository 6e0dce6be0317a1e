// Cron expressions, with a time zone behind a line break. What holds: runs come
// one after the other, and none is skipped: seen from just before, each is the
// next.

#include "actors/kit/cron.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace shannon;
using namespace shannon::fuzz;
using namespace std::chrono_literals;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto bytes = text_of(data, size);
  auto line = bytes.find('\n');
  auto zone = line == std::string_view::npos ? std::string_view{}
                                             : bytes.substr(line + 1);
  auto parsed = kit::cron::parse(bytes.substr(0, line), zone);
  if (!parsed) {
    expect(parsed.error().code == errc::invalid_argument
               && !parsed.error().text.empty(),
           "a refusal says why");
    return 0;
  }
  // A week before clocks jump in most zones that have it.
  kit::cron::time at{1'774'000'000s};
  for (int i = 0; i < 8; ++i) {
    auto next = parsed->next(at);
    if (!next)
      break;
    expect(*next > at, "a run is after the one before");
    expect(next->time_since_epoch() % 60s == 0s, "a run is at a whole minute");
    expect(parsed->next(*next - 1s) == next,
           "a run is the next from before it");
    at = *next;
  }
  return 0;
}
