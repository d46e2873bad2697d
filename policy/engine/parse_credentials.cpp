// The section `credentials`, and what an egress rule says of them.
#include "policy/engine/inherit.hpp"

#include "policy/base/bytes.hpp"

#include <algorithm>

namespace sluice::engine {
namespace {

using model::Credential;
using Type = Credential::Type;

constexpr std::size_t kMostCredentials = 64;
constexpr std::size_t kLongestText = 200;
constexpr std::chrono::seconds kOftenest{10};
constexpr std::chrono::hours kSeldomest{24};
constexpr std::string_view kValue = "{value}";
constexpr std::array kTypes = {Word<Type>{"header", Type::header}, Word<Type>{"query", Type::query},
                               Word<Type>{"basic", Type::basic},
                               Word<Type>{"aws_sigv4", Type::aws_sigv4}};

// Fields that say where a message goes or how it is read: none is a login.
constexpr std::array<std::string_view, 10> kNotLogins = {
    "host", "connection",      "content-length", "content-type",      "content-encoding",
    "te",   "accept-encoding", "trailer",        "transfer-encoding", "upgrade"};

std::string parse_header_name(Reader header) {
  const auto text = header.string();
  if (!text) return "";
  std::string name = ascii_lower(*text);
  const bool framing = std::find(kNotLogins.begin(), kNotLogins.end(), name) != kNotLogins.end() ||
                       name.starts_with("proxy-") || name.starts_with("sec-");
  if (!is_field_name(name)) {
    header.error(header.quoted() + " is not the name of a header");
  } else if (framing) {
    header.error(header.quoted() + " is not a header for a login");
  }
  return name;
}

// What stands around the value is printable, and no line of its own.
std::string parse_format(Reader format) {
  if (!format.present()) return std::string(kValue);
  const auto text = format.string().value_or("");
  const bool once =
      text.find(kValue) != std::string::npos && text.find(kValue) == text.rfind(kValue);
  const bool plain =
      std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!once || !plain || text.size() > kLongestText) {
    format.error("expected one line with {value} in it, once", "write \"Bearer {value}\"");
  }
  return text;
}

// A part of the scope of a signature, whose parts '/' divides.
std::string parse_scope(Reader part) {
  const auto text = part.string().value_or("");
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-';
  });
  if (!plain || text.size() > kLongestText) {
    part.error("expected letters, digits and '-'", "as in s3 and eu-central-1");
  }
  return text;
}

void parse_place(Reader& item, Credential& out) {
  switch (out.type) {
  case Type::header:
    out.place = parse_header_name(item.required("header"));
    out.format = parse_format(item.at("format"));
    break;
  case Type::query: {
    auto parameter = item.required("parameter");
    out.place = parameter.string().value_or("");
    const bool plain = std::all_of(out.place.begin(), out.place.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' ||
             c == '_' || c == '.' || c == '~';
    });
    if (!plain || out.place.size() > kLongestText)
      parameter.error("a parameter is letters, digits, '-', '_', '.' and '~'");
    break;
  }
  case Type::basic: {
    out.place = "authorization";
    auto username = item.required("username");
    out.username = username.text().value_or("");
    const bool plain = std::all_of(out.username.begin(), out.username.end(), [](char c) {
      return static_cast<unsigned char>(c) >= ' ' && c != '\x7f' && c != ':';
    });
    if (!plain || out.username.size() > kLongestText)
      username.error("a user name of Basic has no ':' and no control characters", "RFC 7617");
    break;
  }
  case Type::aws_sigv4:
    out.service = parse_scope(item.required("service"));
    out.region = parse_scope(item.required("region"));
    break;
  }
  constexpr std::array<std::pair<std::string_view, Type>, 9> kKeys = {
      {{"header", Type::header},
       {"format", Type::header},
       {"parameter", Type::query},
       {"username", Type::basic},
       {"service", Type::aws_sigv4},
       {"region", Type::aws_sigv4},
       {"access_key", Type::aws_sigv4},
       {"secret_key", Type::aws_sigv4},
       {"session_token", Type::aws_sigv4}}};
  for (const auto& [key, type] : kKeys) {
    if (type != out.type)
      item.misplaced(key, "it belongs to type: " + std::string(to_string(type)));
  }
}

void parse_key(Reader key, std::string_view name, Credential& out) {
  if (!key.present()) return;
  SecretSource source;
  source.id = out.id() + '.' + std::string(name);
  parse_secret_value(std::move(key), source);
  out.keys.push_back(std::move(source));
}

