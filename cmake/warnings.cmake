# What our own code is held to; never exported to users. Warnings are errors where a preset says so (CMAKE_COMPILE_WARNING_AS_ERROR), and in .ci/run:
# a newcomer's compiler may know more of them than ours.
add_library(braintrust_warnings INTERFACE)
if(PROJECT_IS_TOP_LEVEL AND NOT MSVC)
  target_compile_options(braintrust_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow)
  # Optimising, GCC 12 takes `"text" + string` for copies that overlap (its bug 105651).
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(braintrust_warnings INTERFACE $<$<NOT:$<CONFIG:Debug>>:-Wno-restrict>)
  endif()
endif()
