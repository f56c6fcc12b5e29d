# The protocol: messages by protoc, method structs (*.rpc.h) by our own generator plugin (src/rpc/generator.cc).
set(FOREBAY_PROTOS options common namespace cluster worker admin records)
set(proto_out ${CMAKE_BINARY_DIR}/proto)
file(MAKE_DIRECTORY ${proto_out})

set(proto_inputs "")
set(proto_sources "")
set(proto_headers "")
foreach(name ${FOREBAY_PROTOS})
  list(APPEND proto_inputs ${CMAKE_SOURCE_DIR}/proto/forebay/v1/${name}.proto)
  list(APPEND proto_sources ${proto_out}/forebay/v1/${name}.pb.cc)
  list(APPEND proto_headers ${proto_out}/forebay/v1/${name}.pb.h)
endforeach()

add_custom_command(
  OUTPUT ${proto_sources} ${proto_headers}
  COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR}/proto --cpp_out=${proto_out} ${proto_inputs}
  DEPENDS ${proto_inputs}
  COMMENT "protoc" VERBATIM)

add_library(forebay_proto STATIC ${proto_sources} ${proto_headers})
target_include_directories(forebay_proto SYSTEM PUBLIC ${proto_out})
target_link_libraries(forebay_proto PUBLIC protobuf::libprotobuf)
target_compile_options(forebay_proto PRIVATE -w)
