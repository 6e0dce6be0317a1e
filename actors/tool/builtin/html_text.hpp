#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace shannon::tool {

struct page_text {
  std::string title;
  /// Paragraphs with blank lines between, `# ` before headings, `- ` before
  /// list items. Valid UTF-8.
  std::string text;
  std::size_t links = 0;
  /// The text went on beyond `chars_max` and was cut there.
  bool truncated = false;
};

/// What a reader sees of an HTML page: without scripts, styles, navigation and
/// footers; the main part alone if the page names one. Takes any bytes.
///
/// Bounds: `chars_max` bytes of text, 128 MiB and 3 s for the tree. A page that
/// needs more (some nest or repeat so that a tree grows quadratically) gives
/// its text without structure.
page_text html_to_text(std::string_view html, std::size_t chars_max);

} // namespace shannon::tool
