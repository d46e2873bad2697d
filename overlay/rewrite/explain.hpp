// What a rewrite did, for people: each edge with its interposers in the order in which a request
// meets them, which is the one that matters for who sees what, and the whole graph as a drawing.
// Never shows a value of a config. Tested by tests/unit/overlay/explain_test.cpp.
#pragma once

#include "overlay/rewrite/rewrite.hpp"

#include <string>

namespace sluice::overlay {

// {"edges":[{"edge","from","to","capability","weak","request":[{"moniker","alias","overlay",…}]}]};
// every edge, those without interposers, too.
Json explanation_json(const Scenario& before, const Rewritten& after);
// One edge a paragraph: "/caller -> #guard.plan (/__overlay_0_0) -> /responder.a2a".
std::string explanation_text(const Scenario& before, const Rewritten& after);
// Of the scenario as it is after; an arrow is the way of a request.
std::string explanation_dot(const Rewritten& after);
std::string explanation_mermaid(const Rewritten& after);

// The scenario as `overlay apply` prints it.
Json scenario_json(const Scenario& scenario);

} // namespace sluice::overlay
