# The protocol: messages by protoc, method structs (*.rpc.h) by our own generator plugin (src/rpc/generator.cc).
set(FOREBAY_PROTOS options common namespace cluster worker admin records persist_records persist tasks coordinator under)
set(FOREBAY_SERVICES namespace cluster worker admin persist tasks coordinator under)  # those with methods
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
set(method_headers "")
foreach(name ${FOREBAY_SERVICES})
  list(APPEND method_headers ${proto_out}/forebay/v1/${name}.rpc.h)
endforeach()

add_custom_command(
  OUTPUT ${proto_sources} ${proto_headers}
  COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR}/proto --cpp_out=${proto_out} ${proto_inputs}
  DEPENDS ${proto_inputs}
  COMMENT "protoc" VERBATIM)

# The plugin runs during the build: no sanitizer in it.
add_executable(forebay_protoc_plugin ${CMAKE_SOURCE_DIR}/src/rpc/generator.cc ${proto_out}/forebay/v1/options.pb.cc)
target_include_directories(forebay_protoc_plugin SYSTEM PRIVATE ${proto_out})
target_include_directories(forebay_protoc_plugin PRIVATE ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(forebay_protoc_plugin PRIVATE protobuf::libprotoc protobuf::libprotobuf)
target_compile_options(forebay_protoc_plugin PRIVATE -fno-sanitize=all)
target_link_options(forebay_protoc_plugin PRIVATE -fno-sanitize=all)

add_custom_command(
  OUTPUT ${method_headers}
  COMMAND protobuf::protoc -I${CMAKE_SOURCE_DIR}/proto --plugin=protoc-gen-forebay=$<TARGET_FILE:forebay_protoc_plugin>
          --forebay_out=${proto_out} ${proto_inputs}
  DEPENDS ${proto_inputs} forebay_protoc_plugin
  COMMENT "method table" VERBATIM)

# Includes "forebay/v1/x.pb.h" and "forebay/v1/x.rpc.h"; the latter need "rpc/method.h", which needs nothing.
add_library(forebay_proto STATIC ${proto_sources} ${proto_headers} ${method_headers})
target_include_directories(forebay_proto SYSTEM PUBLIC ${proto_out})
target_include_directories(forebay_proto PUBLIC ${CMAKE_SOURCE_DIR}/src)
target_link_libraries(forebay_proto PUBLIC protobuf::libprotobuf)
target_compile_options(forebay_proto PRIVATE -w)
