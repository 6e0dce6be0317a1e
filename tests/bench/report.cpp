#include "tests/bench/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <exception>

namespace shannon::bench {

namespace {

std::string number(double value) {
  char text[32];
  auto size = std::abs(value);
  std::snprintf(text, sizeof text,
                size >= 1000 ? "%.0f" : (size >= 10 ? "%.1f" : "%.3g"), value);
  return text;
}

double ratio(const target& one) {
  return one.wanted == 0 ? 0 : one.measured / one.wanted;
}

} // namespace

double median(std::vector<double> all) {
  if (all.empty())
    return 0;
  std::sort(all.begin(), all.end());
  auto middle = all.size() / 2;
  return all.size() % 2 == 1 ? all[middle]
                             : (all[middle - 1] + all[middle]) / 2;
}

json report::to_json() const {
  auto all = figures;
  for (const auto& one : targets)
    all["targets"].push_back(
        {{"what", one.what},
         {"wanted", one.wanted},
         {"at", one.side == target::side::at_least ? "least" : "most"},
         {"measured", one.measured},
         {"ratio", ratio(one)},
         {"met", one.met()}});
  return all;
}

std::string report::table() const {
  std::string text = "| target | wanted | measured | ratio | met |\n"
                     "|---|---|---|---|---|\n";
  for (const auto& one : targets) {
    text += "| " + one.what + " | ";
    text += one.side == target::side::at_least ? ">= " : "<= ";
    text += number(one.wanted) + " | " + number(one.measured) + " | ";
    text += one.wanted == 0 ? "-" : number(ratio(one));
    text += one.met() ? " | yes |\n" : " | no |\n";
  }
  return text;
}

int print_report(const char* program,
                 const std::function<void(report&)>& measure) {
  report out;
  try {
    measure(out);
  } catch (const std::exception& why) {
    std::fprintf(stderr, "%s: %s\n", program, why.what());
    return 1;
  }
  std::printf("%s\n", out.to_json().dump(2).c_str());
  std::fprintf(stderr, "\n%s", out.table().c_str());
  return 0;
}

} // namespace shannon::bench
