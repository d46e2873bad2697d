#include "proxy/wire/coding.hpp"

#include "policy/base/bytes.hpp"
#include "proxy/wire/coding_step.hpp"
#include "proxy/wire/grammar.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace sluice::wire {
namespace {

struct Name {
  std::string_view text;
  Coding coding;
};
// RFC 9110 §8.4.1.3: x-gzip is gzip. The first name of a coding is the one we send.
constexpr std::array kNames = {Name{"gzip", Coding::gzip}, Name{"x-gzip", Coding::gzip},
                               Name{"deflate", Coding::deflate}, Name{"br", Coding::br},
                               Name{"zstd", Coding::zstd}};

std::optional<Coding> find_coding(std::string_view name) {
  for (const auto& known : kNames) {
    if (equal_ignore_case(known.text, name)) return known.coding;
  }
  return std::nullopt;
}

// The next element of a comma list, without the space around it.
std::string_view take_element(std::string_view& list) {
  const auto comma = list.find(',');
  const auto element = trim_ows(list.substr(0, comma));
  list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
  return element;
}

// RFC 9110 §12.4.2: qvalue = ( "0" [ "." 0*3DIGIT ] ) / ( "1" [ "." 0*3("0") ] )
bool is_qvalue(std::string_view text) {
  if (text.empty() || text.size() > 5 || (text[0] != '0' && text[0] != '1')) return false;
  if (text.size() > 1 && text[1] != '.') return false;
  const auto digits = text.substr(std::min<std::size_t>(2, text.size()));
  return std::all_of(digits.begin(), digits.end(),
                     [&](char c) { return text[0] == '1' ? c == '0' : is_digit(c); });
}

struct Offer {
  std::string name, weight; // weight: "" or a qvalue
  bool refused() const {
    return !weight.empty() && weight.find_first_not_of("0.") == std::string::npos;
  }
};

// What does not have the form of the RFC offers nothing.
std::optional<Offer> parse_offer(std::string_view element) {
  const auto semicolon = element.find(';');
  Offer offer{ascii_lower(trim_ows(element.substr(0, semicolon))), ""};
  if (semicolon == std::string_view::npos) return offer;
  const auto parameter = trim_ows(element.substr(semicolon + 1));
  if (!equal_ignore_case(parameter.substr(0, 2), "q=")) return std::nullopt;
  if (!is_qvalue(parameter.substr(2))) return std::nullopt;
  offer.weight = parameter.substr(2);
  return offer;
}

std::unique_ptr<DecodeStep> make_decoder(Coding coding) {
  if (coding == Coding::br) return brotli_decoder();
  return coding == Coding::zstd ? zstd_decoder() : zlib_decoder(coding);
}

std::unique_ptr<EncodeStep> make_encoder(Coding coding) {
  if (coding == Coding::br) return brotli_encoder();
  return coding == Coding::zstd ? zstd_encoder() : zlib_encoder(coding);
}

Error bomb(std::string detail) {
  return make_error(Origin::downstream, "content_bomb", std::move(detail));
}

} // namespace

Error undecodable(std::string detail) {
  return make_error(Origin::downstream, "content_undecodable", std::move(detail));
}

Result<Codings> parse_codings(std::string_view content_encoding) {
  Codings codings;
  while (!content_encoding.empty()) {
    const auto name = take_element(content_encoding);
    if (name.empty() || equal_ignore_case(name, "identity")) continue;
    const auto coding = find_coding(name);
    if (!coding) return undecodable("unknown content coding");
    if (codings.size() == kMaxCodings) return undecodable("too many content codings");
    codings.push_back(*coding);
  }
  return codings;
}

std::string_view name_of(Coding coding) noexcept {
  switch (coding) {
  case Coding::gzip: return "gzip";
  case Coding::deflate:
  case Coding::raw_deflate: return "deflate";
  case Coding::br: return "br";
  case Coding::zstd: return "zstd";
  }
  return "?";
}

std::string content_encoding(const Codings& codings) {
  std::string out;
  for (const auto coding : codings) {
    if (!out.empty()) out += ", ";
    out += name_of(coding);
  }
  return out;
}

std::string offer_decodable(std::string_view accept_encoding) {
  std::string out;
  while (!accept_encoding.empty()) {
    auto offer = parse_offer(take_element(accept_encoding));
    if (!offer) continue;
    // "*" would let the upstream choose anything; of what it stands for, gzip is always there.
    if (offer->name == "*" && !offer->refused()) offer->name = "gzip";
    const auto coding = find_coding(offer->name);
    if (coding) offer->name = name_of(*coding);
    if (!coding && offer->name != "identity" && offer->name != "*") continue;
    out.append(out.empty() ? "" : ", ").append(offer->name);
    if (!offer->weight.empty()) out.append(";q=").append(offer->weight);
  }
  return out.empty() ? "identity" : out;
}

