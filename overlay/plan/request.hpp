// The question an overlay is asked: its scope as JSON, field by field as Amber asks it, so that
// programs written for Amber understand it. Holds what authors wrote (templates, literal values,
// inlined source), never a value that is known only when the scenario runs; says nothing about what
// lies beyond the scope. Tested by tests/unit/overlay/request_test.cpp.
#pragma once

#include "overlay/scenario/scenario.hpp"
#include "overlay/scenario/scope.hpp"

#include <string>

namespace sluice::overlay {

Json request_of(const Scenario& scenario, const Scope& scope); // {"scope": …}
std::string request_digest(const Json& request);               // "sha256:<base64>"

// Parts of it, as they also stand in a scenario that is printed.
Json component_json(const Component& component);
Json source_json(const Source& source); // one key: Component, Resource, Framework, External
Json end_json(const SlotEnd& end);
// A program as it stands in requests and in answers: mounts by kind, no conditions on endpoints.
Json lowered_json(const Program& program, ComponentId owner);

} // namespace sluice::overlay
