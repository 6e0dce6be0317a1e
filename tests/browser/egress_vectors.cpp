#include "tests/browser/egress_vectors.hpp"

#include "embedded/egress_vectors.hpp"

#include <boost/asio/ip/address.hpp>

#include <sstream>
#include <stdexcept>
#include <string_view>

namespace shannon::test {

namespace {

std::string unescape(std::string_view text, const std::string& port) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 6) == "{port}") {
      out += port;
      i += 5;
    } else if (text[i] != '\\' || i + 1 == text.size()) {
      out += text[i];
    } else if (text[++i] == 'x') {
      out += static_cast<char>(
          std::stoi(std::string{text.substr(i + 1, 2)}, nullptr, 16));
      i += 2;
    } else {
      auto c = text[i];
      out += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
    }
  }
  return out;
}

} // namespace

kit::name_lookup egress_vectors::lookup() const {
  return [names = names](const std::string& host,
                         std::uint16_t port) -> result<kit::endpoints> {
    kit::endpoints found;
    if (auto at = names.find(host); at != names.end())
      for (const auto& text : at->second)
        found.emplace_back(boost::asio::ip::make_address(text), port);
    return found;
  };
}

egress_vectors read_egress_vectors(std::uint16_t port) {
  egress_vectors out;
  std::istringstream file{
      std::string{embedded::egress_vectors().front().second}};
  auto number = std::to_string(port);
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.front() == '#')
      continue;
    auto blank = line.find(' ');
    if (blank == std::string::npos)
      throw std::runtime_error("egress_vectors.txt: " + line);
    auto kind = line.substr(0, blank);
    if (kind != "name") {
      out.all.push_back({kind, unescape(line.substr(blank + 1), number)});
      continue;
    }
    std::istringstream words{line.substr(blank + 1)};
    std::string host;
    words >> host;
    auto& addresses = out.names[host];
    for (std::string word; words >> word;)
      addresses.push_back(word);
  }
  return out;
}

} // namespace shannon::test
