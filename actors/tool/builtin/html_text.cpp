#include "actors/tool/builtin/html_text.hpp"

#include "actors/kit/text.hpp"

#include <gumbo.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <csetjmp>
#include <memory>
#include <vector>

namespace shannon::tool {

namespace {

// -- memory of one tree -------------------------------------------------------

/// All nodes of one tree, freed at once. Gumbo's own destructor recurses, so a
/// page of nested tags would overflow the stack; and gumbo has no limits of
/// its own. At ours the arena leaves the parser by longjmp, which is sound:
/// only frames of C lie between.
class arena {
public:
  static constexpr std::size_t block_bytes = 1 << 20;
  static constexpr std::size_t bytes_max = 128u << 20;
  static constexpr std::chrono::seconds time_max{3};

  std::jmp_buf out;

  static void* allocate(void* self, std::size_t size) {
    return static_cast<arena*>(self)->take(size);
  }
  static void release(void*, void*) {}

private:
  void* take(std::size_t size) {
    size = (size + 15) & ~std::size_t{15};
    if (++count_ % 1024 == 0 && std::chrono::steady_clock::now() > due_)
      std::longjmp(out, 1);
    if (size > left_) {
      auto fresh = std::max(size, block_bytes);
      if (total_ + fresh > bytes_max)
        std::longjmp(out, 1);
      total_ += fresh;
      blocks_.push_back(std::make_unique<char[]>(fresh));
      next_ = blocks_.back().get();
      left_ = fresh;
    }
    auto* at = next_;
    next_ += size;
    left_ -= size;
    return at;
  }

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t total_ = 0;
  std::size_t count_ = 0;
  std::chrono::steady_clock::time_point due_
      = std::chrono::steady_clock::now() + time_max;
};

/// Null if the page exceeds the arena. No C++ object lives in this frame.
GumboOutput* parse(std::string_view html, arena& memory) {
  if (setjmp(memory.out) != 0)
    return nullptr;
  GumboOptions options = kGumboDefaultOptions;
  options.allocator = arena::allocate;
  options.deallocator = arena::release;
  options.userdata = &memory;
  options.max_errors = 0;
  return gumbo_parse_with_options(&options, html.data(), html.size());
}

// -- collecting text ----------------------------------------------------------

/// Text with runs of white space as one space and at most one blank line.
class text_sink {
public:
  explicit text_sink(std::size_t limit) : limit_(limit) {}

  void text(std::string_view what, bool verbatim) {
    for (char c : what) {
      bool space = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
      if (verbatim && c == '\n') {
        lines_ = std::max(lines_, 1);
        flush();
      } else if (space && !verbatim) {
        space_ = true;
      } else {
        flush();
        put(c);
      }
    }
  }

  /// The next text starts on a new line, or after a blank one.
  void line(int count) {
    lines_ = std::max(lines_, count);
  }

  /// Between the cells of a table.
  void gap() {
    gap_ = true;
  }

  void mark(std::string_view what) {
    flush();
    for (char c : what)
      put(c);
    space_ = false;
    bare_ = true;
  }

  bool full() const noexcept {
    return full_;
  }

  std::string take() {
    if (full_)
      out_.resize(kit::utf8_prefix(out_, limit_).size());
    return std::move(out_);
  }

private:
  void flush() {
    if (lines_ > 0 && !out_.empty() && !bare_)
      for (int i = 0; i < lines_; ++i)
        put('\n');
    else if ((space_ || gap_) && !out_.empty() && !bare_ && out_.back() != '\n')
      for (int i = gap_ ? 2 : 1; i > 0; --i)
        put(' ');
    lines_ = 0;
    gap_ = false;
    space_ = false;
    bare_ = false;
  }

  void put(char c) {
    if (out_.size() <= limit_)
      out_ += c;
    else
      full_ = true;
  }

