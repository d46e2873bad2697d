// What the files of the linker share. Nobody else's. Tested by tests/unit/overlay/link_test.cpp.
#pragma once

#include "overlay/scenario/link.hpp"
#include "overlay/scenario/problems.hpp"

namespace sluice::overlay {

// Components, edges and exports.
Scenario link_graph(const ResolvedTree& tree, Problems& problems);

// The configs of a tree, whose root has `root`. What does not compose is told and left empty, and
// so is what is below it.
std::vector<ConfigTree> compose_tree(const ResolvedTree& tree, ConfigTree root,
                                     ConfigBudget& budget, Problems& problems);
bool is_composed(const ConfigTree& tree); // no config is null

void link_overlays(const ResolvedTree& tree, ConfigBudget& budget, Linked& out, Problems& problems);

ConfigParent parent_of(const ResolvedComponent& component, const ConfigTree& tree);

} // namespace sluice::overlay
