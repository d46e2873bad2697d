#include "policy/redact/token_formats.hpp"

#include <algorithm>
#include <vector>

namespace sluice::redact {
namespace {

ByteClass bytes_of(std::string_view text) {
  ByteClass out;
  for (const char c : text) out.set(static_cast<unsigned char>(c));
  return out;
}

struct Classes {
  ByteClass digits = bytes_of("0123456789");
  ByteClass upper_digits = digits | bytes_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ");
  ByteClass alnum = upper_digits | bytes_of("abcdefghijklmnopqrstuvwxyz");
  ByteClass hex = digits | bytes_of("abcdefABCDEF");
  ByteClass word = alnum | bytes_of("_");
  ByteClass dashed = alnum | bytes_of("-");
  ByteClass base64url = word | bytes_of("-"); // RFC 4648 §5
  ByteClass dotted = base64url | bytes_of(".");
  ByteClass path = alnum | bytes_of("/\\"); // with the backslash of a JSON-escaped slash
  ByteClass none;
};

const Classes& classes() {
  static const Classes all;
  return all;
}

bool in(const ByteClass& set, char c) {
  return set[static_cast<unsigned char>(c)];
}

std::size_t count_in(const ByteClass& set, std::string_view text, std::size_t most) {
  const auto seen = text.substr(0, most);
  const auto end = std::find_if(seen.begin(), seen.end(), [&](char c) { return !in(set, c); });
  return static_cast<std::size_t>(end - seen.begin());
}

// `least` bytes of a class.
FormatStep decide_class(const ByteClass& set, std::size_t least, std::string_view text) {
  const auto count = count_in(set, text, least);
  if (count == least) return {Certainty::yes, least};
  return {count == text.size() ? Certainty::need_more : Certainty::no, 0};
}

FormatStep decide_literal(std::string_view wanted, std::string_view text) {
  if (text.starts_with(wanted)) return {Certainty::yes, wanted.size()};
  return {wanted.starts_with(text) ? Certainty::need_more : Certainty::no, 0};
}

// What `first` says, and if that is yes, what `then` says of what follows it.
template <class Then> FormatStep followed_by(FormatStep first, std::string_view text, Then then) {
  if (first.certainty != Certainty::yes) return first;
  const FormatStep second = then(text.substr(first.length));
  return {second.certainty, first.length + second.length};
}

// RFC 7515 §3.1: three base64url parts with dots between. Two JSON objects (`eyJ` is `{"`) with a
// dot between are a token; the claims and the signature, of any length, are the tail.
FormatStep decide_jwt(std::string_view text) {
  constexpr std::size_t kLongestHeader = 600;
  constexpr std::size_t kShortestPart = 10;
  const auto& part = classes().base64url;
  const auto header = count_in(part, text, kLongestHeader + 1);
  if (header > kLongestHeader) return {};
  if (header == text.size()) return {Certainty::need_more, 0};
  if (header < kShortestPart) return {};
  const auto second = followed_by({Certainty::yes, header}, text, [](std::string_view rest) {
    return decide_literal(".eyJ", rest);
  });
  return followed_by(
      second, text, [&](std::string_view rest) { return decide_class(part, kShortestPart, rest); });
}

// 22 bytes, a dot, 43 bytes.
FormatStep decide_sendgrid(std::string_view text) {
  const auto& part = classes().base64url;
  const auto id = followed_by(decide_class(part, 22, text), text,
                              [](std::string_view rest) { return decide_literal(".", rest); });
  return followed_by(id, text, [&](std::string_view rest) { return decide_class(part, 43, rest); });
}

// RFC 7468 §10 and its relatives: whatever kind of key the label names, up to the closing dashes.
FormatStep decide_pem(std::string_view text) {
  constexpr std::size_t kLongestLabel = 40;
  const auto& label = classes().upper_digits;
  std::size_t length = 0;
  while (length < text.size() && (in(label, text[length]) || text[length] == ' ')) {
    if (++length > kLongestLabel) return {};
  }
  if (length == text.size()) return {Certainty::need_more, 0};
  const auto name = text.substr(0, length);
  if (!name.ends_with("PRIVATE KEY") && !name.ends_with("PRIVATE KEY BLOCK")) return {};
  return followed_by({Certainty::yes, length}, text,
                     [](std::string_view rest) { return decide_literal("-----", rest); });
}

std::vector<TokenFormat> make_formats() {
  const auto& c = classes();
  std::vector<TokenFormat> all;
  const auto add = [&](std::string_view id, std::string_view description,
                       std::initializer_list<std::string_view> anchors, const ByteClass& body,
                       std::size_t least, FormatStep (*decide)(std::string_view) = nullptr,
                       Tail tail = Tail::body_class) {
    for (const auto anchor : anchors) {
      all.push_back({id, description, anchor, &body, least, decide, tail});
    }
  };
  add("aws-access-key-id", "AWS access key id", {"AKIA", "ASIA"}, c.upper_digits, 16);
  add("github-token", "GitHub token", {"ghp_", "gho_", "ghu_", "ghs_", "ghr_"}, c.alnum, 36);
  add("github-fine-grained-token", "GitHub fine-grained personal access token", {"github_pat_"},
      c.word, 40);
  add("gitlab-token", "GitLab access token", {"glpat-"}, c.dotted, 20);
  add("openai-key", "OpenAI API key", {"sk-"}, c.alnum, 32);
  add("openai-key", "OpenAI API key", {"sk-proj-", "sk-svcacct-", "sk-admin-"}, c.base64url, 40);
  add("openrouter-key", "OpenRouter API key", {"sk-or-v1-"}, c.hex, 64);
  add("anthropic-key", "Anthropic API key", {"sk-ant-"}, c.base64url, 32);
  add("google-api-key", "Google API key", {"AIza"}, c.base64url, 35);
  add("google-oauth-token", "Google OAuth access token", {"ya29."}, c.dotted, 30);
  add("slack-token", "Slack token", {"xoxa-", "xoxb-", "xoxp-", "xoxr-", "xoxs-"}, c.dashed, 20);
  add("slack-webhook", "Slack incoming webhook",
      {"hooks.slack.com/services/T", "hooks.slack.com\\/services\\/T"}, c.path, 20);
  add("stripe-key", "Stripe API key", {"sk_live_", "rk_live_", "sk_test_", "rk_test_"}, c.alnum,
      20);
  add("npm-token", "npm access token", {"npm_"}, c.alnum, 36);
  add("pypi-token", "PyPI API token", {"pypi-AgEI"}, c.base64url, 50);
  add("huggingface-token", "Hugging Face access token", {"hf_"}, c.alnum, 34);
  add("sendgrid-key", "SendGrid API key", {"SG."}, c.base64url, 0, decide_sendgrid);
  add("jwt", "JSON Web Token", {"eyJ"}, c.dotted, 0, decide_jwt);
  add("private-key", "PEM private key", {"-----BEGIN "}, c.none, 0, decide_pem, Tail::pem_block);
  // An anchor has three bytes, so the first hexadecimal digit belongs to it.
  add("twilio-key", "Twilio API key",
      {"SK0", "SK1", "SK2", "SK3", "SK4", "SK5", "SK6", "SK7", "SK8", "SK9", "SKa", "SKb", "SKc",
       "SKd", "SKe", "SKf"},
      c.hex, 31);
  add("digitalocean-token", "DigitalOcean personal access token", {"dop_v1_"}, c.hex, 64);
  return all;
}

} // namespace

std::span<const TokenFormat> token_formats() {
  static const std::vector<TokenFormat> all = make_formats();
  return all;
}

FormatStep decide(const TokenFormat& format, std::string_view after_anchor) {
  if (format.decide != nullptr) return format.decide(after_anchor);
  return decide_class(*format.body, format.least, after_anchor);
}

} // namespace sluice::redact
