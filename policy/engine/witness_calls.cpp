#include "policy/engine/witness_calls.hpp"

#include "policy/engine/witness_situations.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::engine {
namespace {

using model::EgressCall;
using model::Host;
using model::Protocol;
using model::Scheme;

constexpr std::size_t kMostHosts = 64, kMostPaths = 32, kMostPorts = 8, kMostMethods = 8;

template <class T> void add(std::vector<T>& to, T value, std::size_t most) {
  if (to.size() < most && std::find(to.begin(), to.end(), value) == to.end())
    to.push_back(std::move(value));
}

std::vector<std::string> texts_of(const HostPattern& host) {
  const std::string& text = host.text();
  const std::string label(kUnlikely);
  using Kind = HostPattern::Kind;
  switch (host.kind()) {
  case Kind::exact: return {text, label + '.' + text};
  case Kind::below: {
    const auto rest = replace_all(text.substr(2), "*", "x");
    return {"x." + rest, label + ".x." + rest, rest};
  }
  case Kind::glob: return {replace_all(text, "*", "x"), label + '.' + replace_all(text, "*", "x")};
  case Kind::any: return {label + ".example"};
  case Kind::network: return {text.substr(0, text.find('/'))};
  case Kind::regex: return {plain_of(text)};
  }
  return {};
}

std::vector<std::string> texts_of(const PathPattern& path) {
  const std::string& text = path.text();
  using Kind = PathPattern::Kind;
  switch (path.kind()) {
  case Kind::exact: return {text, text == "/" ? "/x" : text + "/x"};
  case Kind::below:
    return {path.prefix() + "x", path.prefix() + "x/y",
            path.prefix().size() > 1 ? path.prefix().substr(0, path.prefix().size() - 1) : "/"};
  case Kind::regex: break;
  }
  if (text.starts_with("re:")) return {plain_of(text)};
  const auto deep = replace_all(text, "**", "x/y");
  return {replace_all(replace_all(text, "/**/", "/"), "*", "x"), replace_all(deep, "*", "x"),
          replace_all(deep, "*", "x") + "/z"};
}

// ---- what both policies speak of ---------------------------------------------------------------

struct Pool {
  std::vector<std::string> hosts, paths;
  std::array<std::vector<std::string>, model::kOperationKinds> names; // of operations
};

Pool pool_of(const Snapshot& a, const Snapshot& b) {
  constexpr std::size_t kMost = 2'000; // each rule takes few of them
  Pool out;
  for (const auto* policy : {&a, &b}) {
    policy->each_rule([&](const Rule& rule) {
      for (const auto& host : rule.match.hosts) {
        if (host.names_host()) add(out.hosts, texts_of(host).front(), kMost);
      }
      for (const auto& path : rule.match.paths) add(out.paths, texts_of(path).front(), kMost);
    });
    for (std::size_t kind = 0; kind < out.names.size(); ++kind) {
      for (const Rule& rule : policy->operations[kind].rules) {
        for (const auto& name : rule.match.names) add(out.names[kind], text_of(name), kMost);
      }
    }
  }
  return out;
}

std::vector<Host> hosts_of(const Match& match, const Pool& pool) {
  std::vector<Host> out;
  const auto take = [&](const std::string& text) {
    if (const auto host = Host::parse(text)) add(out, host.value(), kMostHosts);
  };
  for (const auto& pattern : match.hosts) take(texts_of(pattern).front());
  for (const auto& pattern : match.hosts) {
    for (const auto& text : texts_of(pattern)) take(text);
  }
  for (const auto& text : pool.hosts) { // those that this rule is about, too
    const auto host = Host::parse(text);
    const auto is_about = [&](const HostPattern& one) {
      return !one.names_host() || one.kind() != HostPattern::Kind::exact;
    };
    if (!host || !std::any_of(match.hosts.begin(), match.hosts.end(), [&](const auto& one) {
          return is_about(one) && one.matches(host.value());
        }))
      continue;
    add(out, host.value(), kMostHosts);
  }
  return out;
}

std::vector<std::string> methods_of(const Match& match) {
  std::vector<std::string> out;
  for (const auto& method : match.methods) add(out, method, kMostMethods);
  for (const char* method : {"GET", "POST", "DELETE", "CONNECT"})
    add(out, std::string(method), kMostMethods);
  return out;
}

std::vector<std::string> paths_of(const Match& match, const Pool& pool) {
  std::vector<std::string> out;
  const auto take = [&](const std::string& text) {
    const auto normal = model::normalise_path(text);
    if (normal && normal.value().starts_with('/')) add(out, normal.value(), kMostPaths);
  };
  for (const auto& pattern : match.paths) take(texts_of(pattern).front());
  for (const auto& pattern : match.paths) {
    for (const auto& text : texts_of(pattern)) take(text);
  }
  take("/");
  take('/' + std::string(kUnlikely));
  for (const auto& text : pool.paths) {
    const bool about = match.paths.empty() ||
                       std::any_of(match.paths.begin(), match.paths.end(),
                                   [&](const PathPattern& one) { return one.matches(text); });
    if (about) take(text);
  }
  return out;
}

std::vector<std::uint16_t> ports_of(const Match& match, Scheme scheme) {
  std::vector<std::uint16_t> out;
  const auto usual = model::default_port(scheme);
  const auto takes = [&](const PortRange& one) { return one.first <= usual && usual <= one.last; };
  const bool any =
      match.ports.empty() || std::any_of(match.ports.begin(), match.ports.end(), takes);
  if (any && usual != 0) add(out, usual, kMostPorts);
  for (const auto& range : match.ports) {
    add(out, range.first, kMostPorts);
    add(out, range.last, kMostPorts);
    if (range.last < 65535)
      add(out, static_cast<std::uint16_t>(range.last + 1), kMostPorts); // just missed
  }
  for (const std::uint16_t port : {std::uint16_t{8443}, std::uint16_t{22}})
    add(out, port, kMostPorts);
  return out;
}

// ---- what is called in a call ------------------------------------------------------------------

using Contents = std::vector<std::shared_ptr<const model::Content>>;

// A value that passes the test, where that is simple.
Node value_of(const ValueMatch& test) {
  Node out;
  if (!test.equals.empty()) return test.equals.front();
  if (test.min || test.max) {
    out.kind = Node::Kind::real;
    out.real = test.min.value_or(test.max.value_or(0));
    out.text = std::to_string(out.real);
    return out;
  }
  out.kind = Node::Kind::string;
  const std::string text = test.globs.empty() ? "" : test.globs.front().text();
  out.text = text.starts_with("re:")
                 ? plain_of(text)
                 : replace_all(replace_all(replace_all(text, "/**/", "/"), "**", "x"), "*", "x");
  return out;
}

Node tree_of(const std::vector<ValueMatch>& tests) {
  Node root;
  root.kind = Node::Kind::map;
  for (const ValueMatch& test : tests) {
    Node* at = &root;
    for (const std::string& token : test.tokens) {
      at->kind = Node::Kind::map;
      auto& members = at->members;
      auto there = std::find_if(members.begin(), members.end(),
                                [&](const Member& one) { return one.key == token; });
      if (there == members.end()) there = members.insert(members.end(), {token, 1, 1, {}});
      at = &there->value;
    }
    *at = value_of(test);
  }
  return root;
}

std::shared_ptr<const model::Content> calling(model::Operation operation, const Rule* rule) {
  auto out = std::make_shared<model::Content>();
  out->state = model::Content::State::json;
  out->bytes = 1;
  if (rule != nullptr && !rule->match.values.empty()) {
    out->tree = tree_of(rule->match.values);
    operation.arguments = &out->tree;
  }
  out->operations.push_back(std::move(operation));
  return out;
}

std::shared_ptr<const model::Content> without_body() {
  static const auto none = [] {
    auto out = std::make_shared<model::Content>();
    out->state = model::Content::State::none;
    return std::shared_ptr<const model::Content>(std::move(out));
  }();
  return none;
}

// Operations that the rule is about, and ones that just miss it. Null: what there is in every
// policy.
Contents contents_of(model::Operation::Kind kind, const Rule* rule, const Pool& pool) {
  constexpr std::size_t kMostNames = 8;
  std::vector<std::string> names, methods;
  if (rule != nullptr) {
    for (const auto& one : rule->match.names) add(names, text_of(one), kMostNames);
    for (const auto& one : rule->match.operation_methods) add(methods, text_of(one), kMostNames);
  }
  for (const auto& one : pool.names[static_cast<std::size_t>(kind)]) add(names, one, kMostNames);
  add(names, std::string(kUnlikely), kMostNames + 1);
  const bool agent = kind == model::Operation::Kind::agent;
  if (agent) add(methods, std::string("message/send"), kMostNames + 1);
  if (!agent) methods = {kind == model::Operation::Kind::tool ? "tools/call" : ""};
  Contents out;
  for (const std::string& name : names) {
    for (const std::string& method : methods) {
      for (const bool streaming : {false, true}) {
        if (streaming && kind != model::Operation::Kind::model) continue;
        const model::Operation one{kind, true, method, {name}, streaming, nullptr};
        out.push_back(calling(one, rule));
        if (rule != nullptr && !rule->match.values.empty()) out.push_back(calling(one, nullptr));
      }
    }
  }
  return out;
}

// ---- combined ----------------------------------------------------------------------------------

class Sweep {
 public:
  Sweep(const Pool& pool, const std::function<void(const EgressCall&)>& each)
      : pool_(pool), each_(each) {}

