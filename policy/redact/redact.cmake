# The packs become C++ text, and the scan is compiled once for each instruction set.
function(sluice_embed_pack name symbol)
  set(folder ${CMAKE_SOURCE_DIR}/policy/redact/packs)
  set(out ${CMAKE_BINARY_DIR}/generated/${name}_pack.cpp)
  file(GLOB files CONFIGURE_DEPENDS ${folder}/${name}/*.yaml)
  add_custom_command(OUTPUT ${out} DEPENDS ${files} ${folder}/embed.cmake VERBATIM
    COMMAND ${CMAKE_COMMAND} -DFOLDER=${folder}/${name} -DSYMBOL=${symbol} -DOUT=${out} -P ${folder}/embed.cmake)
  target_sources(sluice_redact PRIVATE ${out})
endfunction()
sluice_embed_pack(secrets kSecretsPack)

if(CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  set_source_files_properties(policy/redact/scan_avx2.cpp PROPERTIES COMPILE_OPTIONS "-mavx2")
  set_source_files_properties(policy/redact/scan.cpp PROPERTIES COMPILE_DEFINITIONS SLUICE_AVX2)
endif()
