// Paths inside a workspace, as tools and clients give them. What holds: a path
// that is taken stays below its top by its letters alone, means the same when
// it is written again, and has its bounds; names of folders are one part.

#include "actors/gateway/text/json_text.hpp"
#include "actors/kit/workspace/path.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>

using namespace shannon;
using namespace shannon::fuzz;

namespace {

bool is_one_name(const std::string& part) {
  auto is_odd = [](char c) {
    auto u = static_cast<unsigned char>(c);
    return c == '/' || c == '\\' || u < 0x20 || u == 0x7f;
  };
  return !part.empty() && part != "." && part != ".." && part.size() <= 255
         && std::none_of(part.begin(), part.end(), is_odd);
}

} // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  auto text = text_of(data, size);
  expect(is_one_name(kit::folder_name(text)), "a folder's name is one part");
  auto parts = kit::parse_path(text);
  if (!parts) {
    expect(parts.error().code == errc::invalid_argument
               && !parts.error().text.empty(),
           "a refusal says why");
    return 0;
  }
  expect(text.size() <= 1'024 && parts->size() <= 32, "a path has its bounds");
  expect(std::all_of(parts->begin(), parts->end(), is_one_name),
         "no part leads upwards or elsewhere");
  auto again = kit::to_text(*parts);
  expect(gateway::find_invalid_utf8(again) == std::string::npos,
         "a path is UTF-8");
  // `workspace/x` below the top is no `/workspace/x`: written without a slash.
  auto read = kit::parse_path(again);
  expect(read && *read == *parts, "a path means the same when written again");
  return 0;
}
