#include "proxy/call/inspection.hpp"

#include <algorithm>
#include <utility>

namespace sluice::call {
namespace {

// Of a body that is known to be too long, only how it begins is of use.
constexpr std::uint64_t kBeginning = 4'096;

} // namespace

Inspection::Inspection(model::EgressCall call, std::uint64_t most, const wire::RequestHead& head)
    : call_(std::move(call)), most_(most) {
  const auto codings = wire::parse_codings(head.fields.joined("content-encoding"));
  if (!codings) {
    fault_ = codings.error().detail;
  } else if (!codings.value().empty()) {
    wire::DecodeLimits limits;
    limits.output_bytes = std::min(limits.output_bytes, most + kBeginning);
    decoder_.emplace(codings.value(), limits);
  } else if (head.framing == wire::BodyFraming::length && head.content_length > most) {
    most_ = std::min(most, kBeginning);
  }
}

bool Inspection::feed(std::string_view bytes) {
  held_.append(bytes);
  if (!fault_.empty()) return false;
  if (!decoder_) return held_.size() <= most_;
  auto fed = decoder_->feed(bytes, [this](std::string_view text) {
    if (text_.size() <= most_) text_.append(text);
  });
  // What is longer than is read may well be in order behind that.
  if (!fed && text_.size() <= most_) fault_ = fed.error().detail;
  return fed && text_.size() <= most_ && held_.size() <= most_;
}

void Inspection::end(wire::Fields trailers) {
  trailers_ = std::move(trailers);
  if (!decoder_ || !fault_.empty() || text_.size() > most_) return;
  if (auto whole = decoder_->finish(); !whole) fault_ = whole.error().detail;
}

model::EgressCall Inspection::take_call() {
  const std::string& text = decoder_ ? text_ : held_;
  if (!fault_.empty()) {
    call_.content = content::unreadable("the body: " + fault_);
  } else {
    const bool whole = ended() && text.size() <= most_;
    call_.content =
        content::read_content(call_, text, whole ? content::Ended::yes : content::Ended::no);
  }
  text_ = std::string();
  return std::move(call_);
}

wire::Fields Inspection::take_trailers() {
  return std::move(*trailers_);
}

} // namespace sluice::call
