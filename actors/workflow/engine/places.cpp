#include "actors/workflow/engine/places.hpp"

#include <functional>

namespace shannon::workflow {

std::string place::text() const {
  auto number = std::to_string(occurrence);
  std::string text;
  text.reserve(of->scope.size() + of->key.size() + number.size() + 2);
  text.append(of->scope);
  if (!text.empty())
    text += '/';
  text.append(of->key);
  text += '#';
  text += number;
  return text;
}

void place::to(facts::StepId& id) const {
  if (!of->scope.empty())
    id.set_scope(of->scope);
  id.set_key(of->key);
  id.set_occurrence(occurrence);
}

std::size_t place_table::name_hash::operator()(const name& it) const noexcept {
  std::hash<std::string_view> hash;
  return hash(it.scope) * 31 + hash(it.key);
}

series& place_table::series_of(std::string_view scope, std::string_view key) {
  if (auto at = series_.find(name{scope, key}); at != series_.end())
    return *at->second;
  auto fresh = std::make_unique<series>();
  fresh->scope = scope;
  fresh->key = key;
  name known{fresh->scope, fresh->key};
  return *series_.emplace(known, std::move(fresh)).first->second;
}

place place_table::next(std::string_view scope, std::string_view key) {
  auto& of = series_of(scope, key);
  return {&of, ++of.asked};
}

place place_table::coming(std::string_view scope, std::string_view key) {
  auto& of = series_of(scope, key);
  return {&of, of.asked + 1};
}

place place_table::of(const facts::StepId& id) {
  return {&series_of(id.scope(), id.key()), id.occurrence()};
}

slot& place_table::at(const place& where) {
  return slots_[where];
}

slot* place_table::find(const place& where) {
  auto at = slots_.find(where);
  return at == slots_.end() ? nullptr : &at->second;
}

void place_table::forget_facts() {
  for (auto& [where, known] : slots_)
    known.fact = nullptr;
}

void place_table::erase(const place& where) {
  slots_.erase(where);
}

} // namespace shannon::workflow