  void http(const Rule& rule) {
    const auto hosts = hosts_of(rule.match, pool_);
    const auto methods = methods_of(rule.match);
    const auto paths = paths_of(rule.match, pool_);
    const auto situations = situations_of(rule.match);
    for (const Scheme scheme : {Scheme::https, Scheme::http}) {
      const auto ports = ports_of(rule.match, scheme);
      combine({hosts.size(), methods.size(), paths.size(), ports.size(), situations.size()},
              [&](const auto& at) {
                hand_out(hosts[at[0]], scheme, ports[at[3]], methods[at[1]], paths[at[2]],
                         situations[at[4]]);
              });
    }
  }

  void tcp(const Rule& rule) {
    const auto hosts = hosts_of(rule.match, pool_);
    const auto ports = ports_of(rule.match, Scheme::tcp);
    const auto situations = situations_of(rule.match);
    combine({hosts.size(), ports.size(), 1, 1, situations.size()}, [&](const auto& at) {
      hand_out(hosts[at[0]], Scheme::tcp, ports[at[1]], "", "", situations[at[4]]);
    });
  }

  // By POST, which is how they go; null: of all hosts that the policies speak of.
  void operations(model::Operation::Kind kind, const Rule* rule) {
    std::vector<Host> hosts;
    if (rule != nullptr) hosts = hosts_of(rule->match, pool_);
    for (const auto& text : pool_.hosts) {
      const auto host = Host::parse(text);
      if (rule == nullptr && host) add(hosts, host.value(), kMostHosts);
    }
    const auto contents = contents_of(kind, rule, pool_);
    auto paths = paths_of({}, pool_);
    paths.resize(std::min<std::size_t>(paths.size(), kMostPorts));
    const auto situations = situations_of(rule == nullptr ? Match() : rule->match);
    constexpr std::array kSchemes = {Scheme::https, Scheme::http};
    combine({hosts.size(), contents.size(), paths.size(), kSchemes.size(), situations.size()},
            [&](const auto& at) {
              const Scheme scheme = kSchemes[at[3]];
              hand_out(hosts[at[0]], scheme, model::default_port(scheme), "POST", paths[at[2]],
                       situations[at[4]], contents[at[1]]);
            });
  }

