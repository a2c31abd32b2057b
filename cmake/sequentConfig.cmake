# Sequent has no components.
foreach(component IN LISTS sequent_FIND_COMPONENTS)
    if(sequent_FIND_REQUIRED_${component})
        set(sequent_FOUND FALSE)
        set(sequent_NOT_FOUND_MESSAGE "sequent has no component \"${component}\"")
        return()
    endif()
endforeach()

include(CMakeFindDependencyMacro)
find_dependency(xsimd)
find_dependency(Threads)
include("${CMAKE_CURRENT_LIST_DIR}/sequentXtl.cmake")
include("${CMAKE_CURRENT_LIST_DIR}/sequentTargets.cmake")
