# For a cross compiler: xsimd and Catch2 2 as the host has them, which are headers only. Their
# folders alone, because the rest of /usr/include is the host's. A preset names this file in
# CMAKE_PROJECT_TOP_LEVEL_INCLUDES.

set(packages ${CMAKE_CURRENT_BINARY_DIR}/host_headers)
find_path(host_headers xsimd/xsimd.hpp PATHS /usr/include REQUIRED NO_CMAKE_FIND_ROOT_PATH)
file(MAKE_DIRECTORY ${packages}/include)
foreach(name xsimd catch2)
    file(CREATE_LINK ${host_headers}/${name} ${packages}/include/${name} SYMBOLIC)
endforeach()

file(STRINGS ${host_headers}/xsimd/config/xsimd_config.hpp lines REGEX "define XSIMD_VERSION_")
string(REGEX REPLACE "[^0-9;]" "" version "${lines}")
string(REPLACE ";" "." version "${version}")
file(WRITE ${packages}/xsimdConfig.cmake
     "add_library(xsimd INTERFACE IMPORTED)
target_include_directories(xsimd INTERFACE ${packages}/include)\n")
file(WRITE ${packages}/xsimdConfigVersion.cmake
     "set(PACKAGE_VERSION ${version})\nset(PACKAGE_VERSION_COMPATIBLE TRUE)\n")

# Catch.cmake finds the test cases in a program.
find_file(host_catch_cmake Catch.cmake PATHS /usr/lib/cmake/Catch2 /usr/share/cmake/Catch2
          REQUIRED NO_CMAKE_FIND_ROOT_PATH)
cmake_path(GET host_catch_cmake PARENT_PATH host_catch_cmake_dir)
file(WRITE ${packages}/Catch2Config.cmake
     "add_library(Catch2::Catch2 INTERFACE IMPORTED)
target_include_directories(Catch2::Catch2 INTERFACE ${packages}/include)
list(APPEND CMAKE_MODULE_PATH ${host_catch_cmake_dir})\n")

set(xsimd_DIR ${packages})
set(Catch2_DIR ${packages})
