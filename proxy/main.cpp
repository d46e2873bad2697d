// The one executable. Everything is in proxy/cli.
#include "proxy/cli/commands.hpp"

int main(int argc, char** argv) {
  return sluice::cli::run_program(argc, argv);
}
