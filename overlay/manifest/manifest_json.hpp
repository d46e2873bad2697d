// A manifest and its parts back as JSON, in one form for all spellings: bindings explicit, defaults
// written, references as strings. Reading it again gives the same manifest, and its digest is taken
// over it. Tested by tests/unit/overlay/manifest_json_test.cpp.
#pragma once

#include "overlay/manifest/manifest.hpp"

namespace sluice::overlay {

Json manifest_json(const Manifest& manifest); // without metadata
std::string manifest_digest(const Manifest& manifest);

// As a manifest writes it. A lowered program of a plan differs in its mounts alone.
Json program_json(const Program& program);
Json capability_json(const Capability& capability); // profile null when there is none
Json slot_json(const Slot& slot);
Json provide_json(const Provide& provide);
Json resource_json(const Resource& resource);

} // namespace sluice::overlay
