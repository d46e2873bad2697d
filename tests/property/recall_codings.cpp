#include "tests/property/recall_codings.hpp"

#include "policy/base/bytes.hpp"
#include "policy/redact/shape.hpp"
#include "policy/redact/token_checks.hpp"

namespace sluice::test {
namespace {

std::string hex(char c) {
  return to_hex({&c, 1});
}
std::string upper(std::string text) {
  for (char& c : text) c = static_cast<char>(std::toupper(c));
  return text;
}
bool is_alnum(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}
bool is_ascii(char c) {
  return static_cast<unsigned char>(c) < 0x80;
}

struct Point {
  unsigned value;
  std::size_t length;
};
Point point_at(const std::string& text, std::size_t at) { // of valid UTF-8
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  unsigned value = lead & (0xFFU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i)
    value = value << 6U | (static_cast<unsigned char>(text[at + i]) & 0x3FU);
  return {value, length};
}

std::string escape(unsigned unit) {
  constexpr char kHex[] = "0123456789abcdef";
  return std::string("\\u") + kHex[unit >> 12U & 15U] + kHex[unit >> 8U & 15U] +
         kHex[unit >> 4U & 15U] + kHex[unit & 15U];
}

// As Python's json.dumps: what is not ASCII becomes \uXXXX. `also`: and so do these.
std::string json(const std::string& text, const std::function<bool(char)>& also) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto [value, length] = point_at(text, at);
    const char c = text[at];
    if (value >= 0x10000) {
      out += escape(0xD800 + ((value - 0x10000) >> 10U)) +
             escape(0xDC00 + ((value - 0x10000) & 0x3FFU));
    } else if (value >= 0x80 || (also(c) && c != '"' && c != '\\')) {
      out += escape(value);
    } else if (c == '"' || c == '\\') {
      out += std::string("\\") + c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else {
      out += c;
    }
    at += length;
  }
  return out;
}
bool none(char) {
  return false;
}

std::string url(const std::string& text, const std::function<bool(char)>& also,
                bool lower = false) {
  std::string out;
  for (const char c : text) {
    const bool keep = is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~';
    if (is_ascii(c) && keep && !also(c)) {
      out += c;
    } else {
      out += "%" + (lower ? hex(c) : upper(hex(c)));
    }
  }
  return out;
}

std::string html(const std::string& text, const std::function<bool(char)>& also) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (c == '"')
      out += "&quot;";
    else if (c == '\'')
      out += "&#39;";
    else if (is_ascii(c) && also(c))
      out += "&#" + std::to_string(static_cast<int>(c)) + ";";
    else
      out += c;
  }
  return out;
}

std::string letters(Random& random,
                    std::size_t size) { // no digit, and nothing a format begins with
  std::string out;
  for (std::size_t i = 0; i < size; ++i) out += static_cast<char>('a' + below(random, 26));
  return out;
}

// `before` bytes and a space before, so that each alignment comes.
std::string base64(const std::string& text, Random& random, std::size_t before) {
  return to_base64(letters(random, before + 2) + " " + text + " " +
                   letters(random, below(random, 5)));
}
std::string base64url(std::string text) {
  for (char& c : text) c = c == '+' ? '-' : c == '/' ? '_' : c;
  return text.substr(0, text.find('='));
}
std::string folded(const std::string& text, const std::string& line_end) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); at += 76) {
    if (at > 0) out += line_end;
    out += text.substr(at, 76);
  }
  return out;
}

std::string look_alikes(const std::string& text, Random& random) {
  static const std::pair<char, const char*> kTable[] = {
      {'a', "\xD0\xB0"},     {'e', "\xD0\xB5"},    {'o', "\xD0\xBE"}, {'p', "\xD1\x80"},
      {'c', "\xD1\x81"},     {'A', "\xD0\x90"},    {'B', "\xD0\x92"}, {'K', "\xCE\x9A"},
      {'x', "\xEF\xBD\x98"}, {'7', "\xEF\xBC\x97"}};
  std::string out;
  bool last = true; // not two in a row: a word in another script is left alone
  for (const char c : text) {
    const auto* like = std::find_if(std::begin(kTable), std::end(kTable),
                                    [c](const auto& one) { return one.first == c; });
    const bool beside = !out.empty() && is_alnum(out.back());
    last = like != std::end(kTable) && !last && beside && below(random, 2) == 0;
    if (last)
      out += like->second;
    else
      out += c;
  }
  return out;
}

std::string zero_width(const std::string& text, Random& random) {
  static const char* kAll[] = {"\xE2\x80\x8B", "\xE2\x80\x8C", "\xE2\x80\x8D",
                               "\xEF\xBB\xBF", "\xC2\xAD",     "\xE2\x81\xA0"};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool inside = (static_cast<unsigned char>(text[i]) & 0xC0U) == 0x80;
    if (!inside && below(random, 3) == 0) out += kAll[below(random, std::size(kAll))];
    out += text[i];
  }
  return out;
}

} // namespace

