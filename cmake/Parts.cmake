# A part is one folder of src/: a static library of its *.cc, and its *_test.cc, which join the
# one test program. tools/check-includes decides which parts a part may include.
#
# Headers that nearly every file includes are precompiled once for parts and once for tests. A file
# still includes all headers that it uses: tools/tidy compiles without precompiled headers.

add_library(build_flags INTERFACE)
target_include_directories(build_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough -Werror=return-type
  -fno-omit-frame-pointer)
# Some libraries' flags have these two; precompiled headers need the same ones everywhere.
target_compile_definitions(build_flags INTERFACE _FILE_OFFSET_BITS=64)
target_compile_options(build_flags INTERFACE -pthread)
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O2 -g1 -DNDEBUG")
set(CMAKE_CXX_FLAGS_SANITIZE "-O1 -g1")
if(SANITIZE)
  target_compile_options(build_flags INTERFACE -fsanitize=${SANITIZE} -fno-sanitize-recover=all)
  target_link_options(build_flags INTERFACE -fsanitize=${SANITIZE})
endif()
# A program loads only the libraries that it uses.
add_link_options(-Wl,--as-needed)
find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()

# A compiler cache is used where one is installed. Another checkout of the same sources shares it.
find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
    CCACHE_BASEDIR=${CMAKE_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(build_flags INTERFACE -fpch-preprocess)  # ccache asks for it
  endif()
endif()

# add_precompiled(TARGET [HEADERS header...] [USES library...])
#   for target_precompile_headers(... REUSE_FROM TARGET); compiled with the flags of USES, which every
#   target that reuses them must have.
function(add_precompiled target)
  cmake_parse_arguments(PRECOMPILED "" "" "HEADERS;USES" ${ARGN})
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${target}.cc CONTENT "")
  add_library(${target} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${target}.cc)
  target_link_libraries(${target} PRIVATE build_flags ${PRECOMPILED_USES})
  target_precompile_headers(${target} PRIVATE
    <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <deque> <filesystem>
    <functional> <map> <memory> <mutex> <optional> <random> <set> <span> <string> <string_view>
    <thread> <unordered_map> <utility> <variant> <vector>
    <fmt/format.h> <fmt/ranges.h> <tl/expected.hpp> ${PRECOMPILED_HEADERS})
endfunction()

set_property(GLOBAL PROPERTY PARTS "")
set_property(GLOBAL PROPERTY TEST_SOURCES "")

# add_part(FOLDER [USES library...])
#   FOLDER  below src/; the target is its name with / turned into _
#   USES    other parts and vendor libraries
function(add_part folder)
  cmake_parse_arguments(PART "" "" "USES" ${ARGN})
  string(REPLACE "/" "_" target ${folder})
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/src/${folder}/*.cc)
  set(tests ${sources})
  list(FILTER tests INCLUDE REGEX "_test\\.cc$")
  list(FILTER sources EXCLUDE REGEX "_test\\.cc$")
  add_library(${target} STATIC ${sources})
  target_link_libraries(${target} PUBLIC build_flags ${PART_USES})
  target_precompile_headers(${target} REUSE_FROM precompiled)
  set_property(GLOBAL APPEND PROPERTY PARTS ${target})
  set_property(GLOBAL APPEND PROPERTY TEST_SOURCES ${tests})
endfunction()
