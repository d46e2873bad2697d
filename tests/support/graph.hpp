// Scenarios by hand: components by moniker (parents first), edges by "/a.api" and "/b.in".
#pragma once

#include "overlay/rewrite/rewrite.hpp"
#include "overlay/scenario/scenario.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sluice::test {

class Graph {
 public:
  Graph() { component("/"); }

  Graph& component(const std::string& moniker) {
    overlay::Component one;
    one.id = scenario.components.size();
    one.moniker = moniker;
    one.digest = "sha256:" + moniker;
    if (moniker != "/") {
      const auto cut = moniker.rfind('/');
      one.parent = id(cut == 0 ? "/" : moniker.substr(0, cut));
      scenario.components[*one.parent].children.push_back(one.id);
    }
    scenario.components.push_back(std::move(one));
    return *this;
  }

  Graph& edge(const std::string& from, const std::string& to, bool weak = false) {
    const auto [consumer, slot] = split(to);
    scenario.components[consumer].slots[slot].capability = {};
    scenario.edges.push_back({source(from), {consumer, slot}, {}, weak});
    return *this;
  }

  Graph& exported(const std::string& name, const std::string& from) {
    scenario.exports.push_back({name, source(from), {}});
    std::sort(scenario.exports.begin(), scenario.exports.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return *this;
  }

  overlay::ComponentId id(std::string_view moniker) const {
    for (const auto& one : scenario.components) {
      if (one.moniker == moniker) return one.id;
    }
    throw std::invalid_argument(std::string(moniker));
  }

  // "from -> to", in order, exports behind.
  static std::vector<std::string> lines(const overlay::Scenario& of) {
    std::vector<std::string> out;
    for (const auto& edge : of.edges) out.push_back(to_string(of, edge));
    for (std::size_t i = 0; i < of.exports.size(); ++i) {
      out.push_back(to_string(of, overlay::EdgeKey{overlay::EdgeKey::Of::exports, i}));
    }
    return out;
  }

  overlay::Scenario scenario;

 private:
  std::pair<overlay::ComponentId, std::string> split(const std::string& text) const {
    const auto dot = text.rfind('.');
    return {id(text.substr(0, dot)), text.substr(dot + 1)};
  }

  overlay::Source source(const std::string& text) {
    using Kind = overlay::Source::Kind;
    if (text.starts_with("slots.")) return {Kind::external, 0, text.substr(6)};
    const auto [provider, name] = split(text);
    scenario.components[provider].provides[name].endpoint = "e";
    return {Kind::component, provider, name};
  }
};

// Reference §10, case 21.
inline Graph case_21() {
  Graph graph;
  graph.component("/left").component("/left/worker").component("/src").component("/sink");
  graph.edge("/src.api", "/left.in").edge("/left.out", "/left/worker.needs");
  return graph.edge("/left.out", "/sink.in").exported("api", "/left.out");
}

// One interposer, "in" to "out", on each of the edges of its scope.
inline overlay::Application applied(const Graph& graph, std::string_view scope, std::size_t overlay,
                                    std::vector<std::vector<std::uint64_t>> targets) {
  overlay::Application out;
  out.scope = graph.id(scope);
  out.overlay = overlay;
  out.use = "guard";
  out.export_name = "plan";
  for (const auto& one : targets) {
    overlay::Interposition interposition;
    for (std::size_t i = 0; i < one.size(); ++i) {
      const std::string in = i == 0 ? "in" : "in" + std::to_string(i);
      interposition.interposer.slots[in] = {};
      interposition.attachments.push_back({one[i], in, "out"});
    }
    interposition.interposer.provides["out"].endpoint = "e";
    interposition.written = {{"targets", one}};
    out.plan.interpositions.push_back(std::move(interposition));
  }
  return out;
}

} // namespace sluice::test
