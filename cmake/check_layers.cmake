# Keeps the arrows between the rooms pointing one way. Reads every #include under include/braintrust and src and holds it
# against the table below (docs/design.md says what each room is for). Prints file:line and the rule for each include
# that breaks it.
#   cmake [-D ROOT=checkout] -P cmake/check_layers.cmake
cmake_minimum_required(VERSION 3.25)

# What a room may include beside itself and core/. A room of no line here is an error: it has to be placed first.
set(core_may_include)
set(pipeline_may_include)
set(otlp_may_include pipeline)
set(trace_may_include pipeline)
set(api_may_include pipeline trace)
set(llm_may_include)
set(instrument_may_include pipeline trace llm)
set(eval_may_include pipeline trace instrument api)
# Leaves take what they need, and nothing takes from a leaf.
set(leaves otel local auto)
set(rooms core pipeline otlp trace api llm instrument eval ${leaves})

if(NOT ROOT)
  cmake_path(GET CMAKE_CURRENT_LIST_DIR PARENT_PATH ROOT)
endif()

# The room a file stands in, from its path below ROOT. Empty for what belongs to no room: the headers directly under
# include/braintrust (the umbrella header, the version). A leaf's own front header, as braintrust/otel.h, is the leaf.
function(room_of path result)
  set(room "")
  if(path MATCHES "^(include/braintrust|src)/([^/]+)/")
    set(room ${CMAKE_MATCH_2})
  elseif(path MATCHES "^include/braintrust/([^/]+)\\.h$" AND CMAKE_MATCH_1 IN_LIST leaves)
    set(room ${CMAKE_MATCH_1})
  endif()
  set(${result} "${room}" PARENT_SCOPE)
endfunction()

# The line on which `text` first stands in `content`.
function(line_of content text result)
  string(FIND "${content}" "${text}" position)
  string(SUBSTRING "${content}" 0 ${position} before)
  string(REGEX REPLACE "[^\n]" "" newlines "${before}")
  string(LENGTH "${newlines}" line)
  math(EXPR line "${line} + 1")
  set(${result} ${line} PARENT_SCOPE)
endfunction()

set(violations 0)
set(checked 0)
function(report file content directive rule)
  line_of("${content}" "${directive}" line)
  string(STRIP "${directive}" directive)
  message("${file}:${line}: ${directive}\n    ${rule}")
  math(EXPR violations "${violations} + 1")
  set(violations ${violations} PARENT_SCOPE)
endfunction()

file(GLOB_RECURSE files RELATIVE ${ROOT}
  ${ROOT}/include/braintrust/*.h ${ROOT}/src/*.h ${ROOT}/src/*.cpp ${ROOT}/src/*.c)
foreach(file IN LISTS files)
  file(READ ${ROOT}/${file} content)
  # A list cannot hold these characters; none of them decides anything here.
  string(REGEX REPLACE "[];[]" " " content "${content}")
  room_of(${file} room)
  if(NOT room AND file MATCHES "^src/")
    message("${file}:1: stands in no room: each source file has its folder under src/")
    math(EXPR violations "${violations} + 1")
  elseif(room AND NOT room IN_LIST rooms)
    message("${file}:1: ${room}/ is not in the table of cmake/check_layers.cmake: say there what it may include")
    math(EXPR violations "${violations} + 1")
  endif()

  cmake_path(GET file PARENT_PATH folder)
  string(REGEX MATCHALL "(^|\n)[ \t]*#[ \t]*include[ \t]*[<\"][^>\"\n]+[>\"]" directives "${content}")
  list(REMOVE_DUPLICATES directives)
  foreach(directive IN LISTS directives)
    math(EXPR checked "${checked} + 1")
    string(REGEX MATCH "[<\"]([^>\"]+)" unused "${directive}")
    set(included ${CMAKE_MATCH_1})
    string(FIND "${directive}" "#" hash)
    string(SUBSTRING "${directive}" ${hash} -1 directive)

    # Where the compiler would find it: beside the file, in src/, in include/.
    set(target "")
    cmake_path(SET beside NORMALIZE "${folder}/${included}")
    if(included MATCHES "^braintrust/")
      set(target include/${included})
    elseif(EXISTS ${ROOT}/${beside})
      set(target ${beside})
    elseif(EXISTS ${ROOT}/src/${included})
      set(target src/${included})
    else()
      continue()  # not ours
    endif()

    room_of(${target} target_room)
    if(target_room STREQUAL room OR target_room STREQUAL "core")
      continue()
    elseif(target MATCHES "^include/braintrust/(braintrust|tracing)\\.h$" AND room)
      if(room IN_LIST leaves)
        continue()
      endif()
      report(${file} "${content}" "${directive}" "the umbrella headers are for users: include the header that is needed")
    elseif(NOT target_room)
      continue()  # the version
    elseif(NOT room)
      # The umbrella shows everything that needs no further library.
      if(target_room MATCHES "^(otel|local)$")
        report(${file} "${content}" "${directive}" "braintrust/${target_room} is included by its users only")
      endif()
    elseif(room IN_LIST leaves)
      continue()
    elseif(target_room IN_LIST leaves)
      report(${file} "${content}" "${directive}" "${target_room}/ is a leaf: nothing includes it")
    elseif(NOT target_room IN_LIST ${room}_may_include)
      list(JOIN ${room}_may_include ", " allowed)
      if(allowed)
        set(allowed ", ${allowed}")
      endif()
      report(${file} "${content}" "${directive}" "${room}/ may not include ${target_room}/; it may include core${allowed}")
    endif()
  endforeach()
endforeach()

list(LENGTH files file_count)
if(file_count EQUAL 0)
  message(FATAL_ERROR "no source files under ${ROOT}")
elseif(violations GREATER 0)
  message(FATAL_ERROR "${violations} includes point the wrong way")
endif()
message("${checked} includes in ${file_count} files point the right way")
