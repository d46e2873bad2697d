#include "overlay/scenario/scenario.hpp"

#include <algorithm>

namespace sluice::overlay {
namespace {

// Depth first from each component over the strong edges that leave it, without recursion: a chain
// of components may be long.
class CycleSearch {
 public:
  explicit CycleSearch(const Scenario& scenario)
      : scenario_(scenario), leaving_(scenario.components.size()),
        state_(scenario.components.size(), State::unseen) {
    for (std::size_t i = 0; i < scenario.edges.size(); ++i) {
      const Edge& edge = scenario.edges[i];
      const bool strong = !edge.weak && edge.from.kind == Source::Kind::component;
      if (strong) leaving_[edge.from.component].push_back(i);
    }
  }

  std::vector<std::size_t> run() {
    for (ComponentId start = 0; start < leaving_.size(); ++start) {
      if (auto cycle = from(start); !cycle.empty()) return cycle;
    }
    return {};
  }

 private:
  enum class State : std::uint8_t { unseen, open, done };
  struct Step {
    ComponentId at;
    std::size_t next = 0; // of the edges that leave it
  };

  std::vector<std::size_t> from(ComponentId start) {
    if (state_[start] != State::unseen) return {};
    std::vector<Step> path{{start}};
    state_[start] = State::open;
    while (!path.empty()) {
      Step& step = path.back();
      if (step.next == leaving_[step.at].size()) {
        state_[step.at] = State::done;
        path.pop_back();
        continue;
      }
      const std::size_t edge = leaving_[step.at][step.next++];
      const ComponentId to = scenario_.edges[edge].to.component;
      if (state_[to] == State::open) return cycle_of(path, to);
      if (state_[to] == State::unseen) {
        state_[to] = State::open;
        path.push_back({to});
      }
    }
    return {};
  }

  std::vector<std::size_t> cycle_of(const std::vector<Step>& path, ComponentId closed) const {
    const auto begin = std::find_if(path.begin(), path.end(),
                                    [closed](const Step& step) { return step.at == closed; });
    std::vector<std::size_t> out;
    for (auto step = begin; step != path.end(); ++step) {
      out.push_back(leaving_[step->at][step->next - 1]);
    }
    return out;
  }

  const Scenario& scenario_;
  std::vector<std::vector<std::size_t>> leaving_; // edges by the component they begin at
  std::vector<State> state_;
};

} // namespace

std::string child_moniker(std::string_view parent, std::string_view name) {
  return (parent == "/" ? "" : std::string(parent)) + '/' + std::string(name);
}

std::size_t moniker_depth(std::string_view moniker) noexcept {
  if (moniker == "/") return 0;
  return static_cast<std::size_t>(std::count(moniker.begin(), moniker.end(), '/'));
}

bool is_within(std::string_view moniker, std::string_view scope) noexcept {
  if (scope == "/" || moniker == scope) return true;
  return moniker.starts_with(scope) && moniker[scope.size()] == '/';
}

std::string name_within(std::string_view moniker, std::string_view scope) {
  if (moniker == scope) return ".";
  return std::string(moniker.substr(scope == "/" ? 1 : scope.size() + 1));
}

std::string_view local_name(std::string_view moniker) noexcept {
  return moniker.substr(moniker.rfind('/') + 1);
}

std::string to_string(const Scenario& scenario, const Source& source) {
  const std::string& moniker = scenario.at(source.component).moniker;
  switch (source.kind) {
  case Source::Kind::component: return moniker + '.' + source.name;
  case Source::Kind::resource: return moniker + ".resources." + source.name;
  case Source::Kind::framework: return "framework." + source.name;
  case Source::Kind::external: return "slots." + source.name;
  }
  return {};
}

std::string to_string(const Scenario& scenario, const SlotEnd& end) {
  return scenario.at(end.component).moniker + '.' + end.name;
}

std::string to_string(const Scenario& scenario, const Edge& edge) {
  return to_string(scenario, edge.from) + " -> " + to_string(scenario, edge.to);
}

std::vector<std::size_t> strong_cycle(const Scenario& scenario) {
  return CycleSearch(scenario).run();
}

} // namespace sluice::overlay
