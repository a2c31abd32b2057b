"""Recipe of Conan 2: `conan create .` packs the headers and their CMake files."""

import re
from pathlib import Path

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy

required_conan_version = ">=2.0"


class Sequent(ConanFile):
    name = "sequent"
    description = "Attention networks written as logic rules, compiled to SIMD kernels"
    license = "MIT"
    topics = ("transformer", "attention", "simd", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "CMakeLists.txt", "LICENSE", "cmake/*", "include/*"
    no_copy_source = True

    def set_version(self):
        config = (Path(self.recipe_folder) / "include/sequent/config.hpp").read_text()
        parts = re.findall(r"define SEQUENT_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", config)
        self.version = ".".join(parts)

    def layout(self):
        cmake_layout(self)

    def requirements(self):
        self.requires("xsimd/[>=8.1]", transitive_headers=True)

    def package_id(self):
        self.info.clear()

    def validate(self):
        check_min_cppstd(self, 20)

    def generate(self):
        CMakeDeps(self).generate()
        toolchain = CMakeToolchain(self)
        toolchain.variables["SEQUENT_BUILD_TESTS"] = False
        toolchain.variables["SEQUENT_BUILD_EXAMPLES"] = False
        toolchain.generate()

    def package(self):
        cmake = CMake(self)
        cmake.configure()
        cmake.install()
        copy(self, "LICENSE", self.source_folder, Path(self.package_folder) / "licenses")

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        # As the library's own CMake target.
        self.cpp_info.defines = ["SEQUENT_UNOPTIMIZED"]
        if self.settings.os in ("Linux", "FreeBSD"):
            self.cpp_info.system_libs = ["pthread"]
