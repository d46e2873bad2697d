// zstd (RFC 8878), by libzstd, with the window that RFC 9659 allows for HTTP. No dictionaries.
#include "proxy/wire/coding_step.hpp"

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <new>

namespace sluice::wire {
namespace {

constexpr int kLargestWindowLog = 23; // RFC 9659 §3: 8 MiB, however much a frame asks for
constexpr int kLevel = 3;             // libzstd's default
constexpr int kWindowLog = 18;        // of what we send: 256 KiB keep a stream's memory low
constexpr std::size_t kMagicSize = 4;
constexpr std::size_t kLongestHeader = 18; // RFC 8878 §3.1.1.1, with the magic number

// RFC 8878 §3.1.1 and §3.1.2. Debian's libzstd would also read the formats from before there was a
// standard, for which no window limit holds.
bool is_frame_magic(std::string_view four) {
  std::uint32_t magic = 0;
  for (std::size_t i = 0; i < kMagicSize; ++i)
    magic |= std::uint32_t{static_cast<unsigned char>(four[i])} << (8 * i);
  return magic == ZSTD_MAGICNUMBER ||
         (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

void require(std::size_t code) {
  if (ZSTD_isError(code)) throw std::bad_alloc();
}

struct Free {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

class ZstdDecoder final : public DecodeStep {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {
    if (!context_) throw std::bad_alloc();
    require(ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kLargestWindowLog));
  }

  // RFC 8878 §3.1: frames follow each other, and skippable ones hold nothing.
  Result<std::size_t> step(std::string_view& in, char* out, std::size_t room) override {
    if (!inside_) {
      if (in.empty()) return std::size_t{0};
      const auto count = std::min(kMagicSize - magic_.size(), in.size());
      magic_.append(in.substr(0, count));
      in.remove_prefix(count);
      if (magic_.size() < kMagicSize) return std::size_t{0};
      if (!is_frame_magic(magic_)) return undecodable(frames_ > 0 ? kTrailing : kDamaged);
      inside_ = true;
    }
    bool took = false; // all that was there, and it gave nothing yet
    if (!magic_.empty()) {
      took = true;
      std::string_view magic = magic_;
      SLUICE_TRY(decompress(magic, out, room)); // libzstd keeps it until the header is whole
      magic_.clear();
      header_left_ = kLongestHeader - kMagicSize;
    }
    // A header that libzstd gets in two pieces: where the second piece holds the rest of the frame
    // it reads that as a frame of its own, so that content can be hidden from us. One byte never
    // does.
    for (; header_left_ > 0 && inside_ && !in.empty(); --header_left_) {
      std::string_view byte = in.substr(0, 1);
      SLUICE_TRY(const auto written, decompress(byte, out, room));
      in.remove_prefix(1 - byte.size());
      if (written > 0) return written;
      took = true;
    }
    if (!inside_ || (in.empty() && took)) return std::size_t{0};
    return decompress(in, out, room);
  }
  bool whole() const noexcept override { return !inside_ && magic_.empty(); }
  Coding coding() const noexcept override { return Coding::zstd; }

 private:
  Result<std::size_t> decompress(std::string_view& in, char* out, std::size_t room) {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out, room, 0};
    const auto code = ZSTD_decompressStream(context_.get(), &output, &input);
    if (ZSTD_isError(code)) {
      return undecodable(ZSTD_getErrorCode(code) == ZSTD_error_frameParameter_windowTooLarge
                             ? "RFC 9659: a zstd window over 8 MiB"
                             : kDamaged);
    }
    in.remove_prefix(input.pos);
    if (code == 0) {
      inside_ = false;
      ++frames_;
    }
    return output.pos;
  }

  std::unique_ptr<ZSTD_DCtx, Free> context_;
  std::string magic_; // of the frame that begins
  bool inside_ = false;
  std::size_t header_left_ = 0; // bytes that may still belong to its header
  std::uint64_t frames_ = 0;    // behind us
};

class ZstdEncoder final : public EncodeStep {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx()) {
    if (!context_) throw std::bad_alloc();
    require(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, kLevel));
    require(ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_windowLog, kWindowLog));
  }

  void step(std::string_view in, Until until, std::string& out) override {
    const auto directive = until == Until::more    ? ZSTD_e_continue
                           : until == Until::flush ? ZSTD_e_flush
                                                   : ZSTD_e_end;
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    std::array<char, kCodingBlock> block;
    for (;;) {
      ZSTD_outBuffer output{block.data(), block.size(), 0};
      const auto left = ZSTD_compressStream2(context_.get(), &output, &input, directive);
      require(left);
      out.append(block.data(), output.pos);
      const bool done = until == Until::more ? input.pos == input.size : left == 0;
      if (done) return;
    }
  }

 private:
  std::unique_ptr<ZSTD_CCtx, Free> context_;
};

} // namespace

std::unique_ptr<DecodeStep> zstd_decoder() {
  return std::make_unique<ZstdDecoder>();
}

std::unique_ptr<EncodeStep> zstd_encoder() {
  return std::make_unique<ZstdEncoder>();
}

} // namespace sluice::wire
