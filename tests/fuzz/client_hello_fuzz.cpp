// Invariants, for any bytes: the answer does not depend on how the bytes came, never changes once
// it is given, and reads nothing beyond the input (each prefix is its own heap block); a name that
// is reported is visible ASCII.
// An input is a stream as it is.
#include "tests/support/client_hello_text.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <variant>

namespace {

using namespace sluice;

void require(bool holds) {
  if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096; // every prefix is scanned
  if (size > kLargest) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data), size);
  const auto scan = wire::scan_client_hello(stream);
  const auto whole = test::describe(scan);
  require(test::scan_in_pieces(stream, 1) == whole);
  if (!std::holds_alternative<wire::NeedMore>(scan)) {
    require(test::describe(wire::scan_client_hello(std::string(stream) + "\x16")) == whole);
  }
  if (const auto* hello = std::get_if<wire::ClientHello>(&scan)) {
    require(std::all_of(hello->server_name.begin(), hello->server_name.end(),
                        [](char c) { return c > ' ' && c < 0x7f; }));
    require(hello->supports_tls13 == (hello->max_version == 0x0304));
  }
  return 0;
}
