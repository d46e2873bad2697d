#include "tests/property/random_policy.hpp"

#include "policy/content/read_content.hpp"

namespace sluice::testing {

using model::IpAddress;
using model::Protocol;
using model::Scheme;

template <class Make> std::string RandomPolicy::list(int most, Make make) {
  std::string out = "[";
  for (int left = below(most); left >= 0; --left) out += make() + (left > 0 ? ", " : "]");
  return out;
}

std::string RandomPolicy::name() {
  std::string out(one_of({"test", "test", "corp"}));
  for (int labels = below(4); labels > 0; --labels) {
    out = std::string(one_of({"a", "b", "ab", "x-a"})) + '.' + out;
  }
  return out;
}

std::string RandomPolicy::host_pattern() {
  switch (below(9)) {
  case 0: return std::string(one_of({"$g", "$g", "\"**\"", "\"*\""}));
  case 1:
    return std::string(one_of({"'re:[ab]\\.test'", "'re:.*b.*'", "'re:(a|B)+\\.test'",
                               "'re:8\\..*'", "'re:a|ab'", "'re:.*:.*'", "'re:te.t'"}));
  case 2:
    return std::string(one_of(
        {"10.0.0.7", "8.8.8.8", "127.0.0.1", "169.254.169.254", "\"::1\"", "\"2606:4700::1\""}));
  case 3:
    return std::string(one_of({"10.0.0.0/8", "8.8.0.0/16", "8.8.8.8/31", "0.0.0.0/0", "\"::/0\"",
                               "\"2606:4700::/33\"", "100.64.0.0/10"}));
  case 4:
    return '"' + std::string(one_of({"a*.", "*b.", "x-*.", "a.*.", "*.a*.", "*.*.", "a*b."})) +
           name() + '"';
  case 5:
  case 6: return "\"*." + name() + '"';
  default: return name();
  }
}

std::string RandomPolicy::path() {
  std::string out;
  for (int segments = below(4); segments >= 0; --segments) {
    out += '/' + std::string(one_of({"a", "b", "ab", "v1", ""}));
    if (once_in(12)) out += one_of({";v", "%2Fa", ";b%2Fa"});
  }
  return out;
}

std::string RandomPolicy::path_pattern() {
  std::string out;
  if (once_in(6)) return std::string(one_of({"'re:/a.*'", "'re:/(a|b)'", "'re:.*b'", "'re:|\\*'"}));
  for (int segments = below(3); segments >= 0; --segments) {
    out += '/' + std::string(one_of({"a", "b", "ab", "v1", "a", "*", "a*", "*b", "**", "a**"}));
  }
  if (once_in(3)) out += "/**";
  return '"' + out + '"';
}

std::string RandomPolicy::value_pattern() {
  return std::string(
      one_of({"a", "b", "\"a*\"", "\"*b\"", "\"*\"", "'re:a|b'", "'re:a*b'", "\"a*b*\""}));
}

std::string RandomPolicy::fields_match() {
  std::string out;
  if (once_in(2)) out += ", headers: {X-A: " + list(2, [this] { return value_pattern(); }) + "}";
  if (once_in(3)) out += ", query: {q: " + value_pattern() + ", r: " + value_pattern() + "}";
  if (once_in(3) || out.empty())
    out += ", content_types: [" + std::string(one_of({"a/b", "\"a/*\"", "'re:.*json'"})) + "]";
  return out;
}

// Facts of the process and the connection. What is called `agents` differs by section.
std::string RandomPolicy::given_match(std::string_view section) {
  std::string out;
  if (!once_in(3)) return out;
  const auto names = [this] {
    return std::string(one_of({"x", "y", "\"x*\"", "\"*\"", "'re:x|z'"}));
  };
  const bool call = section == "egress" || section == "tcp";
  if (section != "agents" && once_in(3)) out += ", agents: " + list(2, names);
  if (once_in(4)) out += ", sessions: " + list(2, names);
  if (once_in(3))
    out += ", time: " + list(2, [this] {
             return '"' +
                    std::string(one_of({"", "mon ", "mon-fri ", "sat,sun ", "sun ", "fri-mon "})) +
                    std::string(one_of({"08:00-12:00", "22:00-06:00", "00:00-24:00", "12:00-24:00",
                                        "23:59-00:01"})) +
                    '"';
           });
  if (call && once_in(2))
    out += ", address_classes: " + list(3, [this] {
             return std::string(one_of({"global", "private", "loopback", "link_local", "cgnat",
                                        "metadata", "multicast", "embedded"}));
           });
  if (section == "egress" && once_in(4))
    out += ", sni: " + list(2, [this] {
             return once_in(3)   ? std::string(one_of({"\"**\"", "\"*\"", "'re:.*b.*'"}))
                    : once_in(2) ? "\"*." + name() + '"'
                                 : name();
           });
  return out;
}

std::string RandomPolicy::value_tests() {
  const auto test = [this] {
    return std::string(
        one_of({"{glob: a}", "{glob: \"a*\"}", "{glob: [\"/x/**\", b]}", "{glob: 're:a|b'}",
                "{glob: \"**/y\"}", "{equals: a}", "{equals: [1, true]}", "{equals: '1'}",
                "{equals: null}", "{range: {min: 1}}", "{range: {min: 1, max: 3}}",
                "{range: {max: 1.5}}"}));
  };
  std::string out = "{" + std::string(one_of({"/p", "/q", "/p/0", "\"\""})) + ": " + test();
  if (once_in(4)) out += ", /r/s: " + test();
  return out + "}";
}

std::string RandomPolicy::operation_match(std::string_view section) {
  std::string out;
  const auto add = [&out](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
  const auto hosts = section == "tools" ? "servers" : section == "agents" ? "peers" : "providers";
  if (once_in(2)) add(hosts + std::string(": ") + list(2, [this] { return host_pattern(); }));
  const auto names = section == "tools" ? "tools" : section == "agents" ? "skills" : "models";
  if (once_in(2)) add(names + std::string(": ") + list(2, [this] { return value_pattern(); }));
  if (section == "tools" && once_in(3)) add("arguments: " + value_tests());
  if (section == "agents" && once_in(2))
    add("methods: [" + std::string(one_of({"message/send", "\"tasks/*\"", "'re:.*'"})) + "]");
  if (section == "models" && once_in(4))
    add("streaming: " + std::string(one_of({"true", "false"})));
  if (const auto given = given_match(section); !given.empty()) add(given.substr(2));
  return "{" + out + "}";
}

std::string RandomPolicy::operation_rule(std::string_view section) {
  const std::string effect(one_of({"allow", "allow", "allow", "block", "require_approval"}));
  std::string out = "  - {" + effect + ": " + operation_match(section);
  if (once_in(6)) out += ", mode: report";
  if (once_in(6)) out += ", inspect: " + std::string(one_of({"20", "60", "1KiB"}));
  if (effect == "allow" && once_in(4)) out += ", redact: [pii]";
  if (effect == "allow" && once_in(4)) out += ", limits: {requests_per_hour: 3}";
  return out + "}\n";
}

std::string RandomPolicy::operation_sections(int rules) {
  std::string out;
  for (const std::string_view section : {"tools", "agents", "models"}) {
    if (!once_in(4)) continue;
    out += std::string(section) + ":\n";
    for (int left = 1 + below(rules); left > 0; --left) out += operation_rule(section);
  }
  return out;
}

std::string RandomPolicy::body() {
  const auto value = [this] {
    return std::string(one_of({"\"a\"", "\"b\"", "\"/x/a\"", "\"/x/../y\"", "1", "\"1\"", "2.5",
                               "true", "null", "[\"a\",\"b\"]", "[\"a\",{}]", "{\"s\":1}"}));
  };
  const auto object = [&] {
    return "{\"p\":" + value() + ",\"" + std::string(one_of({"q", "P", "r"})) + "\":" + value() +
           "}";
  };
  const auto word = [this] { return std::string(one_of({"a", "b", "ab", "c"})); };
  switch (below(8)) {
  case 0: return object();
  case 1: return "{\"p\":1,\"p\":2}"; // more than one thing
  case 2:
    return "{\"method\":\"message/send\",\"params\":{\"metadata\":{\"skill\":\"" + word() + "\"}}}";
  case 3: return "{\"method\":\"" + std::string(one_of({"tasks/get", "message/stream"})) + "\"}";
  case 4:
    return "{\"model\":\"" + word() +
           "\",\"messages\":[],\"stream\":" + std::string(one_of({"true", "false"})) + "}";
  case 5: return std::string(one_of({"", "text", "[1"}));
  default: break;
  }
  const auto tool = [&] {
    return "{\"" + std::string(one_of({"method", "method", "Method"})) +
           "\":\"tools/call\",\"params\":{\"name\":\"" + word() + "\",\"arguments\":" + object() +
           "}}";
  };
  return once_in(4) ? "[" + tool() + "," + tool() + "]" : tool();
}

std::string RandomPolicy::egress_duties(bool looks_inside, bool named) {
  std::string out;
  if (once_in(3))
    out += std::string(", redact: ") + std::string(one_of({"[]", "[pii]", "[pii, secrets]"}));
  const bool passes = !looks_inside && once_in(2);
  if (passes || once_in(5)) out += passes ? ", tls: passthrough" : ", tls: intercept";
  if (!passes && once_in(2)) {
    out += ", restore: " + std::string(one_of({"[request]", "[response]", "[request, response]"}));
  }
  if (!passes && named && once_in(3))
    out += std::string(", credential: ") + std::string(one_of({"k", "l", "[k, l]"}));
  if (once_in(3)) {
    out += ", limits: {request_body: " + std::to_string(below(5));
    if (once_in(2)) out += ", requests_per_minute: " + std::to_string(1 + below(5));
    if (once_in(3)) out += ", requests_per_day: " + std::to_string(1 + below(5));
    if (!passes && once_in(3)) out += ", tokens_per_day: " + std::to_string(1 + below(5));
    out += "}";
  }
  return out;
}

std::string RandomPolicy::ask() {
  return ", ask: {" + std::string(one_of({"opa", "authzen"})) + ": \"https://p.test/" +
         std::to_string(below(3)) + "\"}";
}

std::string RandomPolicy::rule(Section section, int number) {
  const std::string effect(one_of({"allow", "allow", "allow", "block", "require_approval"}));
  const bool tcp = section == Section::tcp;
  const bool named = once_in(3); // as a login needs it
  std::string match = "hosts: " + (named ? list(3, [this] { return name(); })
                                         : list(3, [this] { return host_pattern(); }));
  if (once_in(3) || (tcp && effect == "allow")) {
    match += ", ports: " + list(2, [this] {
               return std::string(
                   one_of({"443", "80", "\"1-100\"", "\"90-600\"", "5432", "\"1-65535\""}));
             });
  }
  bool looks_inside = false;
  if (!tcp && once_in(3)) {
    const bool tunnel = once_in(4);
    match += tunnel ? ", methods: [CONNECT]"
                    : ", methods: " + list(2, [this] {
                        return std::string(one_of({"GET", "POST", "DELETE", "CONNECT"}));
                      });
    looks_inside = !tunnel;
  }
  if (!tcp && once_in(2)) {
    match += ", paths: " + list(2, [this] { return path_pattern(); });
    looks_inside = true;
  }
  if (!tcp && once_in(4))
    match += ", schemes: " + std::string(one_of({"[http]", "[https, http]", "[https]"}));
  if (!tcp && once_in(4)) {
    match += fields_match();
    looks_inside = true;
  }
  if (!tcp && once_in(6)) {
    match += ", body: " + value_tests();
    looks_inside = true;
  }
  match += given_match(tcp ? "tcp" : "egress");
  std::string out = "  - {" + effect + ": {" + match + "}";
  if (effect == "require_approval" && once_in(3)) out += ", hold: 60s";
  if (once_in(2)) out += ", name: n" + std::string(tcp ? "t" : "") + std::to_string(number);
  if (once_in(3)) out += ", reason: because";
  if (once_in(6)) out += ", mode: report";
  if (effect == "allow") {
    if (once_in(3)) out += ", private: true";
    if (once_in(4)) out += ask();
    if (!tcp) out += egress_duties(looks_inside, named);
    if (tcp && once_in(2))
      out += ", redact: [pii], limits: {bytes: " + std::to_string(1 + below(5)) +
             (once_in(2) ? ", bytes_per_day: 9}" : "}");
  }
  return out + "}\n";
}

std::string RandomPolicy::document(int rules) {
  std::string out = "version: 1\ndefaults: {redact: ";
  out +=
      std::string(one_of({"[]", "[secrets]"})) +
      ", tls: " + std::string(one_of({"intercept", "intercept", "passthrough"})) +
      (once_in(6) ? ", private: true" : "") +
      "}\ncredentials:\n  - {id: k, type: header, header: x-k, value: {env: K}, plaintext: true}\n"
      "  - {id: l, type: query, parameter: l, value: {env: L}, plaintext: true}\nhosts: {g: "
      "[a.test, \"*.b.test\", 8.8.4.4]}\n";
  out += "egress:\n";
  for (int i = 0; i < rules; ++i) out += rule(Section::egress, i);
  out += rules < 2 ? "" : "tcp:\n";
  for (int i = 0; i < rules / 2; ++i) out += rule(Section::tcp, i);
  return out + operation_sections(1 + rules / 4);
}

std::vector<IpAddress> RandomPolicy::addresses(std::size_t count) {
  std::vector<IpAddress> out;
  while (out.size() < count) {
    const auto text = one_of({"10.0.0.7", "10.1.2.3", "8.8.8.8", "8.8.8.9", "8.8.4.4", "127.0.0.1",
                              "169.254.169.254", "169.254.1.1", "100.64.0.1", "224.0.0.1", "::1",
                              "2606:4700::1", "2606:4700:8000::1", "64:ff9b::7f00:1", "9.9.9.9"});
    out.push_back(*IpAddress::parse_strict(text));
  }
  return out;
}

model::EgressCall RandomPolicy::call() {
  model::EgressCall out;
  const std::string host = once_in(4) ? addresses(1).front().text() : name();
  out.to.host = model::Host::parse(host).value();
  out.to.port = static_cast<std::uint16_t>(once_in(4) ? below(65536) : once_in(2) ? 443 : 80);
  out.protocol = once_in(3)   ? Protocol::tcp
                 : once_in(3) ? Protocol::connect
                 : once_in(4) ? Protocol::websocket
                              : Protocol::http;
  const bool tcp = out.protocol == Protocol::tcp;
  out.to.scheme = tcp ? Scheme::tcp : once_in(2) ? Scheme::http : Scheme::https;
  if (!tcp) out.method = one_of({"GET", "GET", "POST", "DELETE", "PATCH", "get"});
  if (out.protocol == Protocol::connect && !once_in(8)) out.method = "CONNECT";
  if (!once_in(6)) {
    model::Actor actor;
    actor.agent = one_of({"x", "y", "xy", "z", ""});
    actor.session = one_of({"x", "y", "xy", "z", ""});
    out.given.actor = std::make_shared<const model::Actor>(actor);
  }
  if (!once_in(6)) // within two weeks, at a minute's edge half of the time
    out.given.unix_seconds = 1'700'000'000 / 60 * 60 + below(20'160) * 60 + (once_in(2) ? 59 : 0);
  if (!tcp && !once_in(3)) out.sni = once_in(6) ? "(invalid)" : once_in(12) ? "10.0.0.7" : name();
  out.before_hello = out.protocol == Protocol::connect && out.sni.empty() && once_in(2);
  if (tcp || out.protocol == Protocol::connect) return out;
  for (int i = below(4); i > 0; --i)
    model::add_field(out, one_of({"x-a", "X-A", "x-b"}), one_of({"a", "b", " ab ", "aab", ""}));
  for (int i = below(2); i > 0; --i)
    model::add_field(out, "Content-Type", one_of({"a/b", "A/B; c=d", "a/json", ""}));
  for (int i = below(4); i > 0; --i)
    out.query += one_of({"q=a&", "q=b", "&r=%61b", "r=a", "&q", "q=a+b&", "&&", "%71=b&", "r=%"});
  out.path = once_in(30) ? std::string(one_of({"", "*"})) : path();
  if (const auto normal = model::normalise_path(out.path)) out.path = normal.value();
  if (auto others = model::other_readings(out.path)) out.other_paths = std::move(others.value());
  if (out.protocol == Protocol::websocket || once_in(8)) return out; // nobody read it
  out.content =
      once_in(12) ? content::head_only() : content::read_content(out, body(), content::Ended::yes);
  return out;
}

} // namespace sluice::testing
