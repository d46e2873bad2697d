// A scanned ClientHello as one line of text: two answers are the same exactly when their lines are.
// And the same scan fed piece by piece, each time with all bytes so far in a heap block of their
// exact size, so that a sanitizer sees every byte read beyond it.
#pragma once

#include "proxy/wire/client_hello.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace sluice::test {

inline std::string describe(const wire::ClientHelloScan& scan) {
  if (std::holds_alternative<wire::NeedMore>(scan)) return "need more";
  if (const auto* fault = std::get_if<wire::Malformed>(&scan)) {
    return "malformed: " + std::string(fault->phrase);
  }
  const auto& hello = std::get<wire::ClientHello>(scan);
  std::string line = "hello name=" + hello.server_name + " alpn=";
  for (const auto& name : hello.alpn) line.append(std::to_string(name.size())).append(":" + name);
  return line + " ech=" + std::to_string(hello.ech) +
         " tls13=" + std::to_string(hello.supports_tls13) +
         " max=" + std::to_string(hello.max_version);
}

inline std::string scan_in_pieces(std::string_view stream, std::size_t piece) {
  for (std::size_t size = piece; size < stream.size(); size += piece) {
    const std::vector<char> so_far(stream.begin(), stream.begin() + size);
    const auto scan = wire::scan_client_hello({so_far.data(), so_far.size()});
    if (!std::holds_alternative<wire::NeedMore>(scan)) return describe(scan);
  }
  return describe(wire::scan_client_hello(stream));
}

} // namespace sluice::test
