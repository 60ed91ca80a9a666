# find_package(mapsan): the library as the target mapsan::mapsan, the command, and tests under it.
#
#   find_package(mapsan REQUIRED)
#   target_link_libraries(prog PRIVATE mapsan::mapsan)     # only for programs that use mapsan.h, or want to be linked
#   mapsan_add_test(NAME maps COMMAND prog)                # fails if mapsan finds a warning or an error
#   mapsan_add_test(NAME double COMMAND prog2 EXPECT munmap-double)   # fails unless it finds exactly that
#
# For `ctest -T memcheck`, before include(CTest):
#
#   set(MEMORYCHECK_COMMAND "${MAPSAN_MEMCHECK_COMMAND}")
#   set(MEMORYCHECK_TYPE CudaSanitizer)
get_filename_component(_mapsan_prefix "${CMAKE_CURRENT_LIST_DIR}/@UP@" ABSOLUTE)

set(MAPSAN_COMMAND "${_mapsan_prefix}/bin/mapsan")
set(MAPSAN_MEMCHECK_COMMAND "${_mapsan_prefix}/bin/mapsan-memcheck")
set(MAPSAN_LIBRARY "${_mapsan_prefix}/@LIBDIR@/@SONAME@")
foreach(_mapsan_file MAPSAN_COMMAND MAPSAN_MEMCHECK_COMMAND MAPSAN_LIBRARY)
  if(NOT EXISTS "${${_mapsan_file}}")
    set(mapsan_FOUND FALSE)
    set(mapsan_NOT_FOUND_MESSAGE "${${_mapsan_file}} is missing: the installation is not whole")
    return()
  endif()
endforeach()

if(NOT TARGET mapsan::mapsan)
  add_library(mapsan::mapsan SHARED IMPORTED)
  set_target_properties(mapsan::mapsan PROPERTIES
                        IMPORTED_LOCATION "${MAPSAN_LIBRARY}"
                        IMPORTED_SONAME "@SONAME@"
                        INTERFACE_INCLUDE_DIRECTORIES "${_mapsan_prefix}/include"
                        # It stands in for libc's calls: it must be linked although nothing asks for it.
                        INTERFACE_LINK_OPTIONS "LINKER:--no-as-needed")
endif()

# mapsan_add_test(NAME <name> COMMAND <program or target> [<argument>...]
#                 [EXPECT <rule>...] [OPTIONS <option of mapsan run>...] [WORKING_DIRECTORY <folder>])
#
# Adds a test that runs the command under mapsan. Without EXPECT it fails if there are findings of warning severity or
# above, or if the command fails; with EXPECT it fails unless exactly these rules are broken.
function(mapsan_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME;WORKING_DIRECTORY" "COMMAND;EXPECT;OPTIONS")
  if(NOT test_NAME OR NOT test_COMMAND)
    message(FATAL_ERROR "mapsan_add_test needs NAME and COMMAND")
  endif()
  if(test_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "mapsan_add_test does not know: ${test_UNPARSED_ARGUMENTS}")
  endif()
  list(GET test_COMMAND 0 program)
  if(TARGET "${program}")
    list(REMOVE_AT test_COMMAND 0)
    list(INSERT test_COMMAND 0 "$<TARGET_FILE:${program}>")
  endif()
  set(verdict --error-exitcode 86)
  if(test_EXPECT)
    list(JOIN test_EXPECT "," rules)
    set(verdict --expect "${rules}")
  endif()
  add_test(NAME "${test_NAME}" COMMAND "${MAPSAN_COMMAND}" run ${verdict} ${test_OPTIONS} -- ${test_COMMAND})
  if(test_WORKING_DIRECTORY)
    set_tests_properties("${test_NAME}" PROPERTIES WORKING_DIRECTORY "${test_WORKING_DIRECTORY}")
  endif()
endfunction()
