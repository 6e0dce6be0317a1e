#include "actors/browser/page/actions.hpp"

#include <array>

namespace shannon::browser {

namespace {

struct entry {
  std::string_view name;
  action_function what;
};

constexpr std::array entries{
    entry{"navigate", do_navigate},
    entry{"back", do_back},
    entry{"forward", do_forward},
    entry{"reload", do_reload},
    entry{"click", do_click},
    entry{"hover", do_hover},
    entry{"scroll", do_scroll},
    entry{"type", do_type},
    entry{"fill", do_fill},
    entry{"select", do_select},
    entry{"press", do_press},
    entry{"wait", do_wait},
    entry{"extract", do_extract},
    entry{"observe", do_observe},
    entry{"screenshot", do_screenshot},
    entry{"pdf", do_pdf},
    entry{"evaluate", do_evaluate},
    entry{"download", do_download},
    entry{"tabs", do_tabs},
    entry{"close", do_close},
    entry{"show_as", do_show_as},
    entry{"tidy", do_tidy},
    entry{"sections", do_sections},
};

} // namespace

std::string action_call::text(const char* key, std::string fallback) const {
  auto at = given.find(key);
  return at != given.end() && at->is_string() ? at->get<std::string>()
                                              : std::move(fallback);
}

action_function find_action(std::string_view name,
                            const nlohmann::json& arguments) {
  std::string inner;
  if (name == "browser") {
    if (auto at = arguments.find("action");
        at != arguments.end() && at->is_string())
      inner = at->get<std::string>();
    name = inner;
  } else if (name.starts_with("browser_")) {
    name.remove_prefix(8);
  }
  for (auto& one : entries)
    if (one.name == name)
      return one.what;
  return nullptr;
}

bool waits_for_page(action_function what) {
  return what == do_navigate || what == do_back || what == do_forward
         || what == do_reload || what == do_evaluate || what == do_download
         || what == do_tabs;
}

} // namespace shannon::browser