  const WitnessSweep& done() const { return done_; }

 private:
  using Counts = std::array<std::size_t, 5>;

  // All combinations, or as many of them from first to last.
  template <class Each> void combine(const Counts& counts, Each each) {
    std::size_t product = 1;
    for (const auto count : counts) product *= count;
    // Odd, so that a step meets all values of most counts.
    const std::size_t step =
        product <= kMostCallsOfARule ? 1 : (product / kMostCallsOfARule + 1) | 1U;
    if (step != 1) done_.all = false;
    for (std::size_t number = 0; number < product; number += step) {
      if (done_.calls == kMostWitnessCalls) {
        done_.all = false;
        return;
      }
      Counts at{};
      for (std::size_t i = counts.size(), left = number; i-- > 0; left /= counts[i])
        at[i] = left % counts[i];
      each(at);
    }
  }

  void hand_out(const Host& host, Scheme scheme, std::uint16_t port, const std::string& method,
                const std::string& path, const Situation& situation,
                std::shared_ptr<const model::Content> content = without_body()) {
    EgressCall call;
    call.call_id = call.listener = "witness";
    call.to = {scheme, host, port};
    call.method = method;
    call.given = situation.given;
    if (scheme == Scheme::https) call.sni = situation.sni;
    if (!host.is_address()) call.original = situation.address;
    call.protocol = scheme == Scheme::tcp ? Protocol::tcp
                    : method == "CONNECT" ? Protocol::connect
                                          : Protocol::http;
    if (call.protocol == Protocol::http) {
      call.path = path;
      call.content = std::move(content);
      auto others = model::other_readings(path);
      if (!others) return; // no such call reaches an engine
      call.other_paths = std::move(others.value());
    }
    ++done_.calls;
    each_(call);
  }

