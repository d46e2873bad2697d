// Sec-WebSocket-Extensions (RFC 6455 §9.1) and the parameters of permessage-deflate (RFC 7692
// §7.1).
#include "policy/base/bytes.hpp"
#include "proxy/wire/grammar.hpp"
#include "proxy/wire/websocket_deflate.hpp"

#include <algorithm>
#include <utility>

namespace sluice::wire {
namespace {

constexpr std::string_view kName = "permessage-deflate";
constexpr std::size_t kMostExtensions = 16, kMostParameters = 16;

struct Parameter {
  std::string_view name;
  std::optional<std::string_view> value;
};
struct Extension {
  std::string_view name;
  std::vector<Parameter> parameters;
};

// Cuts at the first `c`, white space around it dropped. Quoted strings hold none of what is cut at:
// RFC 6455 §9.1 wants a token inside the quotes.
std::string_view cut(std::string_view& text, char c) {
  const auto at = text.find(c);
  const auto out = trim_ows(text.substr(0, at));
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return out;
}

std::optional<Parameter> read_parameter(std::string_view text) {
  Parameter out;
  const bool has_value = text.find('=') != std::string_view::npos;
  out.name = cut(text, '=');
  if (has_value) {
    text = trim_ows(text);
    const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
    out.value = quoted ? text.substr(1, text.size() - 2) : text;
    if (!is_token(*out.value)) return std::nullopt;
  }
  if (!is_token(out.name)) return std::nullopt;
  return out;
}

std::optional<std::vector<Extension>> read_extensions(std::string_view field) {
  std::vector<Extension> out;
  while (!field.empty()) {
    auto text = cut(field, ',');
    if (text.empty()) continue; // RFC 9110 §5.6.1.2: empty elements are no elements
    Extension one;
    const bool has_parameters = text.find(';') != std::string_view::npos;
    one.name = cut(text, ';');
    if (!is_token(one.name)) return std::nullopt;
    for (bool more = has_parameters; more;) {
      more = text.find(';') != std::string_view::npos;
      auto parameter = read_parameter(cut(text, ';'));
      if (!parameter || one.parameters.size() == kMostParameters) return std::nullopt;
      one.parameters.push_back(*parameter);
    }
    if (out.size() == kMostExtensions) return std::nullopt;
    out.push_back(std::move(one));
  }
  return out;
}

// RFC 7692 §7.1.2: 8 to 15, no leading zero.
std::optional<int> read_bits(std::string_view value) {
  if (value == "8" || value == "9") return value[0] - '0';
  if (value.size() == 2 && value[0] == '1' && value[1] >= '0' && value[1] <= '5') {
    return 10 + (value[1] - '0');
  }
  return std::nullopt;
}

enum class In : std::uint8_t { offer, answer };

// nullopt: repeated, unknown or with a value it may not have (RFC 7692 §7.1: then it is declined).
std::optional<DeflateOffer> read_parameters(const Extension& extension, In where) {
  DeflateOffer out;
  if (!equal_ignore_case(extension.name, kName)) return std::nullopt;
  for (const auto& [name, value] : extension.parameters) {
    const auto bits = value ? read_bits(*value) : std::nullopt;
    if (value && !bits) return std::nullopt;
    if (name == "client_no_context_takeover" && !value) {
      if (std::exchange(out.client_no_takeover, true)) return std::nullopt;
    } else if (name == "server_no_context_takeover" && !value) {
      if (std::exchange(out.server_no_takeover, true)) return std::nullopt;
    } else if (name == "server_max_window_bits" && bits) {
      if (std::exchange(out.server_bits, bits)) return std::nullopt;
    } else if (name == "client_max_window_bits" && (bits || where == In::offer)) {
      if (std::exchange(out.may_limit_client, true)) return std::nullopt;
      out.client_bits = bits;
    } else {
      return std::nullopt;
    }
  }
  return out;
}

bool accepts(const DeflateOffer& offer, const DeflateOffer& answer) {
  if (offer.server_no_takeover && !answer.server_no_takeover) return false;
  if (offer.server_bits && answer.server_bits.value_or(kMostWindowBits) > *offer.server_bits) {
    return false;
  }
  return !answer.may_limit_client || offer.may_limit_client;
}

std::string parameters_text(const DeflateOffer& offer) {
  std::string out(kName);
  if (offer.client_no_takeover) out += "; client_no_context_takeover";
  if (offer.server_no_takeover) out += "; server_no_context_takeover";
  if (offer.server_bits) out += "; server_max_window_bits=" + std::to_string(*offer.server_bits);
  if (offer.may_limit_client) out += "; client_max_window_bits";
  if (offer.client_bits) out += "=" + std::to_string(*offer.client_bits);
  return out;
}

} // namespace

std::optional<std::vector<DeflateOffer>> read_deflate_offers(std::string_view field) {
  const auto extensions = read_extensions(field);
  if (!extensions) return std::nullopt;
  std::vector<DeflateOffer> out;
  for (const auto& extension : *extensions) {
    if (const auto offer = read_parameters(extension, In::offer)) out.push_back(*offer);
  }
  return out;
}

std::string deflate_offers(const std::vector<DeflateOffer>& offers) {
  std::string out;
  for (const auto& offer : offers) {
    if (!out.empty()) out += ", ";
    out += parameters_text(offer);
  }
  return out;
}

std::optional<DeflateTerms> read_deflate_answer(std::string_view field,
                                                const std::vector<DeflateOffer>& offers) {
  const auto extensions = read_extensions(field);
  if (!extensions || extensions->size() != 1) return std::nullopt;
  const auto answer = read_parameters(extensions->front(), In::answer);
  if (!answer) return std::nullopt;
  const auto accepted = std::find_if(offers.begin(), offers.end(), [&](const DeflateOffer& offer) {
    return accepts(offer, *answer);
  });
  if (accepted == offers.end()) return std::nullopt;
  DeflateTerms terms;
  terms.client_takeover = !answer->client_no_takeover;
  terms.server_takeover = !answer->server_no_takeover;
  terms.client_bits = answer->client_bits;
  terms.server_bits = answer->server_bits;
  return terms;
}

std::string deflate_answer(const DeflateTerms& terms) {
  DeflateOffer answer;
  answer.client_no_takeover = !terms.client_takeover;
  answer.server_no_takeover = !terms.server_takeover;
  answer.server_bits = terms.server_bits;
  answer.may_limit_client = terms.client_bits.has_value();
  answer.client_bits = terms.client_bits;
  return parameters_text(answer);
}

} // namespace sluice::wire
