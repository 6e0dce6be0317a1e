// scripted_upstream [--port N] [--ledger FILE] [--script FILE]
//
// A model provider for tests: speaks both wire formats over plain HTTP and
// misbehaves on demand. Prints `listening PORT`; ends by a signal. Markers in
// the last user message say what it does; they combine:
//
//   [[steps:10]]       calls the calculator until 10 turns are done
//   [[tools:3]]        3 calls in one turn; of one turn unless steps are given
//   [[busy:MS]]        a tool that takes all of a processor for so long
//   [[badargs]]        arguments that are no JSON
//   [[delay:50]]       ms before the first byte
//   [[slow:20]]        ms between two tokens
//   [[status:429:2]]   refuses the first 2 requests of the conversation
//   [[stall]] [[garbage]] [[cut]]   always; [[cut:2]]: the first 2 requests

#include "tests/upstream/server.hpp"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <sstream>

int main(int argc, char** argv) {
  using namespace shannon::upstream;
  try {
    server_options options;
    for (int i = 1; i + 1 < argc; i += 2) {
      std::string name = argv[i];
      if (name == "--port") {
        options.port = static_cast<std::uint16_t>(std::atoi(argv[i + 1]));
      } else if (name == "--ledger") {
        options.ledger_file = argv[i + 1];
      } else if (name == "--script") {
        std::ifstream in{argv[i + 1]};
        std::ostringstream text;
        text << in.rdbuf();
        options.rules = read_rules(text.str());
      } else {
        std::cerr << "unknown option " << name << '\n';
        return 2;
      }
    }
    boost::asio::io_context loop{1};
    server it{loop, std::move(options)};
    std::cout << "listening " << it.port() << std::endl;
    loop.run();
  } catch (const std::exception& thrown) {
    std::cerr << thrown.what() << '\n';
    return 1;
  }
}
