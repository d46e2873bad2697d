// The schema of policy.yaml: whole, and no stricter than the loader.
#include "policy/engine/snapshot.hpp"
#include "tests/support/file_text.hpp"
#include "tests/support/schema_mutations.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>

namespace {

namespace fs = std::filesystem;

sluice::PolicyDiagnostics load(const std::string& text);

} // namespace
