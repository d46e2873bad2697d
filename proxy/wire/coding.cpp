#include "proxy/wire/coding.hpp"

#include "policy/base/bytes.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::size_t kBlock = 16 * 1024; // decoded at a time, so that a bomb is seen early
constexpr std::uint64_t kRatioFree = 1ULL << 20;
constexpr int kWindowBits = 15;
constexpr int kGzipWrapper = 16; // added to the window bits, as zlib has it

// zlib takes its input through a pointer to non-const that it never writes through.
Bytef* zlib_input(std::string_view in) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
}

// zlib counts in unsigned int; what is larger goes in pieces.
std::string_view take_piece(std::string_view& in) {
  const auto piece = in.substr(0, std::numeric_limits<uInt>::max());
  in.remove_prefix(piece.size());
  return piece;
}

Error undecodable(std::string detail) {
  return make_error(Origin::downstream, "content_undecodable", std::move(detail));
}

// RFC 1950 §2.2: method 8, a window of at most 32 KiB, a multiple of 31. A raw stream (RFC 1951)
// that looks so would begin with a stored block whose padding is not zero.
bool is_zlib_header(std::string_view two) {
  const auto cmf = static_cast<unsigned char>(two[0]);
  const auto flags = static_cast<unsigned char>(two[1]);
  return (cmf & 0x0F) == Z_DEFLATED && (cmf >> 4) <= 7 && (cmf * 256 + flags) % 31 == 0;
}

} // namespace

std::optional<Coding> parse_coding(std::string_view content_encoding) noexcept {
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  while (!content_encoding.empty() && is_space(content_encoding.front()))
    content_encoding.remove_prefix(1);
  while (!content_encoding.empty() && is_space(content_encoding.back()))
    content_encoding.remove_suffix(1);
  if (content_encoding.empty() || equal_ignore_case(content_encoding, "identity"))
    return Coding::identity;
  // RFC 9110 §8.4.1.3: x-gzip is gzip.
  if (equal_ignore_case(content_encoding, "gzip") || equal_ignore_case(content_encoding, "x-gzip"))
    return Coding::gzip;
  if (equal_ignore_case(content_encoding, "deflate")) return Coding::deflate;
  return std::nullopt;
}

struct Decoder::Impl {
  enum class Phase : std::uint8_t { unopened, inside, ended, failed };

  Impl(Coding which, const DecodeLimits& bounds) : coding(which), limits(bounds) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (opened) inflateEnd(&stream);
  }

  Result<> decode(std::string_view in, std::string& out);
  Result<> open(std::string_view& in, std::string& out);
  Result<> inflate_piece(std::string_view piece, std::string& out);
  Result<> next_member();
  Result<> check_limits() const;

  Coding coding;
  DecodeLimits limits;
  Phase phase = Phase::unopened;
  bool opened = false; // zlib holds memory
  z_stream stream{};
  std::string first; // of a deflate stream, until two bytes tell which kind it is
  std::uint64_t taken = 0;
  std::uint64_t given = 0;
};

Result<> Decoder::Impl::decode(std::string_view in, std::string& out) {
  if (phase == Phase::failed) return undecodable("the content was refused before");
  if (coding == Coding::identity) {
    out.append(in);
    return success();
  }
  if (phase == Phase::unopened && !in.empty()) {
    SLUICE_TRY(open(in, out));
  }
  while (!in.empty()) {
    SLUICE_TRY(inflate_piece(take_piece(in), out));
  }
  return success();
}

Result<> Decoder::Impl::open(std::string_view& in, std::string& out) {
  int bits = kWindowBits + kGzipWrapper;
  if (coding == Coding::deflate) {
    const auto count = std::min<std::size_t>(2 - first.size(), in.size());
    first.append(in.substr(0, count));
    in.remove_prefix(count);
    if (first.size() < 2) return success();
    // RFC 9110 §8.4.1.2: "deflate" is the zlib format, but some send the bare stream.
    bits = is_zlib_header(first) ? kWindowBits : -kWindowBits;
  }
  if (inflateInit2(&stream, bits) != Z_OK) throw std::bad_alloc();
  opened = true;
  phase = Phase::inside;
  const std::string head = std::exchange(first, {});
  return head.empty() ? Result<>(success()) : inflate_piece(head, out);
}

