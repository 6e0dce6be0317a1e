// Records a log of each golden script that has none yet. A log that is kept is
// never written anew: it is what runs in the field look like. docs/replay.md

#include "actors/workflow/history/export_format.hpp"
#include "tests/golden/scripts.hpp"

#include <filesystem>
#include <fstream>
#include <iostream>

namespace {

using namespace shannon;

void keep(const std::string& name, const workflow::run_driver& world,
          const std::filesystem::path& file) {
  history::exported_log log;
  log.header.log = log_id{name};
  log.header.birth.kind = "workflow";
  log.header.status = world.status;
  log.header.build = SHANNON_VERSION;
  for (const auto& row : world.log)
    log.add(row.bytes);
  log.bodies = world.blobs;
  std::ofstream out{file};
  history::write_log(log, out);
}

} // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::cerr << "usage: golden_keep FOLDER\n";
    return 2;
  }
  for (const auto& [name, script] : shannon::golden::all_scripts()) {
    auto file = std::filesystem::path{argv[1]} / (name + ".jsonl");
    if (std::filesystem::exists(file))
      continue;
    auto world = script.play();
    if (!world.run->ended()) {
      std::cerr << "golden_keep: " << name << " does not end\n";
      return 1;
    }
    keep(name, world, file);
    std::cout << "golden_keep: recorded " << file.string() << '\n';
  }
}
