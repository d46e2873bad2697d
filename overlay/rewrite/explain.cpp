#include "overlay/rewrite/explain.hpp"

#include "overlay/manifest/manifest_json.hpp"
#include "overlay/plan/request.hpp"

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

namespace sluice::overlay {
namespace {

std::vector<EdgeKey> keys_of(const Scenario& scenario) {
  std::vector<EdgeKey> out;
  for (std::size_t i = 0; i < scenario.edges.size(); ++i) out.push_back({EdgeKey::Of::edges, i});
  for (std::size_t i = 0; i < scenario.exports.size(); ++i) {
    out.push_back({EdgeKey::Of::exports, i});
  }
  return out;
}

// From who asks to who answers.
std::vector<ComponentId> met_by_request(const Rewritten& after, EdgeKey key) {
  for (const Chain& chain : after.chains) {
    if (chain.edge == key) return {chain.interposers.rbegin(), chain.interposers.rend()};
  }
  return {};
}

std::string capability_text(const Capability& capability) {
  const std::string kind(to_string(capability.kind));
  return capability.profile ? kind + '/' + *capability.profile : kind;
}

std::string consumer_text(const Scenario& scenario, EdgeKey key) {
  if (key.of == EdgeKey::Of::exports) return "export " + scenario.exports[key.index].name;
  return to_string(scenario, scenario.edges[key.index].to);
}

std::string interposer_text(const Scenario& scenario, ComponentId id) {
  const Component& one = scenario.at(id);
  const Provenance& by = *one.provenance;
  const std::string& scope = scenario.at(by.scope).moniker;
  return one.moniker + " (" + (scope == "/" ? "" : scope + " ") + '#' + by.use + '.' +
         by.export_name + ')';
}

Json interposer_json(const Scenario& scenario, ComponentId id) {
  const Component& one = scenario.at(id);
  const Provenance& by = *one.provenance;
  return {{"moniker", one.moniker},
          {"alias", by.alias},
          {"digest", one.digest},
          {"scope", scenario.at(by.scope).moniker},
          {"overlay", '#' + by.use + '.' + by.export_name},
          {"index", by.index}};
}

Json provenance_json(const Scenario& scenario, const Provenance& by) {
  return {{"scope", scenario.at(by.scope).moniker},
          {"overlay", '#' + by.use + '.' + by.export_name},
          {"position", by.overlay},
          {"index", by.index},
          {"overlay_digest", by.overlay_digest},
          {"request_digest", by.request_digest},
          {"plan_digest", by.plan_digest},
          {"alias", by.alias}};
}

// What both kinds of drawing need of a node: a name without signs, and a text.
std::string node_name(ComponentId id) {
  return 'c' + std::to_string(id);
}

// Quotes and what ends a line would end the text in either language.
std::string drawn(std::string text) {
  std::replace_if(
      text.begin(), text.end(),
      [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; }, '\'');
  return text;
}

struct Arrow { // of a request
  std::string from, to, text;
  bool weak = false;
};

struct Outside {
  std::string name, text;
};

struct Drawing {
  std::vector<Arrow> arrows;
  std::vector<Outside> outsides; // exports and what comes from outside
};

Drawing drawing_of(const Scenario& scenario) {
  Drawing out;
  std::map<std::string, std::string> external;
  const auto end_of = [&](const Source& source) {
    if (source.kind == Source::Kind::component) return node_name(source.component);
    const std::string text = to_string(scenario, source);
    const auto [at, fresh] = external.try_emplace(text, 'o' + std::to_string(external.size()));
    if (fresh) out.outsides.push_back({at->second, text});
    return at->second;
  };
  for (const Edge& edge : scenario.edges) {
    out.arrows.push_back({node_name(edge.to.component), end_of(edge.from),
                          capability_text(edge.capability), edge.weak});
  }
  for (std::size_t i = 0; i < scenario.exports.size(); ++i) {
    const ScenarioExport& one = scenario.exports[i];
    const std::string name = 'e' + std::to_string(i);
    out.outsides.push_back({name, "export " + one.name});
    out.arrows.push_back({name, end_of(one.from), capability_text(one.capability), false});
  }
  return out;
}

} // namespace

Json explanation_json(const Scenario& before, const Rewritten& after) {
  Json edges = Json::array();
  for (const EdgeKey key : keys_of(before)) {
    Json met = Json::array();
    for (const ComponentId id : met_by_request(after, key)) {
      met.push_back(interposer_json(after.scenario, id));
    }
    edges.push_back({{"edge", to_string(before, key)},
                     {"from", to_string(before, source_of(before, key))},
                     {"to", consumer_text(before, key)},
                     {"capability", capability_json(capability_of(before, key))},
                     {"weak", key.of == EdgeKey::Of::edges && before.edges[key.index].weak},
                     {"request", std::move(met)}});
  }
  return {{"edges", std::move(edges)}};
}

std::string explanation_text(const Scenario& before, const Rewritten& after) {
  std::string out;
  for (const EdgeKey key : keys_of(before)) {
    out += to_string(before, key) + "  [" + capability_text(capability_of(before, key)) + "]\n";
    const auto met = met_by_request(after, key);
    if (met.empty()) {
      out += "  no interposer\n";
      continue;
    }
    out += "  a request goes:  " + consumer_text(before, key) + '\n';
    for (const ComponentId id : met) out += "    -> " + interposer_text(after.scenario, id) + '\n';
    out += "    -> " + to_string(before, source_of(before, key)) + '\n';
  }
  return out;
}

std::string explanation_dot(const Rewritten& after) {
  const Drawing drawing = drawing_of(after.scenario);
  std::string out = "digraph scenario {\n  rankdir=LR;\n  node [shape=box];\n";
  for (const Component& one : after.scenario.components) {
    if (!one.program) continue;
    const std::string text = one.provenance ? interposer_text(after.scenario, one.id) : one.moniker;
    out += "  " + node_name(one.id) + " [label=\"" + drawn(text) + '"' +
           (one.provenance ? ", style=rounded" : "") + "];\n";
  }
  for (const Outside& one : drawing.outsides) {
    out += "  " + one.name + " [label=\"" + drawn(one.text) + "\", shape=plaintext];\n";
  }
  for (const Arrow& arrow : drawing.arrows) {
    out += "  " + arrow.from + " -> " + arrow.to + " [label=\"" + drawn(arrow.text) + '"' +
           (arrow.weak ? ", style=dashed" : "") + "];\n";
  }
  return out + "}\n";
}

std::string explanation_mermaid(const Rewritten& after) {
  const Drawing drawing = drawing_of(after.scenario);
  std::string out = "flowchart LR\n";
  for (const Component& one : after.scenario.components) {
    if (!one.program) continue;
    const std::string text = one.provenance ? interposer_text(after.scenario, one.id) : one.moniker;
    const auto [open, close] = one.provenance ? std::pair("([\"", "\"])") : std::pair("[\"", "\"]");
    out += "  " + node_name(one.id) + open + drawn(text) + close + '\n';
  }
  for (const Outside& one : drawing.outsides) {
    out += "  " + one.name + ">\"" + drawn(one.text) + "\"]\n";
  }
  for (const Arrow& arrow : drawing.arrows) {
    out += "  " + arrow.from + (arrow.weak ? " -. \"" : " -- \"") + drawn(arrow.text) +
           (arrow.weak ? "\" .-> " : "\" --> ") + arrow.to + '\n';
  }
  return out;
}

Json scenario_json(const Scenario& scenario) {
  Json components = Json::array();
  for (const Component& one : scenario.components) {
    Json told = component_json(one);
    if (one.provenance) told["provenance"] = provenance_json(scenario, *one.provenance);
    components.push_back(std::move(told));
  }
  Json bindings = Json::array();
  for (const Edge& edge : scenario.edges) {
    bindings.push_back({{"from", source_json(edge.from)},
                        {"to", end_json(edge.to)},
                        {"capability", capability_json(edge.capability)},
                        {"weak", edge.weak}});
  }
  Json exports = Json::array();
  for (const ScenarioExport& one : scenario.exports) {
    exports.push_back({{"name", one.name},
                       {"from", source_json(one.from)},
                       {"capability", capability_json(one.capability)}});
  }
  return {{"components", std::move(components)},
          {"bindings", std::move(bindings)},
          {"exports", std::move(exports)}};
}

} // namespace sluice::overlay
