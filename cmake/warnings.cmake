# What our own code is held to; never exported to users.
add_library(braintrust_warnings INTERFACE)
if(PROJECT_IS_TOP_LEVEL AND NOT MSVC)
  target_compile_options(braintrust_warnings INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Werror)
endif()
