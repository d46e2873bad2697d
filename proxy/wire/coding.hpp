// Content codings (RFC 9110 §8.4.1): decode and encode a stream, so that redaction sees text.
// Guards against decompression bombs. Never passes undecodable bytes on.
// Tested by tests/unit/wire/coding_test.cpp.
#pragma once

#include "policy/base/result.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sluice::wire {

enum class Coding : std::uint8_t { identity, gzip, deflate };

// One coding only; nullopt for unknown or stacked codings (which are refused where redaction is
// due).
std::optional<Coding> parse_coding(std::string_view content_encoding) noexcept;

struct DecodeLimits {
  std::uint64_t output_bytes = 256ULL << 20;
  std::uint64_t ratio = 200; // output may exceed input by this factor only below 1 MiB of output
};

class Decoder {
 public:
  explicit Decoder(Coding coding, const DecodeLimits& limits = {});
  Decoder(Decoder&&) noexcept;
  Decoder& operator=(Decoder&&) noexcept;
  ~Decoder();
  Result<> feed(std::string_view in,
                std::string& out); // origin downstream; codes "content_undecodable", "content_bomb"
  Result<> finish(); // fails when the stream is truncated; trailing garbage fails in feed

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

class Encoder {
 public:
  explicit Encoder(Coding coding);
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
