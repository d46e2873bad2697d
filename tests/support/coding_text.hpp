// Whole texts through a stack of content codings, for tests. Never used by the product.
#pragma once

#include "proxy/wire/coding.hpp"

#include <algorithm>
#include <string>
#include <string_view>

namespace sluice::test {

inline std::string encoded(const wire::Codings& codings, std::string_view text) {
  wire::Encoder encoder(codings);
  std::string out;
  encoder.feed(text, wire::Encoder::Flush::none, out);
  encoder.finish(out);
  return out;
}

// Fed in pieces of `piece` bytes.
inline Result<std::string> decoded(const wire::Codings& codings, std::string_view bytes,
                                   std::size_t piece, const wire::DecodeLimits& limits = {}) {
  wire::Decoder decoder(codings, limits);
  std::string out;
  for (; !bytes.empty(); bytes.remove_prefix(std::min(piece, bytes.size()))) {
    SLUICE_TRY(decoder.feed(bytes.substr(0, piece), [&](std::string_view text) { out += text; }));
  }
  SLUICE_TRY(decoder.finish());
  return out;
}

// The refusal's detail, or "decoded".
inline std::string refusal(const wire::Codings& codings, std::string_view bytes, std::size_t piece,
                           const wire::DecodeLimits& limits = {}) {
  const auto done = decoded(codings, bytes, piece, limits);
  return done ? "decoded" : done.error().detail;
}

} // namespace sluice::test
