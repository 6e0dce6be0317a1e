// A bare Beast server to point any load generator at. Ends with its input.

#include "tests/bench/bare_beast.hpp"

#include <cstdio>

int main() {
  shannon::bench::bare_beast server;
  std::printf("http://127.0.0.1:%u\n", server.port());
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
