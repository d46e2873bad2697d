// Invariants, for any bytes under any stack of codings: what is decoded and whether it is refused
// does not depend on how the bytes were cut; no limit is passed; the decoder gives at most a block
// at a time; and what was decoded comes back the same when it is encoded and decoded again.
// The first byte of an input chooses the stack.
#include "tests/support/coding_text.hpp"

#include <array>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace sluice;
using wire::Coding;

constexpr std::size_t kBlock = 16 * 1024;
constexpr wire::DecodeLimits kLimits{
    .output_bytes = 1 << 20, .free_bytes = 64 * 1024, .ratio = 20, .burst_bytes = 1 << 20};

void require(bool holds) {
  if (!holds) std::abort();
}

// Printable, so that a seed can be made by hand: '0' to '4' one coding, then two, then three.
wire::Codings stack_of(unsigned choice) {
  constexpr std::array kEach = {Coding::gzip, Coding::deflate, Coding::raw_deflate, Coding::br,
                                Coding::zstd};
  choice -= '0';
  wire::Codings out;
  do {
    out.push_back(kEach[choice % kEach.size()]);
    choice /= kEach.size();
  } while (choice > 0 && out.size() < wire::kMaxCodings);
  return out;
}

struct Outcome {
  bool whole = false;
  std::string text;
};

Outcome decode(const wire::Codings& codings, std::string_view in, std::size_t piece) {
  wire::Decoder decoder(codings, kLimits);
  Outcome out;
  const auto sink = [&out](std::string_view text) {
    require(!text.empty() && text.size() <= kBlock);
    out.text += text;
    require(out.text.size() <= kLimits.output_bytes);
  };
  for (; !in.empty(); in.remove_prefix(std::min(piece, in.size()))) {
    if (decoder.feed(in.substr(0, piece), sink)) continue;
    require(!decoder.feed("x", sink) && !decoder.finish()); // an error stays one
    return out;
  }
  out.whole = decoder.finish().has_value();
  return out;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 8192;
  if (size < 1 || size > kLargest) return 0;
  const auto codings = stack_of(data[0]);
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto whole = decode(codings, bytes, bytes.size());
  for (const std::size_t piece : {1U, 7U}) {
    const auto cut = decode(codings, bytes, piece);
    require(cut.whole == whole.whole);
    if (whole.whole) require(cut.text == whole.text);
  }
  if (!whole.whole) return 0;
  const auto again =
      test::decoded(codings, test::encoded(codings, whole.text), kBlock, {.ratio = 1U << 20});
  require(again && again.value() == whole.text);
  return 0;
}
