// br (RFC 7932), by libbrotli. A window has at most 16 MiB there, and libbrotli allots it as it
// fills; the "large window" extension is off, as it is in every browser.
#include "proxy/wire/coding_step.hpp"

#include <brotli/decode.h>
#include <brotli/encode.h>

#include <array>
#include <new>

namespace sluice::wire {
namespace {

// About the density of gzip's default, faster than it; 256 KiB of window keep a stream's memory
// low.
constexpr std::uint32_t kQuality = 4;
constexpr std::uint32_t kBrotliWindowBits = 18;

const std::uint8_t* bytes_of(std::string_view text) {
  return reinterpret_cast<const std::uint8_t*>(text.data());
}

struct Destroy {
  void operator()(BrotliDecoderState* state) const { BrotliDecoderDestroyInstance(state); }
  void operator()(BrotliEncoderState* state) const { BrotliEncoderDestroyInstance(state); }
};

class BrotliDecoder final : public DecodeStep {
 public:
  BrotliDecoder() : state_(BrotliDecoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (!state_) throw std::bad_alloc();
  }

  Result<std::size_t> step(std::string_view& in, char* out, std::size_t room) override {
    if (ended_) return in.empty() ? Result<std::size_t>(std::size_t{0}) : undecodable(kTrailing);
    begun_ = begun_ || !in.empty();
    const auto* next_in = bytes_of(in);
    auto* next_out = reinterpret_cast<std::uint8_t*>(out);
    std::size_t left = in.size(), free = room;
    const auto code =
        BrotliDecoderDecompressStream(state_.get(), &left, &next_in, &free, &next_out, nullptr);
    if (code == BROTLI_DECODER_RESULT_ERROR) return undecodable(kDamaged);
    ended_ = code == BROTLI_DECODER_RESULT_SUCCESS;
    in.remove_prefix(in.size() - left);
    return room - free;
  }
  bool whole() const noexcept override { return ended_ || !begun_; }
  Coding coding() const noexcept override { return Coding::br; }

 private:
  std::unique_ptr<BrotliDecoderState, Destroy> state_;
  bool begun_ = false;
  bool ended_ = false;
};

class BrotliEncoder final : public EncodeStep {
 public:
  BrotliEncoder() : state_(BrotliEncoderCreateInstance(nullptr, nullptr, nullptr)) {
    if (!state_) throw std::bad_alloc();
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_QUALITY, kQuality);
    BrotliEncoderSetParameter(state_.get(), BROTLI_PARAM_LGWIN, kBrotliWindowBits);
  }

  void step(std::string_view in, Until until, std::string& out) override {
    const auto operation = until == Until::more    ? BROTLI_OPERATION_PROCESS
                           : until == Until::flush ? BROTLI_OPERATION_FLUSH
                                                   : BROTLI_OPERATION_FINISH;
    const auto* next_in = bytes_of(in);
    std::size_t left = in.size();
    std::array<std::uint8_t, kCodingBlock> block;
    do {
      auto* next_out = block.data();
      std::size_t free = block.size();
      if (!BrotliEncoderCompressStream(state_.get(), operation, &left, &next_in, &free, &next_out,
                                       nullptr))
        throw std::bad_alloc(); // the only way it fails when it is used as it should be
      out.append(reinterpret_cast<const char*>(block.data()), block.size() - free);
    } while (left > 0 || BrotliEncoderHasMoreOutput(state_.get()));
  }

 private:
  std::unique_ptr<BrotliEncoderState, Destroy> state_;
};

} // namespace

std::unique_ptr<DecodeStep> brotli_decoder() {
  return std::make_unique<BrotliDecoder>();
}

std::unique_ptr<EncodeStep> brotli_encoder() {
  return std::make_unique<BrotliEncoder>();
}

} // namespace sluice::wire
