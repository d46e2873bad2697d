#include "proxy/wire/websocket_deflate.hpp"

#include "proxy/wire/zlib_deflate.hpp"

#include <algorithm>
#include <array>
#include <limits>
#include <new>

namespace sluice::wire {
namespace {

using namespace std::string_view_literals;

constexpr auto kTail = "\x00\x00\xff\xff"sv; // RFC 7692 §7.2.2: taken off each message
constexpr int kWindow = 1 << kMostWindowBits;
// RFC 7692 §7.2.3.5: a final block may come inside a message. Each costs two copies of the window.
constexpr int kMostFinalBlocks = 16;
// Of what we compress: a window of 8 KiB takes 64 KiB of memory, one of 32 KiB four times that.
constexpr int kOurBits = 13, kMemoryLevel = 6;

} // namespace

// ---- inflate -----------------------------------------------------------------------------------

struct MessageInflater::State {
  State(bool takes_over, const InflateLimits& most) : takeover(takes_over), limits(most) {
    if (inflateInit2(&stream, -kMostWindowBits) != Z_OK) throw std::bad_alloc();
    allowance = limits.free_bytes;
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { inflateEnd(&stream); }

  Step fail(CloseCode code, std::string_view phrase) {
    fault = WebSocketFault{code, phrase};
    return {{}, fault};
  }
  void earn(std::size_t bytes) {
    const std::uint64_t earned = std::min(limits.free_bytes, bytes * limits.ratio);
    allowance = std::min(limits.free_bytes, allowance + earned);
  }
  bool go_on_after_final_block();
  Step inflate_some(std::string_view& in);

  bool takeover;
  InflateLimits limits;
  z_stream stream{};
  std::array<char, kCodingBlock> block;
  std::uint64_t allowance = 0;
  std::uint64_t message_size = 0;
  int final_blocks = 0;
  std::string_view tail = kTail;
  std::optional<WebSocketFault> fault;
};

// zlib takes a final block for the end of all; the window stays.
bool MessageInflater::State::go_on_after_final_block() {
  if (++final_blocks > kMostFinalBlocks) return false;
  std::array<Bytef, kWindow> window;
  uInt size = 0;
  return inflateGetDictionary(&stream, window.data(), &size) == Z_OK &&
         inflateReset(&stream) == Z_OK &&
         inflateSetDictionary(&stream, window.data(), size) == Z_OK;
}

MessageInflater::Step MessageInflater::State::inflate_some(std::string_view& in) {
  if (fault) return {{}, fault};
  const auto piece = in.substr(0, std::numeric_limits<uInt>::max());
  stream.next_in = zlib_input(piece);
  stream.avail_in = static_cast<uInt>(piece.size());
  stream.next_out = reinterpret_cast<Bytef*>(block.data());
  stream.avail_out = static_cast<uInt>(block.size());
  int code = Z_OK;
  while ((code = inflate(&stream, Z_SYNC_FLUSH)) == Z_STREAM_END && go_on_after_final_block()) {
  }
  // What came before the fault is given first: so the cuts do not matter.
  if (code == Z_STREAM_END) {
    fail(CloseCode::invalid_payload, "too many final blocks in a message (RFC 7692 §7.2.3)");
  } else if (code != Z_OK && code != Z_BUF_ERROR) {
    fail(CloseCode::invalid_payload, "a damaged compressed message (RFC 7692 §7.2.2)");
  }
  in.remove_prefix(piece.size() - stream.avail_in);
  const std::size_t given = block.size() - stream.avail_out;
  message_size += given;
  if (message_size > limits.message_bytes) {
    return fail(CloseCode::message_too_big, "a message over the limit (RFC 6455 §10.4)");
  }
  if (given > allowance) {
    return fail(CloseCode::message_too_big, "a message that inflates too far (RFC 7692 §8)");
  }
  allowance -= given;
  if (given == 0) return {{}, fault};
  return {{block.data(), given}, std::nullopt};
}

MessageInflater::MessageInflater(bool takeover, const InflateLimits& limits)
    : state_(std::make_unique<State>(takeover, limits)) {}
MessageInflater::MessageInflater(MessageInflater&&) noexcept = default;
MessageInflater& MessageInflater::operator=(MessageInflater&&) noexcept = default;
MessageInflater::~MessageInflater() = default;

MessageInflater::Step MessageInflater::step(std::string_view& in) {
  const auto before = in.size();
  const bool more = state_->stream.avail_out == 0; // zlib may hold some of what it took
  if (in.empty() && !more) return {{}, state_->fault};
  auto out = state_->inflate_some(in);
  state_->earn(before - in.size());
  return out;
}

MessageInflater::Step MessageInflater::finish_step() {
  State& state = *state_;
  if (state.fault || !state.tail.empty() || state.stream.avail_out == 0) {
    auto out = state.inflate_some(state.tail);
    if (out.fault || !out.bytes.empty()) return out;
  }
  constexpr int kBetweenBlocks = 128, kBits = 63; // zlib.h, data_type
  const bool at_block =
      (state.stream.data_type & kBetweenBlocks) != 0 && (state.stream.data_type & kBits) == 0;
  if (!state.tail.empty() || !at_block) {
    return state.fail(CloseCode::invalid_payload,
                      "a compressed message cut short (RFC 7692 §7.2.2)");
  }
  if (!state.takeover) inflateReset(&state.stream);
  state.stream.avail_out = 1;
  state.tail = kTail;
  state.message_size = 0;
  state.final_blocks = 0;
  return {};
}

// ---- deflate -----------------------------------------------------------------------------------

struct MessageDeflater::State {
  State(bool takes_over, int bits) : takeover(takes_over) {
    if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -std::min(bits, kOurBits),
                     kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { deflateEnd(&stream); }

  bool takeover;
  z_stream stream{};
};

MessageDeflater::MessageDeflater(bool takeover, int window_bits)
    : state_(std::make_unique<State>(takeover, window_bits)) {}
MessageDeflater::MessageDeflater(MessageDeflater&&) noexcept = default;
MessageDeflater& MessageDeflater::operator=(MessageDeflater&&) noexcept = default;
MessageDeflater::~MessageDeflater() = default;

void MessageDeflater::feed(std::string_view in, Until until, std::string& out) {
  const auto from = out.size();
  do {
    const auto piece = in.substr(0, std::numeric_limits<uInt>::max());
    in.remove_prefix(piece.size());
    deflate_piece(state_->stream, piece, in.empty() ? Z_SYNC_FLUSH : Z_NO_FLUSH, out);
  } while (!in.empty());
  if (until == Until::fragment) return;
  // zlib says nothing when all was said: then an empty block without its tail (RFC 7692 §7.2.3.6).
  if (std::string_view(out).substr(from).ends_with(kTail)) {
    out.resize(out.size() - kTail.size());
  } else {
    out += '\0';
  }
  if (!state_->takeover) deflateReset(&state_->stream);
}

} // namespace sluice::wire
