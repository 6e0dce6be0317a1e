#include "tests/integration/faults/storm.hpp"

#include <sstream>
#include <stdexcept>

namespace shannon::test {

namespace {

std::uint64_t number(const std::string& item, const std::string& value) {
  std::size_t used = 0;
  std::uint64_t out = 0;
  try {
    out = std::stoull(value, &used);
  } catch (const std::exception&) {
  }
  if (used == 0 || used != value.size())
    throw std::runtime_error{"storm: a number expected in " + item};
  return out;
}

void check_fault(const std::string& id) {
  std::string known;
  for (const auto& one : fault_table()) {
    if (one.id == id)
      return;
    known += std::string{" "} + one.id;
  }
  throw std::runtime_error{"storm: no fault " + id + "; there are" + known};
}

} // namespace

storm_options storm_options::parse(const std::string& text) {
  storm_options out;
  std::istringstream items{text};
  for (std::string item; items >> item;) {
    auto equals = item.find('=');
    auto name = item.substr(0, equals);
    auto value = equals == item.npos ? "" : item.substr(equals + 1);
    if (name == "seed") {
      out.seed = number(item, value);
    } else if (name == "rounds") {
      out.rounds = static_cast<int>(number(item, value));
    } else if (name == "tasks") {
      out.tasks = number(item, value);
    } else if (name == "seconds") {
      out.lasts = std::chrono::seconds{number(item, value)};
    } else if (name == "faults") {
      std::istringstream ids{value};
      for (std::string id; std::getline(ids, id, ',');) {
        check_fault(id);
        out.faults.push_back(id);
      }
    } else {
      throw std::runtime_error{"storm: seed=, faults=, rounds=, tasks= or "
                               "seconds= expected, found "
                               + item};
    }
  }
  if (out.faults.empty())
    for (const auto& one : fault_table())
      out.faults.push_back(one.id);
  return out;
}

std::string storm_options::text() const {
  std::string ids;
  for (const auto& one : faults)
    ids += (ids.empty() ? "" : ",") + one;
  return "seed=" + std::to_string(seed) + " faults=" + ids + " rounds="
         + std::to_string(rounds) + " tasks=" + std::to_string(tasks)
         + " seconds=" + std::to_string(lasts.count());
}

} // namespace shannon::test
