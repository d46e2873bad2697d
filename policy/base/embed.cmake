# A file of the tree becomes a part of a library: `extern const std::string_view SYMBOL`.
function(sluice_embed target namespace symbol file)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${file})
  file(READ ${CMAKE_SOURCE_DIR}/${file} SLUICE_EMBEDDED)
  set(out ${CMAKE_BINARY_DIR}/generated/${symbol}.cpp)
  file(CONFIGURE OUTPUT ${out} @ONLY CONTENT "// Written by the build from @file@.
#include <string_view>

namespace @namespace@ {

extern const std::string_view @symbol@;
const std::string_view @symbol@ = R\"sluice(@SLUICE_EMBEDDED@)sluice\";

} // namespace @namespace@
")
  target_sources(${target} PRIVATE ${out})
endfunction()
