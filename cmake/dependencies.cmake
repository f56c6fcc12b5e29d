# Third-party libraries, all from Debian 12 (design and versions: ARCHITECTURE.md). Each becomes one imported target; a module links
# only those it names.
find_package(Threads REQUIRED)
find_package(Protobuf REQUIRED)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)

function(forebay_external target)
  cmake_parse_arguments(arg "" "" "LIBRARIES;DEFINITIONS" ${ARGN})
  add_library(${target} INTERFACE IMPORTED GLOBAL)
  target_link_libraries(${target} INTERFACE ${arg_LIBRARIES})
  target_compile_definitions(${target} INTERFACE ${arg_DEFINITIONS})
endfunction()

forebay_external(external_asio LIBRARIES Threads::Threads)
forebay_external(external_isal LIBRARIES isal)
forebay_external(external_rocksdb LIBRARIES rocksdb)
forebay_external(external_fuse LIBRARIES fuse3 DEFINITIONS _FILE_OFFSET_BITS=64 FUSE_USE_VERSION=314)
forebay_external(external_spdlog LIBRARIES spdlog fmt DEFINITIONS SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL)
forebay_external(external_prometheus LIBRARIES prometheus-cpp-core)
forebay_external(external_jemalloc LIBRARIES jemalloc)
forebay_external(external_xxhash LIBRARIES xxhash)
forebay_external(external_benchmark LIBRARIES benchmark Threads::Threads)
