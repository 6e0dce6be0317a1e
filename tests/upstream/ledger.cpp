#include "tests/upstream/ledger.hpp"

#include <nlohmann/json.hpp>

#include <chrono>
#include <fcntl.h>
#include <stdexcept>
#include <unistd.h>

namespace shannon::upstream {

namespace {

using nlohmann::json;

std::int64_t now_us() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

json entry_json(std::size_t number, const ledger_entry& x) {
  return {{"request", number},
          {"attempt_key", x.attempt_key},
          {"idempotency_key", x.idempotency_key},
          {"traceparent", x.traceparent},
          {"api", x.api},
          {"model", x.model},
          {"stream", x.stream},
          {"turn", x.turn},
          {"status", x.status},
          {"at_us", x.at_us}};
}

std::string dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

} // namespace

ledger::ledger(const std::string& file) {
  if (file.empty())
    return;
  file_ = ::open(file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file_ < 0)
    throw std::runtime_error{file + ": cannot be opened"};
}

ledger::~ledger() {
  if (file_ >= 0)
    ::close(file_);
}

std::size_t ledger::arrived(ledger_entry entry) {
  entry.at_us = now_us();
  entries_.push_back(std::move(entry));
  append(dump(entry_json(entries_.size(), entries_.back())));
  return entries_.size();
}

void ledger::ended(std::size_t number, const char* state) {
  auto& entry = entries_[number - 1];
  entry.state = state;
  entry.ended_us = now_us();
  append(dump(
      {{"request", number}, {"ended", state}, {"ended_us", entry.ended_us}}));
}

std::string ledger::to_json() const {
  json all = json::array();
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    auto one = entry_json(i + 1, entries_[i]);
    one["state"] = entries_[i].state;
    one["ended_us"] = entries_[i].ended_us;
    all.push_back(std::move(one));
  }
  return dump(all);
}

void ledger::append(const std::string& line) {
  if (file_ < 0)
    return;
  // One write per line: readers never see half of one.
  auto text = line + '\n';
  if (::write(file_, text.data(), text.size())
      != static_cast<ssize_t>(text.size()))
    throw std::runtime_error{"ledger: cannot be written"};
}

} // namespace shannon::upstream
