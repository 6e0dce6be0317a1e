#include "actors/inspector/actor_pages.hpp"

#include <array>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

namespace shannon::inspector {

namespace {

constexpr std::string_view down_prefix = "down/";
constexpr std::array all_states{child_state::starting, child_state::running,
                                child_state::backing_off, child_state::ended};

result<std::optional<child_state>> read_state(const std::string& text) {
  if (text.empty())
    return std::optional<child_state>{};
  std::string known;
  for (auto state : all_states) {
    if (to_text(state) == text)
      return std::optional{state};
    (known += known.empty() ? "" : ", ") += to_text(state);
  }
  return fail(errc::invalid_argument,
              "state: expected one of " + known + "; found \"" + text + "\"");
}

seen_actor row_of(const known_children::child& child) {
  const auto& node = *child.node;
  seen_actor row;
  row.address = node.address;
  row.kind = node.kind;
  row.parent = child.parent;
  row.state = node.state;
  row.since = node.since;
  row.restarts = node.restarts;
  row.last_error = node.last_error;
  return row;
}

seen_actor row_of(const glance& who, const page_source& from, rates& known) {
  seen_actor row;
  row.address = who.address;
  row.kind = who.kind;
  row.state = who.running ? child_state::running : child_state::starting;
  row.since = from.wall
              - std::chrono::duration_cast<std::chrono::system_clock::duration>(
                  from.now - who.born);
  row.mailbox_depth = who.depth;
  row.oldest = who.oldest;
  row.messages_total = who.processed;
  row.rejected_total = who.rejected;
  row.restarts = who.restarts;
  row.last_error = who.last_error;
  row.about = who.about;
  if (const auto* child = from.tree.find(who.number)) {
    row.parent = child->parent;
    row.since = child->node->since;
    row.restarts = child->node->restarts;
    row.last_error = child->node->last_error;
  }
  auto rate = known.told(who.number, who.processed, who.born, from.now);
  row.messages_per_s = rate.per_s;
  row.rate_over = rate.over;
  return row;
}

/// Addresses of parents, each looked up once.
class parents {
public:
  explicit parents(const glances& actors) : actors_(actors) {}

  const std::string& address_of(std::uint64_t number) {
    auto [at, fresh] = known_.try_emplace(number);
    if (fresh && number != 0)
      actors_(number - 1, 1, [&](const glance& who) {
        if (who.number == number)
          at->second = who.address;
        return false;
      });
    return at->second;
  }

private:
  const glances& actors_;
  std::map<std::uint64_t, std::string> known_;
};

} // namespace

std::string to_text(const page_place& at) {
  if (!at.living)
    return std::string{down_prefix} + at.down;
  std::array<char, 16> digits{};
  auto end = std::to_chars(digits.begin(), digits.end(), at.number, 16).ptr;
  return {digits.data(), end};
}

result<page_place> read_place(const std::string& text) {
  page_place at;
  if (text.empty())
    return at;
  if (text.starts_with(down_prefix)) {
    at.down = text.substr(down_prefix.size());
    return at;
  }
  const auto* end = text.data() + text.size();
  auto [stop, code] = std::from_chars(text.data(), end, at.number, 16);
  if (code != std::errc{} || stop != end)
    return fail(errc::invalid_argument,
                "cursor: expected the `next` of the page before; found \""
                    + text + "\"");
  at.living = true;
  return at;
}

known_children::known_children(const tree_node& root) {
  take(root, root.name, {});
}

void known_children::take(const tree_node& node, const std::string& path,
                          const std::string& parent) {
  if (node.number != 0)
    living_[node.number] = {&node, parent};
  else
    down_[path] = {&node, parent};
  for (const auto& below : node.children)
    take(below, path + "/" + below.name, node.address);
}

const known_children::child* known_children::find(std::uint64_t number) const {
  auto at = living_.find(number);
  return at == living_.end() ? nullptr : &at->second;
}

result<actor_page> read_page(const get_actors& wanted, const page_source& from,
                             rates& known) {
  auto at = read_place(wanted.cursor);
  if (!at)
    return tl::unexpected(at.error());
  auto state = read_state(wanted.state);
  if (!state)
    return tl::unexpected(state.error());
  if (wanted.limit < 1 || wanted.limit > get_actors::actors_max)
    return fail(errc::invalid_argument,
                "limit: expected 1 to " + std::to_string(get_actors::actors_max)
                    + "; found " + std::to_string(wanted.limit));
  auto fits = [&](std::string_view kind, child_state found) {
    return (wanted.kind.empty() || kind == wanted.kind)
           && (!*state || found == **state);
  };

  actor_page page;
  page.total = from.total;
  if (!at->living) {
    const auto& down = from.tree.down();
    for (auto one = down.upper_bound(at->down); one != down.end(); ++one) {
      if (!fits(one->second.node->kind, one->second.node->state)
          || (!wanted.parent.empty() && one->second.parent != wanted.parent))
        continue;
      page.actors.push_back(row_of(one->second));
      if (page.actors.size() == wanted.limit) {
        page.next = to_text({one->first, 0, false});
        return page;
      }
    }
  }

  std::vector<std::uint64_t> parent_of(page.actors.size(), 0);
  auto next = from.actors(at->number, from.looked_max, [&](const auto& who) {
    auto found = who.running ? child_state::running : child_state::starting;
    if (fits(who.kind, found)
        && (from.parent == 0 || who.parent == from.parent)) {
      page.actors.push_back(row_of(who, from, known));
      parent_of.push_back(who.parent);
    }
    return page.actors.size() < wanted.limit;
  });
  parents addresses{from.actors};
  for (std::size_t i = 0; i < page.actors.size(); ++i)
    if (page.actors[i].parent.empty())
      page.actors[i].parent = addresses.address_of(parent_of[i]);
  if (next)
    page.next = to_text({{}, *next, true});
  return page;
}

} // namespace shannon::inspector
