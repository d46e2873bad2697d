// Invariants, for any bytes: what the machine says does not depend on how the bytes were cut; no
// byte beyond the input is read; it waits for no more than kMaxMessage bytes; and a host it names
// is visible ASCII with a port.
// The first byte of an input chooses whether a password is required and whether it is right.
#include "tests/support/socks5_transcript.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <variant>

namespace {

using namespace sluice;

void require(bool holds) {
  if (!holds) std::abort();
}

void check_bounds(std::string_view in, bool require_password) {
  wire::Socks5Server server(require_password);
  for (;;) {
    const auto before = in.size();
    auto event = server.feed(in);
    require(in.size() <= before);
    if (std::holds_alternative<wire::NeedMore>(event)) {
      require(in.size() < wire::Socks5Server::kMaxMessage);
      return;
    }
    if (std::holds_alternative<wire::SocksRefuse>(event)) return;
    if (std::holds_alternative<wire::SocksAuthenticate>(event)) server.authenticated(true);
    if (const auto* connect = std::get_if<wire::SocksConnect>(&event)) {
      require(connect->port != 0 && !connect->host.empty());
      require(std::all_of(connect->host.begin(), connect->host.end(),
                          [](char c) { return c > ' ' && c < 0x7f; }));
      return;
    }
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 2048;
  if (size < 1 || size > kLargest) return 0;
  // Printable, so that a seed can be written by hand: '0' to '3'.
  test::SocksClient how{(data[0] & 1) != 0, (data[0] & 2) != 0};
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = test::socks_transcript(stream, how);
  for (const std::size_t piece : {1U, 2U, 7U}) {
    how.piece = piece;
    require(test::socks_transcript(stream, how) == whole);
  }
  check_bounds(stream, how.require_password);
  return 0;
}