// One value, or the keys of AWS: each from its source, or all in one document.
void parse_values(Reader& item, Credential& out) {
  Reader value = item.at("value");
  if (out.type != Type::aws_sigv4) return parse_secret_value(item.required("value"), out.source);
  if (!value.present()) {
    parse_key(item.required("access_key"), "access_key", out);
    parse_key(item.required("secret_key"), "secret_key", out);
    parse_key(item.at("session_token"), "session_token", out);
    return;
  }
  parse_secret_value(std::move(value), out.source);
  for (const char* key : {"access_key", "secret_key", "session_token"})
    item.misplaced(key, "the document of value: holds it");
}

Credential parse_credential(Reader& item) { // but for `override`
  Credential out;
  out.source.id = parse_secret_id(item.required("id"));
  out.type = item.required("type").one_of(kTypes).value_or(Type::header);
  parse_place(item, out);
  out.plaintext = item.at("plaintext").boolean().value_or(false);
  const auto refresh = item.at("refresh").duration(kOftenest, kSeldomest);
  out.refresh = refresh.value_or(std::chrono::milliseconds(0));
  parse_values(item, out);
  item.finish();
  return out;
}

std::vector<std::string> names_in(Reader credential) {
  std::vector<std::string> out;
  for (Reader& item : credential.one_or_items(EmptyList::refuse)) {
    if (auto one = item.string()) out.push_back(std::move(*one));
  }
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

} // namespace

void parse_credentials(Reader credentials, ParseContext& shared, std::vector<Credential>& out) {
  if (!credentials.present()) return;
  for (Reader& item : credentials.items()) {
    if (out.size() == kMostCredentials) {
      item.error("the policy has more than 64 credentials");
      break;
    }
    const bool overrides = says_override(item, shared);
    auto one = parse_credential(item);
    const auto [there, added] =
        shared.credentials.emplace(one.id(), CredentialUse{one, false, shared.file});
    if (added || one.id().empty()) {
      out.push_back(std::move(one));
    } else if (!may_replace(overrides, there->second.file, shared)) {
      item.at("id").error("two credentials have this id" + in_file(there->second.file, shared));
    } else if (there->second.credential.plaintext != one.plaintext) {
      item.at("plaintext")
          .error("the rules it is inherited with were read with the other value",
                 "give the credential another id");
    } else {
      *std::find(out.begin(), out.end(), there->second.credential) = one;
      there->second = {std::move(one), there->second.used, shared.file};
    }
  }
}

// A login is for hosts that are named, goes over TLS that we look into, and is masked where it
// comes back: what is not said so here is made so.
void parse_rule_credentials(Reader& item, ParseContext& shared, Rule& rule) {
  Reader credential = item.at("credential");
  check_allow_only(item, rule, "credential");
  rule.credentials = names_in(credential);
  if (rule.credentials.empty()) return;
  bool plaintext = true;
  std::vector<std::string> places;
  for (const auto& id : rule.credentials) {
    const auto known = shared.credentials.find(id);
    if (known == shared.credentials.end()) {
      credential.error("there is no credential of this id", "define it under credentials:");
      return;
    }
    known->second.used = true;
    const Credential& one = known->second.credential;
    plaintext = plaintext && one.plaintext;
    for (auto& place : model::places_of(one)) places.push_back(std::move(place));
  }
  std::sort(places.begin(), places.end());
  if (std::adjacent_find(places.begin(), places.end()) != places.end())
    credential.error("two of them go to the same place");
  const auto& hosts = rule.match.hosts;
  const bool named = std::all_of(hosts.begin(), hosts.end(), [](const HostPattern& host) {
    return host.names_host() && host.kind() != HostPattern::Kind::network;
  });
  if (!named)
    credential.error("a login needs hosts that are named", "no **, *, re: or network in hosts");
  if (rule.tls == model::TlsMode::passthrough)
    credential.error("nothing can be put into a tunnel that is passed through", "tls: intercept");
  rule.tls = model::TlsMode::intercept;
  if (std::find(rule.redact.begin(), rule.redact.end(), "secrets") == rule.redact.end())
    rule.redact.insert(rule.redact.end(), "secrets");
  auto& schemes = rule.match.schemes;
  if (plaintext) return;
  if (std::find(schemes.begin(), schemes.end(), model::Scheme::http) != schemes.end())
    credential.error("a login does not go over http", "remove http, or plaintext: true");
  schemes = {model::Scheme::https};
}

} // namespace sluice::engine
