# One way to get the library, from an empty folder to a program that runs. Run by CTest; CASE names the way.
cmake_minimum_required(VERSION 3.25)

set(consumer_source ${CMAKE_CURRENT_LIST_DIR}/consumer)
set(work ${SCRATCH}/${CASE})
file(REMOVE_RECURSE ${work})
file(MAKE_DIRECTORY ${work})

# A step that fails says its command and all that it printed, and ends the test.
function(must_run)
  execute_process(COMMAND ${ARGN} WORKING_DIRECTORY ${work} RESULT_VARIABLE status OUTPUT_VARIABLE output
    ERROR_VARIABLE output TIMEOUT 600)
  string(JOIN " " command ${ARGN})
  message("${command}\n${output}")
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "failed with ${status}: ${command}")
  endif()
  set(output "${output}" PARENT_SCOPE)
endfunction()

# The consumers run without an account, also where the tester has one.
unset(ENV{BRAINTRUST_API_KEY})

# Several cases compile the library in the same way in different folders: once is enough where there is ccache.
set(ENV{CCACHE_NOHASHDIR} 1)

# Every public header in one, for both of the consumer's files.
string(REPLACE "," ";" headers "${HEADERS}")
list(TRANSFORM headers REPLACE "(.+)" "#include <\\1>\n")
string(JOIN "" all_headers ${headers})
file(WRITE ${work}/include/all_headers.h "#pragma once\n${all_headers}")

set(configure ${CMAKE_COMMAND} -G ${GENERATOR} -D CMAKE_CXX_COMPILER=${COMPILER}
  -D CMAKE_CXX_COMPILER_LAUNCHER=${LAUNCHER} -D CMAKE_BUILD_TYPE=Debug)

# Installs, then moves what was installed: nothing in it may remember where it stood.
function(install_moved build)
  must_run(${CMAKE_COMMAND} --install ${build} --prefix ${work}/before)
  file(RENAME ${work}/before ${work}/prefix)
endfunction()

# build_consumer(flavour options…): the CMake project in consumer/, by one of the ways it knows.
function(build_consumer flavour)
  must_run(${configure} -S ${consumer_source} -B ${work}/build -D FLAVOUR=${flavour}
    -D ALL_HEADERS=${work}/include ${ARGN})
  must_run(${CMAKE_COMMAND} --build ${work}/build)
  must_run(${work}/build/consumer)
  must_run(${work}/build/eval_consumer --no-send-logs --min-score Levenshtein=1)
endfunction()

# build_with_pkg_config(prefix package sources… [RUN_WITH arguments…]): no CMake, one line of shell as a user types it.
function(build_with_pkg_config prefix package)
  cmake_parse_arguments(PARSE_ARGV 2 arg "" "" "RUN_WITH")
  set(ENV{PKG_CONFIG_PATH} ${prefix}/${LIBDIR}/pkgconfig)
  must_run(pkg-config --modversion ${package})
  string(JOIN " " sources ${arg_UNPARSED_ARGUMENTS})
  must_run(sh -c "cd '${consumer_source}' && '${COMPILER}' -std=c++20 -I'${work}/include' ${sources} \
    $(pkg-config --cflags --libs ${package}) -o '${work}/${package}'")
  set(ENV{LD_LIBRARY_PATH} ${prefix}/${LIBDIR})
  must_run(${work}/${package} ${arg_RUN_WITH})
endfunction()

if(CASE STREQUAL "install")
  install_moved(${BUILD})
elseif(CASE STREQUAL "find_package")
  build_consumer(find_package -D CMAKE_PREFIX_PATH=${SCRATCH}/install/prefix)
elseif(CASE STREQUAL "find_package_wrong_version")
  execute_process(COMMAND ${configure} -S ${consumer_source} -B ${work}/build -D FLAVOUR=find_package -D VERSION=99.0
      -D CMAKE_PREFIX_PATH=${SCRATCH}/install/prefix
    RESULT_VARIABLE status OUTPUT_VARIABLE output ERROR_VARIABLE output)
  if(status EQUAL 0 OR NOT output MATCHES "requested version \"99.0\"")
    message(FATAL_ERROR "a package of the wrong version was taken:\n${output}")
  endif()
elseif(CASE STREQUAL "pkg_config")
  build_with_pkg_config(${SCRATCH}/install/prefix braintrust main.cpp other.cpp)
elseif(CASE STREQUAL "pkg_config_eval_main")
  build_with_pkg_config(${SCRATCH}/install/prefix braintrust-eval-main eval.cpp RUN_WITH --no-send-logs)
elseif(CASE STREQUAL "find_package_local")
  build_consumer(find_package -D LOCAL=ON -D CMAKE_PREFIX_PATH=${SCRATCH}/install/prefix)
  must_run(${work}/build/local_consumer)
  must_run(${SCRATCH}/install/prefix/${BINDIR}/braintrust-local --version)
elseif(CASE STREQUAL "find_package_otel")
  build_consumer(find_package -D OTEL=ON -D CMAKE_PREFIX_PATH=${SCRATCH}/install/prefix)
  must_run(${work}/build/otel_consumer)
elseif(CASE STREQUAL "pkg_config_local")
  build_with_pkg_config(${SCRATCH}/install/prefix braintrust-local local.cpp)
elseif(CASE STREQUAL "add_subdirectory")
  build_consumer(add_subdirectory -D BRAINTRUST_SOURCE=${SOURCE})
elseif(CASE STREQUAL "fetch_content")
  build_consumer(fetch_content -D BRAINTRUST_SOURCE=${SOURCE})
elseif(CASE STREQUAL "install_shared")
  must_run(${configure} -S ${SOURCE} -B ${work}/build -D BUILD_SHARED_LIBS=ON -D BRAINTRUST_BUILD_TESTS=OFF
    -D BRAINTRUST_BUILD_EXAMPLES=OFF -D BRAINTRUST_BUILD_LOCAL=OFF)
  must_run(${CMAKE_COMMAND} --build ${work}/build)
  install_moved(${work}/build)
elseif(CASE STREQUAL "find_package_shared")
  build_consumer(find_package -D CMAKE_PREFIX_PATH=${SCRATCH}/install_shared/prefix)
elseif(CASE STREQUAL "pkg_config_shared")
  # A shared library brings its own libraries: the program must not link them.
  build_with_pkg_config(${SCRATCH}/install_shared/prefix braintrust main.cpp other.cpp)
  must_run(pkg-config --libs braintrust)
  if(output MATCHES "-lcurl|-lfmt")
    message(FATAL_ERROR "the shared library's own libraries are handed to its users: ${output}")
  endif()
else()
  message(FATAL_ERROR "no case ${CASE}")
endif()
