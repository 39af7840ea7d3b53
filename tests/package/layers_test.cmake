# Tries cmake/check_layers.cmake on small trees: what must pass passes, what must be caught is caught, by file and line.
#   cmake -D CHECK=…/check_layers.cmake -D SCRATCH=folder -P layers_test.cmake
cmake_minimum_required(VERSION 3.25)

set(failures 0)

# expect(name file text message): one file with this text beside a few good ones; `message` is part of what is said,
# empty if the tree is in order.
function(expect name file text message)
  set(root ${SCRATCH}/${name})
  file(REMOVE_RECURSE ${root})
  file(WRITE ${root}/include/braintrust/core/error.h "#pragma once\n#include <string>\n")
  file(WRITE ${root}/include/braintrust/trace/span.h "#pragma once\n#include <braintrust/core/error.h>\n")
  file(WRITE ${root}/src/pipeline/queue.h "#pragma once\n")
  file(WRITE ${root}/src/local/server.h "#pragma once\n#include \"pipeline/queue.h\"\n#include <braintrust/braintrust.h>\n")
  file(WRITE ${root}/${file} "${text}")
  execute_process(COMMAND ${CMAKE_COMMAND} -D ROOT=${root} -P ${CHECK}
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  string(FIND "${output}" "${message}" found)
  if((message AND status EQUAL 0) OR (NOT message AND NOT status EQUAL 0) OR found EQUAL -1)
    message("FAILED: ${name}: status ${status}, expected \"${message}\" in:\n${output}")
    math(EXPR failures "${failures} + 1")
    set(failures ${failures} PARENT_SCOPE)
  endif()
endfunction()

expect(down_is_fine src/trace/span.cpp
  "#include <braintrust/trace/span.h>\n#include \"pipeline/queue.h\"\n#include <vector>\n" "")
expect(umbrella_includes_rooms include/braintrust/braintrust.h
  "#pragma once\n#include <braintrust/trace/span.h>\n#include <braintrust/version.h>\n" "")
expect(core_includes_trace include/braintrust/core/bad.h
  "#pragma once\n\n// int list[3]; and a comment\n#include <braintrust/trace/span.h>\n"
  "include/braintrust/core/bad.h:4: #include <braintrust/trace/span.h>\n    core/ may not include trace/; it may include core")
expect(pipeline_includes_trace_indented src/pipeline/bad.cpp
  "#include \"queue.h\"\n#if 1\n#  include \"braintrust/trace/span.h\"\n#endif\n" "src/pipeline/bad.cpp:3:")
expect(api_includes_trace_beside_it src/api/bad.cpp "#include \"../trace/private.h\"\n#include \"../local/server.h\"\n"
  "src/api/bad.cpp:2:")
expect(llm_includes_pipeline_from_src src/llm/bad.cpp "#include \"pipeline/queue.h\"\n" "llm/ may not include pipeline/")
expect(trace_includes_a_leaf src/trace/bad.cpp "#include \"local/server.h\"\n" "local/ is a leaf")
expect(umbrella_includes_a_leaf include/braintrust/braintrust.h "#include <braintrust/otel.h>\n" "by its users only")
expect(room_includes_umbrella src/trace/bad.cpp "#include <braintrust/braintrust.h>\n" "umbrella header")
expect(unknown_room src/attic/old.cpp "#include <string>\n" "attic/ is not in the table")
expect(file_without_room src/lost.cpp "\n" "src/lost.cpp:1: stands in no room")

if(failures GREATER 0)
  message(FATAL_ERROR "${failures} cases failed")
endif()