Result<> Decoder::Impl::inflate_piece(std::string_view piece, std::string& out) {
  std::array<char, kBlock> block;
  stream.next_in = zlib_input(piece);
  stream.avail_in = static_cast<uInt>(piece.size());
  for (;;) {
    if (phase == Phase::ended) {
      if (stream.avail_in == 0) return success();
      SLUICE_TRY(next_member());
    }
    const auto left = stream.avail_in;
    stream.next_out = reinterpret_cast<Bytef*>(block.data());
    stream.avail_out = static_cast<uInt>(block.size());
    const int code = inflate(&stream, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return undecodable("the compressed stream is damaged");
    const std::size_t produced = block.size() - stream.avail_out;
    taken += left - stream.avail_in;
    given += produced;
    SLUICE_TRY(check_limits());
    out.append(block.data(), produced);
    if (code == Z_STREAM_END) {
      phase = Phase::ended;
    } else if (stream.avail_in == 0 && stream.avail_out > 0) {
      return success(); // all that these bytes can give
    } else if (code == Z_BUF_ERROR && produced == 0) {
      return stream.avail_in == 0 ? Result<>(success()) : undecodable("no progress");
    }
  }
}

// RFC 1952 §2.2: a gzip file is a series of members. The other kinds end where they end.
Result<> Decoder::Impl::next_member() {
  if (coding != Coding::gzip) return undecodable("bytes follow the end of the compressed stream");
  if (inflateReset(&stream) != Z_OK) return undecodable("the compressed stream is damaged");
  phase = Phase::inside;
  return success();
}

Result<> Decoder::Impl::check_limits() const {
  if (given > limits.output_bytes)
    return make_error(Origin::downstream, "content_bomb", "decoded content is too large");
  if (given > kRatioFree && given / limits.ratio > taken)
    return make_error(Origin::downstream, "content_bomb", "decoded content grows too fast");
  return success();
}

Decoder::Decoder(Coding coding, const DecodeLimits& limits)
    : impl_(std::make_unique<Impl>(coding, limits)) {
  impl_->limits.ratio = std::max<std::uint64_t>(limits.ratio, 1);
}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Result<> Decoder::feed(std::string_view in, std::string& out) {
  auto done = impl_->decode(in, out);
  if (!done) impl_->phase = Impl::Phase::failed;
  return done;
}

Result<> Decoder::finish() {
  using Phase = Impl::Phase;
  if (impl_->phase == Phase::failed) return undecodable("the content was refused before");
  // No bytes at all are an empty content: real servers send it, and it hides nothing.
  const bool nothing = impl_->phase == Phase::unopened && impl_->first.empty();
  if (nothing || impl_->phase == Phase::ended) return success();
  impl_->phase = Phase::failed;
  return undecodable("the compressed stream is cut short");
}

struct Encoder::Impl {
  explicit Impl(Coding which) : coding(which) {
    if (coding == Coding::identity) return;
    const int bits = coding == Coding::gzip ? kWindowBits + kGzipWrapper : kWindowBits;
    constexpr int kMemoryLevel = 8; // zlib's own default
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, bits, kMemoryLevel,
                     Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() {
    if (coding != Coding::identity) deflateEnd(&stream);
  }

  void deflate_piece(std::string_view piece, int flush, std::string& out) {
    std::array<char, kBlock> block;
    stream.next_in = zlib_input(piece);
    stream.avail_in = static_cast<uInt>(piece.size());
    do { // zlib has given all when it leaves room in the block
      stream.next_out = reinterpret_cast<Bytef*>(block.data());
      stream.avail_out = static_cast<uInt>(block.size());
      deflate(&stream, flush);
      out.append(block.data(), block.size() - stream.avail_out);
    } while (stream.avail_out == 0);
  }

  Coding coding;
  z_stream stream{};
};

Encoder::Encoder(Coding coding) : impl_(std::make_unique<Impl>(coding)) {}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

void Encoder::feed(std::string_view in, Flush flush, std::string& out) {
  if (impl_->coding == Coding::identity) {
    out.append(in);
    return;
  }
  while (!in.empty()) impl_->deflate_piece(take_piece(in), Z_NO_FLUSH, out);
  if (flush == Flush::sync) impl_->deflate_piece({}, Z_SYNC_FLUSH, out);
}

void Encoder::finish(std::string& out) {
  if (impl_->coding != Coding::identity) impl_->deflate_piece({}, Z_FINISH, out);
}

} // namespace sluice::wire
