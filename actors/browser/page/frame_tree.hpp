#pragma once

#include <nlohmann/json.hpp>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace shannon::browser {

/// How far the document of a frame is.
enum class milestone : std::uint8_t { commit, dom, load };

/// One frame of a page and the document in it.
struct frame {
  std::string id;
  std::string parent;  ///< Empty for the main frame.
  std::string session; ///< Whom to ask: a frame of another process has its own.
  std::string loader;  ///< Identifies the document.
  std::string url;
  std::uint8_t reached = 0; ///< Milestones, as bits.
  int world = 0;            ///< Where our script runs; 0 when not made yet.
  bool making_world = false;
  /// Counts documents: what was asked for one is not for the next.
  std::uint64_t documents = 0;

  bool has(milestone what) const noexcept {
    return (reached >> static_cast<int>(what) & 1) != 0;
  }
};

/// The frames of one page as its events tell of them. No input or output.
class frame_tree {
public:
  explicit frame_tree(std::string main, std::string session);

  frame& main() noexcept {
    return frames_.front();
  }
  const frame& main() const noexcept {
    return frames_.front();
  }
  frame* find(std::string_view id);
  /// The main frame first, then as they came. Of a hostile page only the first
  /// `frames_max` are known.
  const std::vector<frame>& all() const noexcept {
    return frames_;
  }

  /// As `Page.getFrameTree` answers.
  void seed(const nlohmann::json& tree, const std::string& session);
  void attached(const std::string& id, const std::string& parent,
                const std::string& session);
  /// With all below it.
  void detached(const std::string& id);
  /// A new document: the frame as `Page.frameNavigated` has it.
  frame* navigated(const nlohmann::json& about, const std::string& session);
  void moved(const std::string& id, std::string url);
  /// True if it is news of the document there now.
  bool lifecycle(const std::string& id, const std::string& loader,
                 std::string_view name);
  /// The frame went to another process, or came back.
  void spoken_by(const std::string& id, const std::string& session);

  static constexpr std::size_t frames_max = 200;

private:
  std::vector<frame> frames_;
};

} // namespace shannon::browser
