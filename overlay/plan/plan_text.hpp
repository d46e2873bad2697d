// How messages about plans name places and things. A plan may hold secrets: keys and names are
// shown, shortened and printable, and values are not. Tested by
// tests/unit/overlay/plan_text_test.cpp.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sluice::overlay {

// At most `limit` bytes, cut between two characters of UTF-8.
std::string_view cut_text(std::string_view text, std::size_t limit) noexcept;
// In quotes; what is too long ends with "…".
std::string shown_name(std::string_view name);
// "interpositions[0].interposer.slots" of "/interpositions/0/interposer/slots".
std::string shown_path(std::string_view pointer);
// Of an overlay: "/guard" of the scope "/" and the use "guard", "/team/guard".
std::string overlay_display_name(std::string_view scope_moniker, std::string_view use);

} // namespace sluice::overlay
