#include "actors/store/facts_row.hpp"

#include "protocols/checksum.hpp"

#include <utility>

namespace shannon::store {

namespace {

std::size_t varint_size(std::size_t number) {
  std::size_t size = 1;
  while (number >= 0x80) {
    number >>= 7;
    ++size;
  }
  return size;
}

void put_varint(std::string& out, std::size_t number) {
  while (number >= 0x80) {
    out.push_back(static_cast<char>((number & 0x7f) | 0x80));
    number >>= 7;
  }
  out.push_back(static_cast<char>(number));
}

std::optional<std::size_t> take_varint(std::string_view& bytes) {
  std::size_t number = 0;
  for (int shift = 0; shift < 35 && !bytes.empty(); shift += 7) {
    auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    number |= std::size_t{byte & 0x7fu} << shift;
    if (byte < 0x80)
      return number;
  }
  return std::nullopt;
}

} // namespace

std::size_t packed_size(const std::vector<std::string>& facts) {
  if (facts.size() == 1)
    return facts.front().size();
  std::size_t sum = 0;
  for (const auto& fact : facts)
    sum += varint_size(fact.size()) + fact.size();
  return sum;
}

void pack_facts(const std::vector<std::string>& facts, std::string& out) {
  if (facts.size() == 1) {
    out += facts.front();
    return;
  }
  for (const auto& fact : facts) {
    put_varint(out, fact.size());
    out += fact;
  }
}

std::string pack_facts(const std::vector<std::string>& facts) {
  std::string out;
  out.reserve(packed_size(facts));
  pack_facts(facts, out);
  return out;
}

std::optional<std::vector<std::string_view>>
unpack_facts(std::string_view packed, std::size_t count) {
  std::vector<std::string_view> out;
  if (count == 1) {
    out.push_back(packed);
    return out;
  }
  while (!packed.empty()) {
    auto size = take_varint(packed);
    if (!size || *size > packed.size() || out.size() == count)
      return std::nullopt;
    out.push_back(packed.substr(0, *size));
    packed.remove_prefix(*size);
  }
  if (out.size() != count)
    return std::nullopt;
  return out;
}

result<std::vector<std::string_view>> row_reader::check(const facts_row& row) {
  auto damaged = [&](log_version version, const char* how) {
    return fail(errc::failed, log_.value + ": the log is damaged, fact "
                                  + std::to_string(version) + " " + how);
  };
  if (row.first != tail_.version + 1)
    return damaged(tail_.version + 1, "is missing");
  if (row.last < row.first)
    return damaged(row.first, "is not what was written");
  auto facts = unpack_facts(row.packed,
                            static_cast<std::size_t>(row.last - row.first) + 1);
  if (!facts)
    return damaged(row.first, "is not what was written");
  chains_.clear();
  auto sum = tail_.chain;
  auto version = row.first;
  for (auto fact : *facts)
    chains_.push_back(sum = chain(sum, version++, fact));
  if (sum != row.chain)
    return damaged(row.first, "is not what was written");
  tail_.version = row.last;
  tail_.chain = sum;
  tail_.place.row = row.first;
  return std::move(*facts);
}

} // namespace shannon::store
