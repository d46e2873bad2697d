// Content codings (RFC 9110 §8.4): decode and encode a stream, so that redaction sees text. Several
// codings on top of each other are one stack. Guards against decompression bombs.
// Never passes on a byte it could not decode, and what it decoded only block by block, so that
// memory is bounded by the codings' windows and not by what a peer claims.
// Tested by tests/unit/wire/coding_test.cpp, tests/unit/wire/coding_hostile_test.cpp and
// tests/fuzz/coding_fuzz.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::wire {

// raw_deflate has no name of its own: it is what some send as "deflate", without the zlib wrapper.
enum class Coding : std::uint8_t { gzip, deflate, raw_deflate, br, zstd };

// In the order they were applied, as the field says them; empty: identity.
using Codings = std::vector<Coding>;

// Nobody sends more than two in good faith, and each one costs a window.
inline constexpr std::size_t kMaxCodings = 3;

// The joined Content-Encoding: any case, x-gzip, identity and empty elements allowed. Fails
// (downstream, "content_undecodable") on a coding we do not know or more than kMaxCodings.
Result<Codings> parse_codings(std::string_view content_encoding);
std::string_view name_of(Coding coding) noexcept;
std::string content_encoding(const Codings& codings); // the field's value; "" for identity

// From the agent's Accept-Encoding, what may be asked of an upstream whose answer we must read:
// codings we decode with their weights, never another. "identity" when nothing else is left.
std::string offer_decodable(std::string_view accept_encoding);

// The time a hostile body may cost, since its memory is bounded anyway. Up to `free_bytes` any
// ratio is fine: small repetitive documents compress a thousandfold in good faith, and that much is
// redacted in about 10 ms. Beyond, real text stays under 100:1. `output_bytes` is also what bounds
// the layers between two codings.
struct DecodeLimits {
  std::uint64_t output_bytes = 256ULL << 20; // of every layer
  std::uint64_t free_bytes = 8ULL << 20;
  std::uint64_t ratio = 200; // of a layer's output to the bytes that came in, beyond free_bytes
  // What one feed() may give beyond `ratio` of its input: deflate cannot reach it from a read of
  // ours, so that only a bomb hidden behind incompressible bytes does.
  std::uint64_t burst_bytes = 32ULL << 20;
};

class Decoder {
 public:
  using Sink = std::function<void(std::string_view)>; // gets at most a block at a time

  explicit Decoder(const Codings& codings, const DecodeLimits& limits = {});
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();

  // Origin downstream; codes "content_undecodable", "content_bomb". An error stays one.
  Result<> feed(std::string_view in, const Sink& sink);
  // Fails when a stream of the stack is cut short; bytes after its end fail in feed. No bytes at
  // all are an empty content: real servers send it, and it hides nothing.
  Result<> finish();
  // As found in the stream: says raw_deflate where the field said deflate. Certain as soon as
  // anything was decoded.
  Codings codings() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Encoder {
 public:
  explicit Encoder(const Codings& codings);
  Encoder(Encoder&&) noexcept;
  Encoder& operator=(Encoder&&) noexcept;
  ~Encoder();
  enum class Flush {
    none,
    sync
  }; // sync: what was fed can be decoded by the peer now (streams, SSE)
  void feed(std::string_view in, Flush flush, std::string& out);
  void finish(std::string& out);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

} // namespace sluice::wire
