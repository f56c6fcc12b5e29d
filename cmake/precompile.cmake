# Precompiled headers: a third less work for a full build. Three of them, shared by all targets: for libraries, for the
# commands and for tests.
option(FOREBAY_PCH "Precompile the headers that nearly every file reads" ON)

# forebay_precompiled(NAME HEADER [LIBRARY…]): the target that owns a precompiled header. It is never taken from the compiler cache, because it names its
# own place on the disk; what is compiled with it can be, as long as the text of the headers is the same. That is what the .sum says.
function(forebay_precompiled name header)
  file(WRITE ${CMAKE_BINARY_DIR}/${name}.cc "")
  add_library(${name} OBJECT ${CMAKE_BINARY_DIR}/${name}.cc)
  target_link_libraries(${name} PRIVATE ${ARGN})
  target_precompile_headers(${name} PRIVATE ${CMAKE_SOURCE_DIR}/cmake/${header})
  set_target_properties(${name} PROPERTIES CXX_COMPILER_LAUNCHER "")
  # An updated system header has the time of its package, which may lie before that of the precompiled one: ninja would not notice, and the compiler refuse.
  target_compile_options(${name} PRIVATE "SHELL:-Xclang -fno-pch-timestamp")
  execute_process(
    COMMAND ${CMAKE_CXX_COMPILER} -x c++ -std=c++23 -E -P -Wno-pragma-once-outside-header -DBOOST_ASIO_NO_DEPRECATED ${CMAKE_SOURCE_DIR}/cmake/${header}
    OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
  get_directory_property(options COMPILE_OPTIONS)
  string(REPLACE "${CMAKE_SOURCE_DIR}" "" options "${options}")  # what is mapped away must not keep two checkouts apart
  string(SHA256 sum "${CMAKE_CXX_COMPILER_VERSION} ${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_RELWITHDEBINFO} ${options} ${text}")
  file(WRITE ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.pch.sum ${sum})
endfunction()

# Not CMake's REUSE_FROM: its absolute path among the arguments keeps two checkouts from sharing the compiler cache.
function(forebay_use_precompiled target name)
  set(precompiled ${CMAKE_BINARY_DIR}/CMakeFiles/${name}.dir/cmake_pch.hxx.pch)
  target_compile_options(${target} PRIVATE "SHELL:-include-pch ${precompiled}")
  get_target_property(sources ${target} SOURCES)
  get_target_property(folder ${target} SOURCE_DIR)
  list(TRANSFORM sources PREPEND ${folder}/ REGEX "^[^/]")
  set_property(SOURCE ${sources} TARGET_DIRECTORY ${target} APPEND PROPERTY OBJECT_DEPENDS ${precompiled})
endfunction()

# forebay_precompile(FOLDER …): every library and program of these folders and below uses one of them.
function(forebay_precompile)
  foreach(folder ${ARGN})
    get_property(targets DIRECTORY ${folder} PROPERTY BUILDSYSTEM_TARGETS)
    foreach(target ${targets})
      get_target_property(type ${target} TYPE)
      if((type MATCHES "^(STATIC_LIBRARY|EXECUTABLE)$" OR target MATCHES "_each$") AND NOT target MATCHES "^forebay_(proto|protoc_plugin)$|^fuse_fake_mount$")
        get_target_property(libraries ${target} LINK_LIBRARIES)
        if("GTest::gtest" IN_LIST libraries)
          forebay_use_precompiled(${target} forebay_pch_tests)
        elseif(target STREQUAL "forebay_cli")
          forebay_use_precompiled(${target} forebay_pch_cli)
        else()
          forebay_use_precompiled(${target} forebay_pch)
        endif()
      endif()
    endforeach()
    get_property(folders DIRECTORY ${folder} PROPERTY SUBDIRECTORIES)
    if(folders)
      forebay_precompile(${folders})
    endif()
  endforeach()
endfunction()

if(FOREBAY_PCH)
  forebay_precompiled(forebay_pch precompiled.h)
  forebay_precompiled(forebay_pch_cli precompiled_cli.h)
  forebay_precompiled(forebay_pch_tests precompiled_tests.h GTest::gmock_main GTest::gtest)
  forebay_precompile(${CMAKE_SOURCE_DIR})
endif()
