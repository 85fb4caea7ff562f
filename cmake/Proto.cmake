# add_proto(TARGET FILE)
#   FILE  below proto/, "estadio/v1/judge.proto"; the headers are <estadio/v1/judge.pb.h> and
#         <estadio/v1/judge.grpc.pb.h>
#
# TARGET is the library of protoc's code, which is compiled without our warnings. TARGET_sources makes
# the code without compiling it, for targets that only read the headers.
function(add_proto target file)
  set(folder ${CMAKE_BINARY_DIR}/proto)
  string(REGEX REPLACE "\\.proto$" "" stem ${folder}/${file})
  set(made ${stem}.pb.cc ${stem}.pb.h ${stem}.grpc.pb.cc ${stem}.grpc.pb.h)
  file(MAKE_DIRECTORY ${folder})
  add_custom_command(
    OUTPUT ${made}
    COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR}/proto --cpp_out=${folder}
            --grpc_out=${folder} --plugin=protoc-gen-grpc=$<TARGET_FILE:gRPC::grpc_cpp_plugin>
            ${file}
    DEPENDS ${CMAKE_SOURCE_DIR}/proto/${file}
    COMMENT "Generating ${file}"
    VERBATIM)
  add_custom_target(${target}_sources DEPENDS ${made})
  add_library(${target} STATIC ${made})
  add_dependencies(${target} ${target}_sources)
  target_include_directories(${target} SYSTEM PUBLIC ${folder})
  target_link_libraries(${target} PUBLIC gRPC::grpc++ protobuf::libprotobuf)
  if(SANITIZE)
    target_compile_options(${target} PRIVATE -fsanitize=${SANITIZE} -fno-omit-frame-pointer)
  endif()
endfunction()
