# Compiler flags shared by every target.
set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

option(FOREBAY_ASAN "Address and undefined-behaviour sanitizers" OFF)
option(FOREBAY_TSAN "Thread sanitizer" OFF)
option(FOREBAY_FUZZ "Build the libFuzzer targets" OFF)
set(FOREBAY_BUNDLES 0 CACHE STRING "How many source files of a library are compiled as one, see bundle.cmake; 0: each by itself")

# -gline-tables-only: stack traces with lines at a third of the size and link time of full debug information.
# -fPIC everywhere, programs too: libraries and tests share precompiled headers.
add_compile_options(-fPIC -Wall -Wextra -Werror -Wno-missing-field-initializers -Wthread-safety -fno-omit-frame-pointer -gline-tables-only
                    -fdiagnostics-color=always)
add_link_options(-fuse-ld=lld)
if(FOREBAY_BUNDLES)
  add_compile_options("SHELL:-idirafter ${CMAKE_SOURCE_DIR}")  # bundles name files from the top
endif()
# Standard-library checks that are cheap: bounds, null, empty containers.
add_compile_definitions(_GLIBCXX_ASSERTIONS BOOST_ASIO_NO_DEPRECATED)

if(FOREBAY_ASAN)
  add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()
if(FOREBAY_TSAN)
  add_compile_options(-fsanitize=thread)
  add_link_options(-fsanitize=thread)
endif()
if(FOREBAY_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  add_link_options(-fsanitize=address,undefined)
endif()