  std::string out_;
  std::size_t limit_;
  int lines_ = 0;
  bool space_ = false;
  bool gap_ = false;
  bool bare_ = false; ///< Directly after a mark: nothing comes between.
  bool full_ = false;
};

bool is_one_of(GumboTag tag, std::initializer_list<GumboTag> list) {
  return std::find(list.begin(), list.end(), tag) != list.end();
}

bool is_skipped(GumboTag tag) {
  return is_one_of(tag, {GUMBO_TAG_SCRIPT, GUMBO_TAG_STYLE, GUMBO_TAG_NOSCRIPT,
                         GUMBO_TAG_TEMPLATE, GUMBO_TAG_SVG, GUMBO_TAG_IFRAME,
                         GUMBO_TAG_OBJECT, GUMBO_TAG_HEAD, GUMBO_TAG_NAV,
                         GUMBO_TAG_FOOTER, GUMBO_TAG_BUTTON, GUMBO_TAG_SELECT,
                         GUMBO_TAG_TEXTAREA, GUMBO_TAG_CANVAS, GUMBO_TAG_AUDIO,
                         GUMBO_TAG_VIDEO});
}

bool is_paragraph(GumboTag tag) {
  return is_one_of(tag, {GUMBO_TAG_P, GUMBO_TAG_H1, GUMBO_TAG_H2, GUMBO_TAG_H3,
                         GUMBO_TAG_H4, GUMBO_TAG_H5, GUMBO_TAG_H6, GUMBO_TAG_UL,
                         GUMBO_TAG_OL, GUMBO_TAG_DL, GUMBO_TAG_TABLE,
                         GUMBO_TAG_PRE, GUMBO_TAG_BLOCKQUOTE, GUMBO_TAG_HR,
                         GUMBO_TAG_SECTION, GUMBO_TAG_ARTICLE, GUMBO_TAG_HEADER,
                         GUMBO_TAG_FIGURE, GUMBO_TAG_FORM});
}

bool is_line(GumboTag tag) {
  return is_one_of(tag,
                   {GUMBO_TAG_DIV, GUMBO_TAG_LI, GUMBO_TAG_TR, GUMBO_TAG_DT,
                    GUMBO_TAG_DD, GUMBO_TAG_BR, GUMBO_TAG_MAIN, GUMBO_TAG_ASIDE,
                    GUMBO_TAG_ADDRESS, GUMBO_TAG_FIGCAPTION, GUMBO_TAG_CAPTION,
                    GUMBO_TAG_LABEL, GUMBO_TAG_OPTION});
}

std::string_view heading_mark(GumboTag tag) {
  static constexpr std::string_view marks = "###### ";
  if (tag < GUMBO_TAG_H1 || tag > GUMBO_TAG_H6)
    return {};
  auto level = static_cast<std::size_t>(tag - GUMBO_TAG_H1 + 1);
  return marks.substr(6 - level);
}

const GumboVector* children(const GumboNode* node) {
  if (node->type == GUMBO_NODE_ELEMENT || node->type == GUMBO_NODE_TEMPLATE)
    return &node->v.element.children;
  return node->type == GUMBO_NODE_DOCUMENT ? &node->v.document.children
                                           : nullptr;
}

/// Visits a tree without recursion: nesting is as deep as the page likes.
/// `enter` says whether to go into an element; `leave` is called after it.
template <class Enter, class Leave>
void walk(const GumboNode* root, Enter enter, Leave leave) {
  struct step {
    const GumboNode* node;
    unsigned next;
  };
  std::vector<step> path;
  if (enter(root))
    path.push_back({root, 0});
  while (!path.empty()) {
    auto& top = path.back();
    const auto* list = children(top.node);
    if (list == nullptr || top.next >= list->length) {
      leave(top.node);
      path.pop_back();
      continue;
    }
    const auto* child = static_cast<const GumboNode*>(list->data[top.next++]);
    if (enter(child))
      path.push_back({child, 0});
  }
}

struct outline {
  const GumboNode* title = nullptr;
  const GumboNode* main = nullptr;
  const GumboNode* article = nullptr;
  std::size_t articles = 0;
  std::size_t links = 0;
};

outline survey(const GumboNode* root) {
  outline out;
  walk(
      root,
      [&](const GumboNode* node) {
        if (node->type != GUMBO_NODE_ELEMENT)
          return children(node) != nullptr;
        auto tag = node->v.element.tag;
        if (tag == GUMBO_TAG_TITLE && out.title == nullptr)
          out.title = node;
        if (tag == GUMBO_TAG_MAIN && out.main == nullptr)
          out.main = node;
        if (tag == GUMBO_TAG_ARTICLE && out.articles++ == 0)
          out.article = node;
        if (tag == GUMBO_TAG_A
            && gumbo_get_attribute(&node->v.element.attributes, "href"))
          ++out.links;
        return true;
      },
      [](const GumboNode*) {});
  return out;
}

void collect(const GumboNode* root, text_sink& sink) {
  int verbatim = 0;
  auto enter = [&](const GumboNode* node) {
    if (sink.full())
      return false;
    if (node->type == GUMBO_NODE_TEXT || node->type == GUMBO_NODE_WHITESPACE
        || node->type == GUMBO_NODE_CDATA) {
      sink.text(node->v.text.text, verbatim > 0);
      return false;
    }
    if (node->type != GUMBO_NODE_ELEMENT)
      return node->type == GUMBO_NODE_DOCUMENT;
    auto tag = node->v.element.tag;
    if (is_skipped(tag))
      return false;
    if (is_paragraph(tag))
      sink.line(2);
    else if (is_line(tag))
      sink.line(1);
    if (tag == GUMBO_TAG_PRE)
      ++verbatim;
    if (tag == GUMBO_TAG_LI)
      sink.mark("- ");
    else if (auto mark = heading_mark(tag); !mark.empty())
      sink.mark(mark);
    return true;
  };
  auto leave = [&](const GumboNode* node) {
    auto tag = node->type == GUMBO_NODE_ELEMENT ? node->v.element.tag
                                                : GUMBO_TAG_UNKNOWN;
    if (tag == GUMBO_TAG_PRE)
      --verbatim;
    if (tag == GUMBO_TAG_TD || tag == GUMBO_TAG_TH)
      sink.gap();
    if (is_paragraph(tag))
      sink.line(2);
    else if (is_line(tag))
      sink.line(1);
  };
  walk(root, enter, leave);
}

/// For what no tree is built of: all that stands between tags.
page_text without_tags(std::string_view html, std::size_t chars_max) {
  text_sink sink{chars_max};
  for (std::size_t at = 0; at < html.size() && !sink.full();) {
    auto open = std::min(html.find('<', at), html.size());
    sink.text(html.substr(at, open - at), false);
    sink.text(" ", false);
    auto close = html.find('>', open);
    at = close == std::string_view::npos ? html.size() : close + 1;
  }
  page_text out;
  out.truncated = sink.full();
  out.text = sink.take();
  return out;
}

} // namespace

page_text html_to_text(std::string_view html, std::size_t chars_max) {
  // Gumbo takes offsets apart from bytes, so bad UTF-8 is mended before.
  auto clean = kit::valid_utf8(html);
  auto memory = std::make_unique<arena>();
  auto* tree = parse(clean, *memory);
  if (tree == nullptr)
    return without_tags(clean, chars_max);
  auto parts = survey(tree->root);
  page_text out;
  out.links = parts.links;
  if (parts.title != nullptr) {
    text_sink title{300};
    // The title's own element stands in the head, which `collect` skips, but
    // not when it starts there.
    collect(parts.title, title);
    out.title = title.take();
  }
  // A main part that is a mere shell (filled by a script) is passed over.
  constexpr std::size_t least = 200;
  const auto* only_article = parts.articles == 1 ? parts.article : nullptr;
  for (const auto* root :
       {parts.main, only_article, static_cast<const GumboNode*>(tree->root)}) {
    if (root == nullptr)
      continue;
    text_sink sink{chars_max};
    collect(root, sink);
    out.truncated = sink.full();
    out.text = sink.take();
    if (out.text.size() >= std::min(least, chars_max))
      break;
  }
  return out;
}

} // namespace shannon::tool
