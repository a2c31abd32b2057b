# Debian's xsimd target links xtl, which its package neither depends on nor looks for: without a target
# of that name the linker searches for a library -lxtl. Sequent needs nothing of xtl, so that an empty
# target will do where it is not installed. The targets are global because xsimd may belong to a
# directory above. Included after find_package(xsimd), by the build and by the installed package.
get_target_property(sequent_xsimd_libraries xsimd INTERFACE_LINK_LIBRARIES)
if("xtl" IN_LIST sequent_xsimd_libraries AND NOT TARGET xtl)
    find_package(xtl QUIET GLOBAL)
    if(NOT TARGET xtl)
        add_library(xtl INTERFACE IMPORTED GLOBAL)
    endif()
endif()
