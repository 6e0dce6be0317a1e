#include "actors/store/pg_values.hpp"

#include <cstddef>
#include <utility>

namespace shannon::store::pg {

namespace {

/// 2000-01-01, in microseconds since 1970.
constexpr std::int64_t year_2000_us = 946'684'800'000'000;

/// Dimensions, has-nulls flag, element type, then size and lower bound.
constexpr std::size_t header = 20;

template <class Number>
void put_at(char* to, Number number) {
  auto bits = static_cast<std::uint64_t>(number);
  for (std::size_t i = 0; i < sizeof(Number); ++i)
    to[i] = static_cast<char>((bits >> (8 * (sizeof(Number) - 1 - i))) & 0xff);
}

template <class Number>
void put(std::string& out, Number number) {
  char bytes[sizeof(Number)];
  put_at(bytes, number);
  out.append(bytes, sizeof(Number));
}

/// An element of fixed size, behind its size.
template <class Number>
void put_element(std::string& out, Number number) {
  char bytes[4 + sizeof(Number)];
  put_at(bytes, std::uint32_t{sizeof(Number)});
  put_at(bytes + 4, number);
  out.append(bytes, sizeof(bytes));
}

std::uint64_t get(std::string_view bytes) noexcept {
  std::uint64_t bits = 0;
  for (auto c : bytes)
    bits = (bits << 8) | static_cast<unsigned char>(c);
  return bits;
}

std::int64_t micros(time when) {
  using namespace std::chrono;
  return duration_cast<microseconds>(when.time_since_epoch()).count()
         - year_2000_us;
}

} // namespace

std::string from_int8(std::int64_t number) {
  std::string out;
  put(out, number);
  return out;
}

std::string from_int4(std::int32_t number) {
  std::string out;
  put(out, number);
  return out;
}

std::string from_int2(std::int16_t number) {
  std::string out;
  put(out, number);
  return out;
}

std::string from_time(time when) {
  return from_int8(micros(when));
}

std::int64_t to_int8(std::string_view bytes) noexcept {
  return static_cast<std::int64_t>(get(bytes.substr(0, 8)));
}

std::int32_t to_int4(std::string_view bytes) noexcept {
  return static_cast<std::int32_t>(get(bytes.substr(0, 4)));
}

std::int16_t to_int2(std::string_view bytes) noexcept {
  return static_cast<std::int16_t>(get(bytes.substr(0, 2)));
}

time to_time(std::string_view bytes) noexcept {
  return time{std::chrono::duration_cast<time::duration>(
      std::chrono::microseconds{to_int8(bytes) + year_2000_us})};
}

std::vector<std::string_view> to_elements(std::string_view bytes) {
  std::vector<std::string_view> out;
  if (bytes.size() < header || get(bytes.substr(0, 4)) != 1)
    return out;
  auto count = get(bytes.substr(12, 4));
  bytes.remove_prefix(header);
  for (std::uint64_t i = 0; i < count && bytes.size() >= 4; ++i) {
    auto size = get(bytes.substr(0, 4));
    bytes.remove_prefix(4);
    if (size > bytes.size())
      break; // NULL is 0xffffffff; ours have none.
    out.push_back(bytes.substr(0, size));
    bytes.remove_prefix(size);
  }
  return out;
}

std::uint32_t count_of(std::string_view array) noexcept {
  return array.size() < header
             ? 0
             : static_cast<std::uint32_t>(get(array.substr(12, 4)));
}

value only_element(std::string_view array) {
  if (count_of(array) != 1 || array.size() < header + 4)
    return std::nullopt;
  auto size = get(array.substr(header, 4));
  if (size == ~std::uint32_t{0})
    return std::nullopt;
  return std::string{array.substr(header + 4, size)};
}

array::array(type element) : element_(element) {
  begin();
}

void array::begin() {
  count_ = 0;
  nulls_ = false;
  bytes_.assign(header, '\0');
}

std::string& array::open(std::size_t size) {
  put(bytes_, static_cast<std::uint32_t>(size));
  ++count_;
  return bytes_;
}

void array::add(std::string_view bytes) {
  open(bytes.size()).append(bytes);
}

void array::add_int8(std::int64_t number) {
  put_element(bytes_, number);
  ++count_;
}

void array::add_int4(std::int32_t number) {
  put_element(bytes_, number);
  ++count_;
}

void array::add_int2(std::int16_t number) {
  put_element(bytes_, number);
  ++count_;
}

void array::add_bool(bool yes) {
  put_element(bytes_, static_cast<std::int8_t>(yes));
  ++count_;
}

void array::add_time(time when) {
  add_int8(micros(when));
}

void array::add_null() {
  put(bytes_, ~std::uint32_t{0});
  nulls_ = true;
  ++count_;
}

std::string array::take() {
  auto* to = bytes_.data();
  put_at(to, std::uint32_t{count_ == 0 ? 0u : 1u});
  put_at(to + 4, std::uint32_t{nulls_ ? 1u : 0u});
  put_at(to + 8, static_cast<std::uint32_t>(element_));
  put_at(to + 12, count_);
  put_at(to + 16, std::uint32_t{1});
  if (count_ == 0)
    bytes_.resize(12); // An empty array has no dimension.
  auto out = std::move(bytes_);
  begin();
  return out;
}

} // namespace shannon::store::pg
