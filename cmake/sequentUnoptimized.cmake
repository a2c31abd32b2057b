# Tells a project that its build type does not optimise. The header, which would tell it for each source
# file, is silent for users of the target.
get_property(multi_config GLOBAL PROPERTY GENERATOR_IS_MULTI_CONFIG)
if(NOT multi_config AND CMAKE_CXX_COMPILER_ID MATCHES "GNU|Clang")
    string(TOUPPER "${CMAKE_BUILD_TYPE}" build_type)
    if(NOT "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${build_type}}" MATCHES "-O([1-9sgz]|fast)")
        message(NOTICE "sequent: CMAKE_BUILD_TYPE is \"${CMAKE_BUILD_TYPE}\", which does not optimise: "
                       "models run some 200 times slower than in a Release build. "
                       "docs/building.md tells how to debug a program around an optimised model.")
    endif()
endif()
