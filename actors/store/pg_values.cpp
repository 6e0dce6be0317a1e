#include "actors/store/pg_values.hpp"

#include <cstddef>

namespace shannon::store::pg {

namespace {

/// 2000-01-01, in microseconds since 1970.
constexpr std::int64_t year_2000_us = 946'684'800'000'000;

template <class Number>
void put(std::string& out, Number number) {
  auto bits = static_cast<std::uint64_t>(number);
  for (auto i = sizeof(Number); i-- > 0;)
    out.push_back(static_cast<char>((bits >> (8 * i)) & 0xff));
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

std::int16_t to_int2(std::string_view bytes) noexcept {
  return static_cast<std::int16_t>(get(bytes.substr(0, 2)));
}

time to_time(std::string_view bytes) noexcept {
  return time{std::chrono::duration_cast<time::duration>(
      std::chrono::microseconds{to_int8(bytes) + year_2000_us})};
}

std::vector<std::string_view> to_elements(std::string_view bytes) {
  // Dimensions, has-nulls flag, element type, then size and lower bound.
  constexpr std::size_t header = 20;
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

array::array(type element) : element_(element) {}

void array::add(std::string_view bytes) {
  put(body_, static_cast<std::uint32_t>(bytes.size()));
  body_.append(bytes);
  ++count_;
}

void array::add_int8(std::int64_t number) {
  put(body_, std::uint32_t{8});
  put(body_, number);
  ++count_;
}

void array::add_int2(std::int16_t number) {
  put(body_, std::uint32_t{2});
  put(body_, number);
  ++count_;
}

void array::add_bool(bool yes) {
  put(body_, std::uint32_t{1});
  body_.push_back(yes ? '\1' : '\0');
  ++count_;
}

void array::add_time(time when) {
  add_int8(micros(when));
}

void array::add_null() {
  put(body_, ~std::uint32_t{0});
  nulls_ = true;
  ++count_;
}

std::string array::take() {
  std::string out;
  put(out, std::uint32_t{count_ == 0 ? 0u : 1u});
  put(out, std::uint32_t{nulls_ ? 1u : 0u});
  put(out, static_cast<std::uint32_t>(element_));
  if (count_ != 0) {
    put(out, count_);
    put(out, std::uint32_t{1});
    out += body_;
  }
  body_.clear();
  count_ = 0;
  nulls_ = false;
  return out;
}

} // namespace shannon::store::pg