  const Pool& pool_;
  const std::function<void(const EgressCall&)>& each_;
  WitnessSweep done_;
};

} // namespace

WitnessSweep each_witness_call(const Snapshot& a, const Snapshot& b,
                               const std::function<void(const EgressCall&)>& each) {
  const Pool pool = pool_of(a, b);
  Sweep sweep(pool, each);
  const std::size_t most = std::max({a.egress.size(), a.tcp.size(), b.egress.size(), b.tcp.size()});
  for (std::size_t i = 0; i < most; ++i) { // by turns, so that a large policy hides no other
    for (const auto* policy : {&a, &b}) {
      if (i < policy->egress.size()) sweep.http(policy->egress[i]);
      if (i < policy->tcp.size()) sweep.tcp(policy->tcp[i]);
    }
  }
  for (const auto kind : model::kAllOperationKinds) {
    const auto &of_a = a.rules_of(kind), &of_b = b.rules_of(kind);
    if (!of_a.written && !of_b.written) continue;
    sweep.operations(kind, nullptr);
    for (const auto* section : {&of_a, &of_b}) {
      for (const Rule& rule : section->rules) sweep.operations(kind, &rule);
    }
  }
  return sweep.done();
}

std::string method_of(const EgressCall& call) {
  return call.protocol == Protocol::tcp ? "TCP" : call.method;
}

std::string url_of(const EgressCall& call) {
  if (call.protocol == Protocol::tcp) return "tcp://" + call.to.host_port();
  return std::string(to_string(call.to.scheme)) + "://" + call.to.authority() +
         (call.path.empty() ? "/" : call.path);
}

std::string circumstances_of(const EgressCall& call, ShowTime time) {
  auto out = call.content ? model::describe(*call.content) : std::string();
  const auto where = describe(call, time);
  return out.empty() || where.empty() ? out + where : out + ", " + where;
}

} // namespace sluice::engine
