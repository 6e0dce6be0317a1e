#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace shannon::store {

/// Values in PostgreSQL's binary format: big-endian numbers, times as
/// microseconds since 2000, arrays with a header.
namespace pg {

using time = std::chrono::system_clock::time_point;

/// One parameter; nothing for NULL.
using value = std::optional<std::string>;
using values = std::vector<value>;

enum class type : std::uint32_t {
  boolean = 16,
  bytea = 17,
  int8 = 20,
  int2 = 21,
  int4 = 23,
  text = 25,
  timestamptz = 1184,
};

std::string from_int8(std::int64_t number);
std::string from_int4(std::int32_t number);
std::string from_int2(std::int16_t number);
std::string from_time(time when);

std::int64_t to_int8(std::string_view bytes) noexcept;
std::int32_t to_int4(std::string_view bytes) noexcept;
std::int16_t to_int2(std::string_view bytes) noexcept;
time to_time(std::string_view bytes) noexcept;

/// The elements of a one-dimensional array; views into `bytes`. An array this
/// cannot read is empty.
std::vector<std::string_view> to_elements(std::string_view bytes);

/// How many elements it has.
std::uint32_t count_of(std::string_view array) noexcept;

/// The element of an array of one, NULL as nothing.
value only_element(std::string_view array);

/// Builds a one-dimensional array parameter.
class array {
public:
  explicit array(type element);

  void add(std::string_view bytes);
  void add_int8(std::int64_t number);
  void add_int4(std::int32_t number);
  void add_int2(std::int16_t number);
  void add_bool(bool yes);
  void add_time(time when);
  void add_null();

  /// Begins an element of `size` bytes, which the caller must append next.
  std::string& open(std::size_t size);

  std::uint32_t size() const noexcept {
    return count_;
  }

  /// The finished parameter; the array is empty afterwards.
  std::string take();

private:
  void begin();

  type element_;
  std::uint32_t count_ = 0;
  bool nulls_ = false;
  /// The parameter, with room for its header.
  std::string bytes_;
};

} // namespace pg

} // namespace shannon::store