const std::vector<RecallCoding>& codings() {
  const auto half = [](Random& random) {
    // A form writes each space as '+' or none, JSON each backslash as two.
    return [&random](char c) { return c != ' ' && c != '\\' && below(random, 2) == 0; };
  };
  const auto all = [](char) { return true; };
  static const std::vector<RecallCoding> made = {
      {"as is", [](const std::string& s, Random&) { return s; }},
      {"JSON", [](const std::string& s, Random&) { return json(s, none); }},
      {"JSON, some \\u0061", [half](const std::string& s, Random& r) { return json(s, half(r)); }},
      {"JSON, all \\u0061", [all](const std::string& s, Random&) { return json(s, all); }},
      {"URL", [](const std::string& s, Random&) { return url(s, none); }},
      {"URL, lower case", [](const std::string& s, Random&) { return url(s, none, true); }},
      {"URL, some", [half](const std::string& s, Random& r) { return url(s, half(r)); }},
      {"URL, all", [all](const std::string& s, Random&) { return url(s, all, true); }},
      {"URL twice", [](const std::string& s, Random&) { return url(url(s, none), none); }},
      {"HTML", [](const std::string& s, Random&) { return html(s, none); }},
      {"HTML, some numbers", [half](const std::string& s, Random& r) { return html(s, half(r)); }},
      {"base64", [](const std::string& s, Random&) { return to_base64(s); }, true},
      {"base64, alignment 0", [](const std::string& s, Random& r) { return base64(s, r, 0); },
       true},
      {"base64, alignment 1", [](const std::string& s, Random& r) { return base64(s, r, 1); },
       true},
      {"base64, alignment 2", [](const std::string& s, Random& r) { return base64(s, r, 2); },
       true},
      {"base64url, alignment 0",
       [](const std::string& s, Random& r) { return base64url(base64(s, r, 0)); }, true},
      {"base64url, alignment 1",
       [](const std::string& s, Random& r) { return base64url(base64(s, r, 1)); }, true},
      {"base64url, alignment 2",
       [](const std::string& s, Random& r) { return base64url(base64(s, r, 2)); }, true},
      {"base64, folded \\n",
       [](const std::string& s, Random& r) {
         return folded(base64(s, r, 30 + below(r, 40)), "\n");
       },
       true},
      {"base64, folded \\r\\n",
       [](const std::string& s, Random& r) {
         return folded(base64(s, r, 30 + below(r, 40)), "\r\n");
       },
       true},
      {"hex", [](const std::string& s, Random&) { return to_hex(s); }, true},
      {"hex, upper case", [](const std::string& s, Random&) { return upper(to_hex(s)); }, true},
      {"zero width", [](const std::string& s, Random& r) { return zero_width(s, r); }},
      {"look-alikes", [](const std::string& s, Random& r) { return look_alikes(s, r); }},
  };
  return made;
}

const std::vector<RecallPlace>& places() {
  static const std::vector<RecallPlace> made = {
      {"plain", [](const std::string& s) { return "the key is " + s + " and no other"; }},
      {"json",
       [](const std::string& s) {
         return R"({"model":"m","key":")" + json(s, none) + R"(","n":1})";
       }},
      {"json-in-json",
       [](const std::string& s) {
         return R"({"arguments":"{\"key\":\")" + json(json(s, none), none) + R"(\"}"})";
       }},
      {"query",
       [](const std::string& s) {
         return "GET /v1/items?page=2&key=" + url(s, none) + "&x=y HTTP/1.1";
       }},
      {"header", [](const std::string& s) { return "X-Api-Key: " + s + "\r\nAccept: */*\r\n"; }},
      {"form",
       [](const std::string& s) {
         auto text = url(s, none);
         for (std::size_t at = 0; (at = text.find("%20", at)) != std::string::npos;)
           text.replace(at, 3, "+");
         return "user=me&key=" + text + "&submit=1";
       }},
      {"html",
       [](const std::string& s) { return "<p>key: <code>" + html(s, none) + "</code></p>"; }},
      {"yaml", [](const std::string& s) { return "env:\n  KEY: " + s + "\n  OTHER: 1\n"; }},
      {"shell", [](const std::string& s) { return "export KEY='" + s + "' && run --all"; }},
  };
  return made;
}

std::string random_secret(Random& random, std::size_t kind) {
  static const std::string kAlphabets[] = {
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789",
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
      "abcXYZ019!@#$^*()-_=+[]{};:,.?~|", "abcdefgh01\"'\\/<>&% +", "abcdefghij klmnop"};
  static const char* kOther[] = {
      "\xC3\xA9", "\xC3\x9F", "\xE2\x82\xAC", "\xE6\x97\xA5", "\xF0\x9F\x94\x91", "a", "b",
      "Z",        "7"};
  std::string out = "k"; // a secret does not begin or end with a space
  const auto size = 8 + below(random, kind % 4 == 0 ? 60 : 20);
  while (out.size() < size) {
    const auto& alphabet = kAlphabets[kind % std::size(kAlphabets)];
    if (kind % 10 == 9)
      out += kOther[below(random, std::size(kOther))];
    else
      out += alphabet[below(random, alphabet.size())];
  }
  return out + "q";
}

RecallToken valid_token(const PackFormat& format, Random& random) {
  const auto re2 = re2_of(format.pattern);
  const auto shape = redact::Shape::compile(format.pattern).value();
  const bool split = re2->NumberOfCapturingGroups() == 1;
  for (int round = 0; round < 200; ++round) {
    const auto text = sample_of(format.pattern, random, Sample::plain);
    re2::StringPiece groups[2];
    if (!re2->Match(text, 0, text.size(), RE2::ANCHOR_BOTH, groups, split ? 2 : 1)) continue;
    std::size_t anchor = 0; // public
    for (const auto& one : shape.anchors()) {
      if (text.starts_with(one.text)) anchor = one.text.size();
    }
    const std::string secret(split ? std::string(groups[1]) : text.substr(anchor));
    // Of less than it has, since the engine asks this of the first bytes that match.
    if (redact::entropy_of(secret) < format.entropy + 0.3) continue;
    return {text, secret.size()};
  }
  return {};
}

} // namespace sluice::test
