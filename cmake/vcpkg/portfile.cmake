# The port in the form of vcpkg's registry. There, SEQUENT_SOURCE is not set: fill in REPO and SHA512 with
# those of a release. An overlay of this folder packs the repository that it is in.
if(NOT DEFINED SEQUENT_SOURCE AND EXISTS "${CMAKE_CURRENT_LIST_DIR}/../../include/sequent")
    get_filename_component(SEQUENT_SOURCE "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
endif()
if(SEQUENT_SOURCE)
    set(SOURCE_PATH "${SEQUENT_SOURCE}")
else()
    vcpkg_from_github(OUT_SOURCE_PATH SOURCE_PATH REPO sequent/sequent REF "v${VERSION}" SHA512 0
                      HEAD_REF main)
endif()

set(VCPKG_BUILD_TYPE release) # headers alone
vcpkg_cmake_configure(SOURCE_PATH "${SOURCE_PATH}" OPTIONS -DSEQUENT_BUILD_TESTS=OFF
                      -DSEQUENT_BUILD_EXAMPLES=OFF)
vcpkg_cmake_install()
vcpkg_cmake_config_fixup(CONFIG_PATH share/cmake/sequent)
vcpkg_fixup_pkgconfig()
file(INSTALL "${CMAKE_CURRENT_LIST_DIR}/usage" DESTINATION "${CURRENT_PACKAGES_DIR}/share/${PORT}")
vcpkg_install_copyright(FILE_LIST "${SOURCE_PATH}/LICENSE")
