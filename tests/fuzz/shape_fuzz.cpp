// Any text as a pattern: it is compiled or refused, in bounds of time and size, and what compiled
// reads any text and says nothing that contradicts itself.
#include "policy/redact/shape.hpp"

#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using sluice::redact::Shape;

void require(bool holds) {
  if (!holds) std::abort();
}

void read(const Shape& shape, std::string_view text) {
  auto state = shape.start();
  for (const char c : text) {
    state = shape.next(state, c);
    require(state < shape.states());
    (void)shape.absorbs(state);
    if (state == Shape::kDead) require(!shape.accepts(state) && !shape.in_secret(state));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 512;
  if (size < 1 || size > kLargest) return 0;
  const std::string_view all(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto split = all.size() * data[0] / 256;
  const auto shape = Shape::compile(all.substr(0, split));
  if (!shape) {
    require(!shape.error().detail.empty());
    return 0;
  }
  const Shape& made = shape.value();
  require(!made.anchors().empty() && made.states() < 65'536);
  for (const auto& anchor : made.anchors()) {
    require(anchor.text.size() >= 3 && anchor.text.size() <= Shape::kLongestAnchor);
    auto state = made.start();
    for (const char c : anchor.text) state = made.next(state, c);
    require(state == anchor.state && state != Shape::kDead);
    for (int c = 0; c < 256; ++c) (void)made.next(anchor.state, static_cast<char>(c));
  }
  read(made, all.substr(split));
  read(made, all);
  return 0;
}