// ---- decoding --------------------------------------------------------------------------------

struct Decoder::Impl {
  struct Layer {
    std::unique_ptr<DecodeStep> step;
    std::uint64_t given = 0;
    std::uint64_t burst = 0; // given in this feed
    std::array<char, kCodingBlock> block;
  };

  Result<> run(std::size_t at, std::string_view in, const Sink& sink);
  Result<> count(Layer& layer, std::size_t given) const;

  DecodeLimits limits;
  std::vector<Layer> layers; // the outermost coding, which was applied last, first
  std::uint64_t taken = 0;   // by the outermost
  std::size_t fed = 0;       // to it, in this feed
  bool failed = false;
};

Result<> Decoder::Impl::run(std::size_t at, std::string_view in, const Sink& sink) {
  if (at == layers.size()) {
    if (!in.empty()) sink(in);
    return success();
  }
  auto& layer = layers[at];
  for (;;) {
    const auto before = in.size();
    SLUICE_TRY(const auto given, layer.step->step(in, layer.block.data(), layer.block.size()));
    if (at == 0) taken += before - in.size();
    SLUICE_TRY(count(layer, given));
    if (given > 0) {
      SLUICE_TRY(run(at + 1, {layer.block.data(), given}, sink));
    }
    if (in.empty() && given < layer.block.size()) return success(); // all these bytes can give
    if (given == 0 && in.size() == before) return undecodable(kDamaged);
  }
}

Result<> Decoder::Impl::count(Layer& layer, std::size_t given) const {
  layer.given += given;
  layer.burst += given;
  if (layer.given > limits.output_bytes) return bomb("decoded content is too large");
  const bool fast = layer.given > limits.free_bytes && layer.given / limits.ratio > taken;
  const bool sudden =
      layer.burst > limits.burst_bytes && (layer.burst - limits.burst_bytes) / limits.ratio > fed;
  return fast || sudden ? Result<>(bomb("decoded content grows too fast")) : success();
}

Decoder::Decoder(const Codings& codings, const DecodeLimits& limits)
    : impl_(std::make_unique<Impl>()) {
  impl_->limits = limits;
  impl_->limits.ratio = std::max<std::uint64_t>(limits.ratio, 1);
  impl_->layers.reserve(codings.size());
  for (auto coding = codings.rbegin(); coding != codings.rend(); ++coding) {
    impl_->layers.emplace_back().step = make_decoder(*coding);
  }
}
Decoder::Decoder(Decoder&&) noexcept = default;
Decoder& Decoder::operator=(Decoder&&) noexcept = default;
Decoder::~Decoder() = default;

Result<> Decoder::feed(std::string_view in, const Sink& sink) {
  if (impl_->failed) return undecodable("the content was refused before");
  if (in.empty()) return success();
  impl_->fed = in.size();
  for (auto& layer : impl_->layers) layer.burst = 0;
  auto done = impl_->run(0, in, sink);
  impl_->failed = !done;
  return done;
}

Result<> Decoder::finish() {
  if (impl_->failed) return undecodable("the content was refused before");
  for (const auto& layer : impl_->layers) {
    if (layer.step->whole()) continue;
    impl_->failed = true;
    return undecodable("the compressed stream is cut short");
  }
  return success();
}

Codings Decoder::codings() const {
  Codings out;
  for (auto layer = impl_->layers.rbegin(); layer != impl_->layers.rend(); ++layer) {
    out.push_back(layer->step->coding());
  }
  return out;
}

// ---- encoding --------------------------------------------------------------------------------

struct Encoder::Impl {
  void run(std::size_t at, std::string_view in, EncodeStep::Until until, std::string& out) {
    if (at == layers.size()) {
      out.append(in);
    } else if (at + 1 == layers.size()) {
      layers[at]->step(in, until, out);
    } else {
      std::string inner;
      layers[at]->step(in, until, inner);
      run(at + 1, inner, until, out);
    }
  }

  std::vector<std::unique_ptr<EncodeStep>> layers; // the innermost coding first
};

Encoder::Encoder(const Codings& codings) : impl_(std::make_unique<Impl>()) {
  for (const auto coding : codings) impl_->layers.push_back(make_encoder(coding));
}
Encoder::Encoder(Encoder&&) noexcept = default;
Encoder& Encoder::operator=(Encoder&&) noexcept = default;
Encoder::~Encoder() = default;

void Encoder::feed(std::string_view in, Flush flush, std::string& out) {
  using Until = EncodeStep::Until;
  if (in.empty() && flush == Flush::none) return;
  impl_->run(0, in, flush == Flush::sync ? Until::flush : Until::more, out);
}

void Encoder::finish(std::string& out) {
  impl_->run(0, {}, EncodeStep::Until::end, out);
}

} // namespace sluice::wire
