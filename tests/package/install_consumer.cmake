# cmake -D BUILD=<folder of the consumer> -P install_consumer.cmake: runs the consumer and installs it.
# Only the program may be installed.
set(prefix ${BUILD}/installed)
file(REMOVE_RECURSE ${prefix})
execute_process(COMMAND ${BUILD}/consumer COMMAND_ERROR_IS_FATAL ANY)
execute_process(COMMAND ${CMAKE_COMMAND} --install ${BUILD} --prefix ${prefix}
                COMMAND_ERROR_IS_FATAL ANY)
file(GLOB_RECURSE files RELATIVE ${prefix} ${prefix}/*)
if(NOT files STREQUAL "bin/consumer")
    message(FATAL_ERROR "installed: ${files}")
endif()
