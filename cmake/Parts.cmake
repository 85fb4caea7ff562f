# A part is one folder of src/: a static library of its *.cc, and its *_test.cc, which join the
# one test program. What a part may include is decided by tools/check-includes.

add_library(build_flags INTERFACE)
target_include_directories(build_flags INTERFACE ${CMAKE_SOURCE_DIR}/src)
target_compile_options(build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wnon-virtual-dtor
  -Wold-style-cast -Woverloaded-virtual -Wimplicit-fallthrough -Werror=return-type
  -fno-omit-frame-pointer)
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
  set_property(GLOBAL APPEND PROPERTY PARTS ${target})
  set_property(GLOBAL APPEND PROPERTY TEST_SOURCES ${tests})
endfunction()
