#include "actors/inspector/top_actors.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace shannon::inspector {

bool top_actors::before(const one& a, const one& b) {
  return std::tie(b.key, a.row.address) < std::tie(a.key, b.row.address);
}

double top_actors::key_of(const glance& who, double per_s) const {
  switch (wanted_.by) {
  case top_order::depth:
    return static_cast<double>(who.depth);
  case top_order::age:
    return who.oldest ? static_cast<double>(who.oldest->count()) : -1;
  case top_order::rate:
    break;
  }
  return per_s;
}

void top_actors::take(const glance& who, rates::rate rate) {
  ++all_.actors;
  all_.busy += who.depth > 0 ? 1 : 0;
  all_.mailbox_depth += who.depth;
  all_.messages_per_s += rate.per_s;
  all_.oldest = std::max(all_.oldest, who.oldest);
  if (!wanted_.kind.empty() && who.kind != wanted_.kind)
    return;
  one fresh;
  fresh.key = key_of(who, rate.per_s);
  if (kept_.size() == wanted_.limit) {
    if (fresh.key < kept_.front().key)
      return;
    fresh.row.address = who.address;
    if (!before(fresh, kept_.front()))
      return;
    std::pop_heap(kept_.begin(), kept_.end(), before);
    kept_.pop_back();
  }
  auto& row = fresh.row;
  row.address = who.address;
  row.kind = who.kind;
  row.state = who.running ? child_state::running : child_state::starting;
  row.mailbox_depth = who.depth;
  row.oldest = who.oldest;
  row.messages_total = who.processed;
  row.rejected_total = who.rejected;
  row.messages_per_s = rate.per_s;
  row.rate_over = rate.over;
  fresh.born = who.born;
  kept_.push_back(std::move(fresh));
  std::push_heap(kept_.begin(), kept_.end(), before);
}

top_page top_actors::rows(std::chrono::system_clock::time_point wall,
                          std::chrono::steady_clock::time_point now) const {
  auto sorted = kept_;
  std::sort(sorted.begin(), sorted.end(), before);
  auto out = all_;
  for (auto& [key, row, born] : sorted) {
    row.since
        = wall
          - std::chrono::duration_cast<std::chrono::system_clock::duration>(
              now - born);
    out.rows.push_back(std::move(row));
  }
  return out;
}

} // namespace shannon::inspector
