// Invariants, for any bytes, with both packs, rules without an anchor and known secrets: output and
// findings do not depend on how the bytes were cut, in either mask; no more than max_hold() is
// held; a mask that keeps the length keeps it, and changes only what the other masks; what is given
// away early is not repeated.
#include "policy/redact/redactor.hpp"

#include "policy/redact/secret_encodings.hpp"

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace {

using namespace sluice;
using redact::Redactor;

const redact::Scope kScope = redact::Scope::in_call(redact::Place::request_body, true);

constexpr const char* kLong = "correct-horse/battery+staple";

void require(bool holds) {
  if (!holds) std::abort();
}

std::shared_ptr<const redact::RuleSet> make_rules() {
  redact::RuleSetConfig config;
  config.known.push_back({"one", Secret("abcabd"), false});
  config.known.push_back({"two", Secret("cab/d+\"e"), false});
  config.known.push_back({"long", Secret(kLong), false});
  config.fingerprint_key = "key";
  config.pii = true;
  for (const auto& [pattern, most] :
       {std::pair{"[ab]{2,4}!", 0}, {"~[^x]*y", 30}, {"\\bq+\\b", 9}}) {
    redact::RuleText text;
    text.id = "own-" + std::to_string(config.rules.size());
    text.pattern = pattern, text.max_length = static_cast<std::size_t>(most);
    config.rules.push_back({text.id, redact::compile_rule(text).value(), {}, redact::kAllPlaces});
  }
  return redact::RuleSet::build(config).value();
}

// Pieces that a mutation would hardly come upon: a byte above 0x7F may stand for one.
const std::vector<std::string>& pieces() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> out = {
        "ghp_",
        "glpat-",
        "Ab3dE5gH7jK9mN1pQ2rS",
        "sk-ant-api03-",
        "AKIA2OGYBAH6SLUICEQS",
        "xoxb-123456789-",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----END RSA PRIVATE KEY-----",
        "eyJ",
        ".",
        "https://user:",
        "@host",
        "DD_API_KEY=",
        "dd-api-key\": \"",
        "0123456789abcdef0123456789abcdef",
        "ssword=",
        "Bearer ",
        "Basic ",
        "\n",
        "\r\n",
        "\\n",
        "\\\\n",
        "\n   ",
        "\\u0061",
        "\\u006",
        "%61",
        "%2561",
        "&#97;",
        "&amp;",
        "\xE2\x80\x8B",
        "\xD0\xB0",
        "\xC2\xAD",
        "Z2xwYXQt",
        "bHBhdC",
        "xwYXQtQWIz",
        "676c7061742d",
        "QWIzZEU1Z0g3aks5bU4xcFEyclM",
        "dGhlIHF1aWNrIGJyb3duIGZveCBqdW1wcyBvdmVyIHRoZSBsYXp5IGRvZyBhbmQg",
        "PuTTY-User-Key-File-3: x",
        "Private-MAC:",
        "\"",
        "\\\"",
        "=",
        "://",
        "jane@mail.exam",
        "4111 1111 ",
        "DE893704",
        "+49 30 12",
        "123-45-6789"};
    for (auto& form : redact::encodings_of(kLong, 6)) out.push_back(std::move(form));
    for (auto& form : redact::encodings_of("cab/d+\"e", 6)) out.push_back(std::move(form));
    return out;
  }();
  return all;
}

std::string expanded(std::string_view bytes) {
  std::string out;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) {
      out += c;
    } else {
      out += pieces()[byte % 0x80 % pieces().size()];
    }
  }
  return out;
}

struct Cuts {
  std::uint32_t state;
  std::size_t next() { // mostly short, now and then long
    state = state * 1664525U + 1013904223U;
    const auto value = state >> 16U;
    return value % 5 == 0 ? 1 + value % 300 : 1 + value % 7;
  }
};

struct Result {
  std::string text;
  redact::Findings findings;
};

Result in_pieces(const std::shared_ptr<const redact::RuleSet>& rules, std::string_view text,
                 Redactor::Mask mask, Cuts cuts) {
  Redactor redactor(rules, mask, kScope);
  Result out;
  while (!text.empty()) {
    const auto piece = text.substr(0, cuts.next());
    redactor.feed(piece, out.text);
    text.remove_prefix(piece.size());
    require(redactor.held() <= rules->max_hold());
  }
  redactor.finish(out.text);
  out.findings = redactor.findings();
  return out;
}

// As a reader of raw TCP does it: each byte comes out once, as it was or masked.
void check_release(const std::shared_ptr<const redact::RuleSet>& rules, std::string_view text,
                   const std::string& masked, Cuts cuts) {
  Redactor redactor(rules, Redactor::Mask::keep_length, kScope);
  std::string out;
  for (auto rest = text; !rest.empty();) {
    const auto piece = rest.substr(0, cuts.next());
    redactor.feed(piece, out);
    rest.remove_prefix(piece.size());
    if (cuts.next() % 3 == 0) {
      redactor.release(out);
      require(redactor.held() == 0 && out.size() == text.size() - rest.size());
    }
  }
  redactor.finish(out);
  require(out.size() == text.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    require(out[i] == text[i] || (out[i] == '*' && masked[i] == '*'));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kLargest = 4096;
  if (size < 2 || size > kLargest) return 0;
  static const auto rules = make_rules();
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  const std::string text = data[0] % 2 == 0 ? std::string(bytes) : expanded(bytes);
  const Cuts cuts{data[0] * 256U + data[1]};

  const auto whole = redact::redact_whole(rules, text, kScope);
  const auto pieces = in_pieces(rules, text, Redactor::Mask::placeholder, cuts);
  require(pieces.text == whole.text);
  require(pieces.findings == whole.findings);
  Redactor keeps(rules, Redactor::Mask::keep_length, kScope);
  std::string masked;
  keeps.feed(text, masked);
  keeps.finish(masked);
  require(masked.size() == text.size());
  require(keeps.findings() == whole.findings);
  for (std::size_t i = 0; i < text.size(); ++i) require(masked[i] == text[i] || masked[i] == '*');
  const auto masked_pieces = in_pieces(rules, text, Redactor::Mask::keep_length, cuts);
  require(masked_pieces.text == masked);
  require(masked_pieces.findings == whole.findings);
  check_release(rules, text, masked, cuts);
  return 0;
}
