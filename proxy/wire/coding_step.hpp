// One content coding, one direction, in steps of bounded size: what coding_zlib.cpp,
// coding_brotli.cpp and coding_zstd.cpp give and coding.cpp stacks. Private to these files.
// Never decides about limits and never gives more than it is asked for.
// Tested by tests/unit/wire/coding_test.cpp.
#pragma once

#include "proxy/wire/coding.hpp"

namespace sluice::wire {

class DecodeStep {
 public:
  virtual ~DecodeStep() = default;
  // Takes bytes from the front of `in` and writes at most `room` to `out`; the count written. Less
  // than `room` with all of `in` taken means that these bytes give no more.
  virtual Result<std::size_t> step(std::string_view& in, char* out, std::size_t room) = 0;
  // The bytes so far are whole streams, or none at all.
  virtual bool whole() const noexcept = 0;
  virtual Coding coding() const noexcept = 0;
};

class EncodeStep {
 public:
  enum class Until : std::uint8_t { more, flush, end };
  virtual ~EncodeStep() = default;
  virtual void step(std::string_view in, Until until, std::string& out) = 0;
};

std::unique_ptr<DecodeStep> zlib_decoder(Coding coding); // gzip, deflate, raw_deflate
std::unique_ptr<EncodeStep> zlib_encoder(Coding coding);
std::unique_ptr<DecodeStep> brotli_decoder();
std::unique_ptr<EncodeStep> brotli_encoder();
std::unique_ptr<DecodeStep> zstd_decoder();
std::unique_ptr<EncodeStep> zstd_encoder();

Error undecodable(std::string detail);
inline constexpr const char* kDamaged = "the compressed stream is damaged";
inline constexpr const char* kTrailing = "bytes follow the end of the compressed stream";

inline constexpr std::size_t kCodingBlock = 16 * 1024; // decoded at a time

} // namespace sluice::wire
