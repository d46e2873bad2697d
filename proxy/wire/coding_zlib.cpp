// gzip (RFC 1952), deflate in the zlib format (RFC 1950) and bare (RFC 1951), by zlib.
#include "proxy/wire/zlib_deflate.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace sluice::wire {
namespace {

constexpr int kDeflateWindowBits = 15;
constexpr int kGzipWrapper = 16; // added to the window bits, as zlib has it

int window_bits(Coding coding) {
  if (coding == Coding::gzip) return kDeflateWindowBits + kGzipWrapper;
  return coding == Coding::raw_deflate ? -kDeflateWindowBits : kDeflateWindowBits;
}

// zlib counts in unsigned int; what is larger goes in pieces.
std::string_view first_piece(std::string_view in) {
  return in.substr(0, std::numeric_limits<uInt>::max());
}

// RFC 1950 §2.2: method 8, a window of at most 32 KiB, a multiple of 31. A raw stream (RFC 1951)
// that looks so would begin with a stored block whose padding is not zero.
bool is_zlib_header(std::string_view two) {
  const auto cmf = static_cast<unsigned char>(two[0]);
  const auto flags = static_cast<unsigned char>(two[1]);
  return (cmf & 0x0F) == Z_DEFLATED && (cmf >> 4) <= 7 && (cmf * 256 + flags) % 31 == 0;
}

class ZlibDecoder final : public DecodeStep {
 public:
  explicit ZlibDecoder(Coding coding) : coding_(coding) {}
  ZlibDecoder(const ZlibDecoder&) = delete;
  ZlibDecoder& operator=(const ZlibDecoder&) = delete;
  ~ZlibDecoder() override {
    if (opened_) inflateEnd(&stream_);
  }

  Result<std::size_t> step(std::string_view& in, char* out, std::size_t room) override {
    if (phase_ == Phase::unopened) open(in);
    if (!head_.empty() && phase_ != Phase::unopened) { // what open() looked at comes first
      std::string_view head = head_;
      SLUICE_TRY(const auto given, inflate_some(head, out, room));
      head_.erase(0, head_.size() - head.size());
      return given;
    }
    return phase_ == Phase::unopened ? Result<std::size_t>(std::size_t{0})
                                     : inflate_some(in, out, room);
  }
  bool whole() const noexcept override {
    return phase_ == Phase::ended || (phase_ == Phase::unopened && head_.empty());
  }
  Coding coding() const noexcept override { return coding_; }

 private:
  enum class Phase : std::uint8_t { unopened, inside, ended };

  void open(std::string_view& in) {
    if (in.empty()) return;
    if (coding_ == Coding::deflate) {
      const auto count = std::min<std::size_t>(2 - head_.size(), in.size());
      head_.append(in.substr(0, count));
      in.remove_prefix(count);
      if (head_.size() < 2) return;
      // RFC 9110 §8.4.1.2: "deflate" is the zlib format, but some send the bare stream.
      if (!is_zlib_header(head_)) coding_ = Coding::raw_deflate;
    }
    if (inflateInit2(&stream_, window_bits(coding_)) != Z_OK) throw std::bad_alloc();
    opened_ = true;
    phase_ = Phase::inside;
  }

  Result<std::size_t> inflate_some(std::string_view& in, char* out, std::size_t room) {
    if (phase_ == Phase::ended) {
      if (in.empty()) return std::size_t{0};
      // RFC 1952 §2.2: a gzip file is a series of members. The other kinds end where they end.
      if (coding_ != Coding::gzip) return undecodable(kTrailing);
      if (inflateReset(&stream_) != Z_OK) return undecodable(kDamaged);
      phase_ = Phase::inside;
      later_member_ = true;
    }
    const auto piece = first_piece(in);
    stream_.next_in = zlib_input(piece);
    stream_.avail_in = static_cast<uInt>(piece.size());
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(room);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) {
      // What does not even begin like a member was not meant to be one.
      return undecodable(later_member_ && stream_.total_out == 0 ? kTrailing : kDamaged);
    }
    in.remove_prefix(piece.size() - stream_.avail_in);
    if (code == Z_STREAM_END) phase_ = Phase::ended;
    return room - stream_.avail_out;
  }

  Coding coding_;
  Phase phase_ = Phase::unopened;
  bool opened_ = false; // zlib holds memory
  bool later_member_ = false;
  z_stream stream_{};
  std::string head_; // of a deflate stream, until two bytes tell which kind it is
};

class ZlibEncoder final : public EncodeStep {
 public:
  explicit ZlibEncoder(Coding coding) {
    constexpr int kMemoryLevel = 8; // zlib's own default
    if (deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits(coding), kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ZlibEncoder(const ZlibEncoder&) = delete;
  ZlibEncoder& operator=(const ZlibEncoder&) = delete;
  ~ZlibEncoder() override { deflateEnd(&stream_); }

  void step(std::string_view in, Until until, std::string& out) override {
    do {
      const auto piece = first_piece(in);
      in.remove_prefix(piece.size());
      deflate_piece(stream_, piece, flush_of(in.empty() ? until : Until::more), out);
    } while (!in.empty());
  }

 private:
  static int flush_of(Until until) {
    return until == Until::more ? Z_NO_FLUSH : until == Until::flush ? Z_SYNC_FLUSH : Z_FINISH;
  }

  z_stream stream_{};
};

} // namespace

std::unique_ptr<DecodeStep> zlib_decoder(Coding coding) {
  return std::make_unique<ZlibDecoder>(coding);
}

std::unique_ptr<EncodeStep> zlib_encoder(Coding coding) {
  return std::make_unique<ZlibEncoder>(coding);
}

} // namespace sluice::wire
