# Runs an example as a newcomer does, without a key, and reads what it prints.
#   cmake -D PROGRAM=… [-D "ARGUMENTS=a@@b"] -D "EXPECT=regex@@regex" [-D STATUS=0] -P check_example.cmake
# The patterns must be found in this order.
cmake_minimum_required(VERSION 3.25)

# Nothing of the machine's may decide where an example sends its trace, or which model it asks.
foreach(variable BRAINTRUST_API_KEY BRAINTRUST_API_URL BRAINTRUST_APP_URL BRAINTRUST_ORG_NAME OPENAI_API_KEY OPENAI_BASE_URL
    http_proxy HTTP_PROXY all_proxy ALL_PROXY)
  unset(ENV{${variable}})
endforeach()

if("${STATUS}" STREQUAL "")
  set(STATUS 0)
endif()
string(REPLACE "@@" ";" arguments "${ARGUMENTS}")
execute_process(COMMAND ${PROGRAM} ${arguments} RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output TIMEOUT 50)
message("${output}")
if(NOT status EQUAL STATUS)
  message(FATAL_ERROR "exit code ${status}, expected ${STATUS}")
endif()

set(rest "${output}")
string(REPLACE "@@" ";" patterns "${EXPECT}")
foreach(pattern IN LISTS patterns)
  string(REGEX MATCH "${pattern}" found "${rest}")
  if(found STREQUAL "")
    message(FATAL_ERROR "not printed, or not in this place: ${pattern}")
  endif()
  string(FIND "${rest}" "${found}" at)
  string(LENGTH "${found}" length)
  math(EXPR at "${at} + ${length}")
  string(SUBSTRING "${rest}" ${at} -1 rest)
endforeach()
