#pragma once

#include "actors/inspector/glance.hpp"
#include "actors/inspector/rates.hpp"
#include "protocols/errc.hpp"
#include "protocols/inspector.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

/// All actors of a node, page by page. Pure: what there is to see is given.
namespace shannon::inspector {

/// Where a page goes on: children that are down come first, by their paths in
/// the tree, then those that live, by their numbers.
struct page_place {
  std::string down; ///< Path of the last one told.
  std::uint64_t number = 0;
  bool living = false; ///< All that are down have been told.
};

std::string to_text(const page_place& at);
/// Refuses (invalid_argument) what `to_text` did not write.
result<page_place> read_place(const std::string& text);

/// The supervision tree, to look actors up in.
class known_children {
public:
  explicit known_children(const tree_node& root);

  struct child {
    const tree_node* node = nullptr;
    std::string parent;
  };

  /// Null if no SUPERVISOR looks after it.
  const child* find(std::uint64_t number) const;
  /// By their paths.
  const std::map<std::string, child>& down() const noexcept {
    return down_;
  }

private:
  void take(const tree_node& node, const std::string& path,
            const std::string& parent);

  std::map<std::uint64_t, child> living_;
  std::map<std::string, child> down_;
};

/// What a page is made of.
struct page_source {
  const glances& actors;
  const known_children& tree;
  /// Number of the parent that was asked for; 0: any.
  std::uint64_t parent = 0;
  std::uint64_t total = 0;
  std::chrono::system_clock::time_point wall;
  std::chrono::steady_clock::time_point now;
  /// So many are looked at for one page, found or not.
  std::size_t looked_max = 8'192;
};

/// Refuses (invalid_argument) a cursor, state or limit that is none, and says
/// what was expected.
result<actor_page> read_page(const get_actors& wanted, const page_source& from,
                             rates& known);

} // namespace shannon::inspector
