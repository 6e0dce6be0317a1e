#include "actors/browser/page/page_script.hpp"

#include "embedded/browser_script.hpp"

namespace shannon::browser {

const std::string& page_script() {
  static const std::string script = [] {
    // A function of its own keeps its names; what stands twice is kept.
    std::string out = "if (!globalThis.shannon) (() => {\n";
    for (auto& [name, text] : embedded::browser_script())
      out += text;
    return out + "})()";
  }();
  return script;
}

} // namespace shannon::browser
