# cmake -D COMPILER=... -D FLAGS=... -D INCLUDE=... -D BUILD=... -P header_unit.cmake: the header is compiled
# once, to a header unit, and imported by a program, which runs.
file(MAKE_DIRECTORY ${BUILD})
separate_arguments(FLAGS)
list(APPEND FLAGS -std=c++20 -pthread -Wno-experimental-header-units)
execute_process(
    COMMAND ${COMPILER} ${FLAGS} --precompile -xc++-user-header ${INCLUDE}/sequent/sequent.hpp -o
            ${BUILD}/sequent.pcm COMMAND_ERROR_IS_FATAL ANY)
execute_process(
    COMMAND ${COMPILER} ${FLAGS} -I ${INCLUDE} -fmodule-file=${BUILD}/sequent.pcm
            ${CMAKE_CURRENT_LIST_DIR}/header_unit/main.cpp -o ${BUILD}/program
            COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${BUILD}/program COMMAND_ERROR_IS_FATAL ANY)
