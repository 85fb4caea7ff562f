# add_bpf(TARGET SOURCE)
#   SOURCE  below bpf/, "processes.bpf.c"; the header is <processes.skel.h>, with the program and its
#           loader (bpftool-gen(8))
#
# TARGET is the library that has the header; TARGET_sources makes the header alone.
find_program(CLANG NAMES clang clang-19 clang-14 REQUIRED)
find_program(BPFTOOL bpftool PATHS /usr/sbin /sbin REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(LIBBPF REQUIRED IMPORTED_TARGET libbpf)

function(add_bpf target source)
  set(folder ${CMAKE_BINARY_DIR}/bpf)
  file(MAKE_DIRECTORY ${folder})
  string(REGEX REPLACE "\\.bpf\\.c$" "" name ${source})
  set(object ${folder}/${name}.bpf.o)
  set(header ${folder}/${name}.skel.h)
  add_custom_command(
    OUTPUT ${object}
    COMMAND ${CLANG} -target bpf -mcpu=v3 -O2 -g -Wall -Wextra -Wno-unused-parameter
            -I${CMAKE_SOURCE_DIR}/abi -I/usr/include/${CMAKE_LIBRARY_ARCHITECTURE}
            -MD -MF ${object}.d -c ${CMAKE_SOURCE_DIR}/bpf/${source} -o ${object}
    DEPENDS ${CMAKE_SOURCE_DIR}/bpf/${source}
    DEPFILE ${object}.d
    COMMENT "Compiling ${source}"
    VERBATIM)
  add_custom_command(
    OUTPUT ${header}
    COMMAND ${BPFTOOL} gen skeleton ${object} name ${name}_bpf > ${header}
    DEPENDS ${object}
    COMMENT "Generating ${name}.skel.h")
  add_custom_target(${target}_sources DEPENDS ${header})
  add_library(${target} INTERFACE)
  add_dependencies(${target} ${target}_sources)
  target_include_directories(${target} SYSTEM INTERFACE ${folder})
  target_link_libraries(${target} INTERFACE PkgConfig::LIBBPF)
endfunction()
