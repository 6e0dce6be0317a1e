#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace shannon::test {

struct raw_response {
  int status = 0;
  std::map<std::string, std::string> fields; ///< Names in lower case.
  std::string body;
};

/// A TCP client that sends exactly the bytes it is told to.
class raw_client {
public:
  static constexpr std::chrono::milliseconds patience{10'000};

  explicit raw_client(std::uint16_t port);
  ~raw_client();
  raw_client(raw_client&& other) noexcept;
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;

  bool connected() const noexcept {
    return connected_;
  }

  /// Shrinks the receive buffer, so that a reader that stops is felt soon.
  void receive_little();

  /// False if the peer has gone.
  bool send(std::string_view bytes);
  void shutdown_send();

  /// The next response with its Content-Length body. Nothing if the peer
  /// closes or stays silent.
  std::optional<raw_response> response(bool has_body = true);

  /// Reads until what was read holds `mark`; takes everything up to its end.
  std::optional<std::string>
  read_until(std::string_view mark, std::chrono::milliseconds wait = patience);

  /// What comes until the peer closes; nothing if it does not in time.
  std::optional<std::string> read_to_end(std::chrono::milliseconds wait
                                         = patience);

  /// Nothing comes for this long, and the connection stays open.
  bool stays_silent(std::chrono::milliseconds wait);

private:
  enum class got : std::uint8_t { bytes, end, nothing };
  got receive(std::chrono::milliseconds wait);

  int socket_ = -1;
  bool connected_ = false;
  std::string in_;
};

/// `GET path` with a Host field.
std::string get(std::string_view path, std::string_view more_fields = {});
std::string post(std::string_view path, std::string_view body,
                 std::string_view more_fields = {});

/// Undoes chunked framing of whole chunks; stops at the last one.
std::string dechunk(std::string_view bytes);

} // namespace shannon::test
