# The packs are compiled by a program of the build and become C++ text, and the scan is compiled once
# for each instruction set.
add_executable(compile_pack policy/redact/packs/compile_pack.cpp policy/redact/format_table.cpp
  policy/redact/shape.cpp policy/redact/shape_parser.cpp policy/redact/openings.cpp
  policy/redact/token_checks.cpp policy/redact/token_format.cpp)
target_link_libraries(compile_pack PRIVATE sluice_base)
set_target_properties(compile_pack PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tools)

function(sluice_compile_pack name symbol beginnings)
  set(out ${CMAKE_BINARY_DIR}/generated/${name}_pack.cpp)
  file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/generated)
  file(GLOB files CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/policy/redact/packs/${name}/*.yaml)
  # Relative names, in messages and in nothing else.
  list(TRANSFORM files REPLACE "^${CMAKE_SOURCE_DIR}/" "")
  add_custom_command(OUTPUT ${out} DEPENDS compile_pack ${files} VERBATIM
    COMMAND ${CMAKE_COMMAND} -E env ASAN_OPTIONS=detect_leaks=0 $<TARGET_FILE:compile_pack> ${symbol} ${beginnings} ${out} ${files}
    WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  target_sources(sluice_redact PRIVATE ${out})
endfunction()
sluice_compile_pack(secrets kSecretsPack anchored)
sluice_compile_pack(pii kPiiPack open)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(policy/redact/scan_avx2.cpp PROPERTIES COMPILE_OPTIONS "-mavx2")
  set_source_files_properties(policy/redact/scan.cpp PROPERTIES COMPILE_DEFINITIONS SLUICE_AVX2)
endif()
