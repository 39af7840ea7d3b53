# What libbraintrust_auto.so shows to the process it is loaded into, and what it needs.
#   cmake -D LIBRARY=… -D NM=… -D READELF=… -P preload_library_test.cmake
execute_process(COMMAND ${NM} -D --defined-only ${LIBRARY} OUTPUT_VARIABLE symbols COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "[0-9a-f]+ [A-Za-z] " "" symbols "${symbols}")
string(STRIP "${symbols}" symbols)
if(NOT symbols STREQUAL "braintrust_auto_step_back")
  message(FATAL_ERROR "it shows more than one symbol, or another:\n${symbols}")
endif()

# A library that a program may bring in a version of its own must not be among them.
execute_process(COMMAND ${READELF} -d ${LIBRARY} OUTPUT_VARIABLE dynamic COMMAND_ERROR_IS_FATAL ANY)
string(REGEX REPLACE "[][]" " " dynamic "${dynamic}")
string(REGEX MATCHALL "Shared library:  [^ \n]+" needed "${dynamic}")
foreach(line IN LISTS needed)
  if(NOT line MATCHES "  (libc|libm|libgcc_s|libdl|libpthread|ld-linux[-a-z0-9_]*)[.]so")
    message(FATAL_ERROR "it needs more than the system's own libraries: ${line}")
  endif()
endforeach()
list(LENGTH needed count)
if(count EQUAL 0)
  message(FATAL_ERROR "nothing was read of ${LIBRARY}")
endif()
