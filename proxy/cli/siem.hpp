// A record in the words of others: CEF, a line of text for log collectors, and OCSF 1.3, a JSON
// object. Each names the record's number and hash, by which it is found in the log again: these
// forms prove nothing. Whatever a record holds stays inside its field.
// Tested by tests/e2e/test_evidence_siem.py.
#pragma once

#include "policy/evidence/verify.hpp"

#include <string>

namespace sluice::cli {

std::string cef_row(const evidence::RecordView& record);  // without a newline
std::string ocsf_row(const evidence::RecordView& record); // the same

} // namespace sluice::cli
