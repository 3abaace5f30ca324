# The *_cpu.cc files are compiled once for each variant of the processor at hand; LMSPT_ISA names the variant.
# A new variant is one line here and one entry in csrc/device/cpu/isa.h.
set(LMSPT_ISA_VARIANTS portable)
set(LMSPT_ISA_FLAGS_portable "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND LMSPT_ISA_VARIANTS avx2 avx512)
  set(LMSPT_ISA_FLAGS_avx2 -mavx2 -mfma -mf16c)
  set(LMSPT_ISA_FLAGS_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC's own AVX-512 headers set it off: https://gcc.gnu.org/bugzilla/show_bug.cgi?id=105593
    list(APPEND LMSPT_ISA_FLAGS_avx512 -Wno-maybe-uninitialized)
  endif()
endif()

# Compiles the sources given after `library` for every variant and adds the objects to it.
function(lmspt_add_isa_variants library)
  foreach(isa IN LISTS LMSPT_ISA_VARIANTS)
    set(objects "${library}_${isa}")
    add_library(${objects} OBJECT ${ARGN})
    target_link_libraries(${objects} PRIVATE lmspt_common)
    target_compile_definitions(${objects} PRIVATE LMSPT_ISA=${isa})
    target_compile_options(${objects} PRIVATE ${LMSPT_ISA_FLAGS_${isa}})
    target_sources(${library} PRIVATE $<TARGET_OBJECTS:${objects}>)
  endforeach()
  list(JOIN LMSPT_ISA_VARIANTS ", " names)
  message(STATUS "lmspt: CPU variants ${names}")
endfunction()
