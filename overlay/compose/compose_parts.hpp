// What the parts of a compose project share: which units there are and what each needs. Part of
// compose_project.hpp. Tested by tests/unit/overlay/compose_project_test.cpp.
#pragma once

#include "overlay/compose/capture_rules.hpp"
#include "overlay/compose/compose_project.hpp"
#include "overlay/compose/program_plan.hpp"
#include "overlay/compose/yaml_text.hpp"
#include "overlay/deploy/sidecar_files.hpp"

#include <set>
#include <vector>

namespace sluice::overlay {

struct ComposeUnit {
  const Unit* unit = nullptr;
  const Component* first = nullptr; // of those it stands for
  std::optional<ProgramPlan> program;
  Entrances entrances;
  bool outside = false;          // may call what is no component, or is called from there
  std::set<std::string> secrets; // of its sidecar, by name
  std::string volume(const char* what) const { return lasting_name(what, *first); }
};

struct ComposeExport {
  std::string name, variable; // SLUICE_PORT_…
  std::uint16_t published = 0, port = 0;
  bool http = true;
  UnitId unit = 0;
};

struct ComposePlan {
  std::string name, domain;
  std::string digest;             // of all files: with another one, containers are made anew
  std::vector<ComposeUnit> units; // by UnitId
  std::vector<ComposeExport> exports;
  std::map<std::string, RootInput> inputs; // of whoever runs it, by path
  std::map<std::string, std::string> secrets, first_secrets;
  std::map<std::string, std::string> trust;
};

bool needs_tools(const ComposePlan& plan);
std::set<std::string> storage_volumes(const ComposePlan& plan);

OrderedJson compose_document(const ComposePlan& plan);
std::string compose_readme(const ComposePlan& plan);
std::string compose_env_example(const ComposePlan& plan);
// What `sluice overlay identities` is told.
Json identities_json(const ComposePlan& plan, const Sidecars& sidecars);

} // namespace sluice::overlay
