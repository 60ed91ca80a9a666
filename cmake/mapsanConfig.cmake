# find_package(mapsan): the library as the target mapsan::mapsan, the command, and tests under it.
#
#   find_package(mapsan REQUIRED)
#   target_link_libraries(prog PRIVATE mapsan::mapsan)     # only for programs that use mapsan.h, or want to be linked
#   mapsan_add_test(NAME maps COMMAND prog)                # fails if mapsan finds a warning or an error
#   mapsan_add_test(NAME double COMMAND prog2 EXPECT munmap-double)   # fails unless it finds exactly that
#   mapsan_add_sweep(NAME failures COMMAND prog)           # fails if the program does not survive that one of its calls fails
#
# For `ctest -T memcheck`, before include(CTest) or after it:
#
#   mapsan_memcheck()
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
#                 [EXPECT <rule>...] [OPTIONS <option of mapsan run>...] [WORKING_DIRECTORY <folder>] [CONFIGURATIONS <name>...]
#                 [TIMEOUT <seconds>] [ENVIRONMENT <name=value>...] [LABELS <label>...] [PROPERTIES <name> <value>...]
#                 [ALLOW_UNCOVERED])
#
# Adds a test that runs the command under mapsan. Without EXPECT it fails if there are findings of warning severity or
# above, or if the command fails; with EXPECT it fails unless exactly these rules are broken. It fails, too, if the program or
# one that it starts can't be checked (it is static, or gets no LD_PRELOAD), unless ALLOW_UNCOVERED is given. Properties of tests
# are those of set_tests_properties.
function(mapsan_add_test)
  cmake_parse_arguments(PARSE_ARGV 0 test "ALLOW_UNCOVERED" "NAME;WORKING_DIRECTORY;TIMEOUT"
                        "COMMAND;EXPECT;OPTIONS;CONFIGURATIONS;ENVIRONMENT;LABELS;PROPERTIES")
  _mapsan_check_arguments(mapsan_add_test EXPECT)
  set(verdict --error-exitcode 86)
  if(test_EXPECT)
    _mapsan_check_rules("${test_NAME}" ${test_EXPECT})
    list(JOIN test_EXPECT "," rules)
    set(verdict --expect "${rules}")
  endif()
  if(NOT test_ALLOW_UNCOVERED)
    list(APPEND verdict --require-coverage)
  endif()
  _mapsan_add(run ${verdict})
endfunction()

# mapsan_add_sweep(NAME <name> COMMAND <program or target> [<argument>...]
#                  [DATABASE <file>] [JOBS <number>] [OPTIONS <option of mapsan sweep>...] [WORKING_DIRECTORY <folder>]
#                  [CONFIGURATIONS <name>...] [TIMEOUT <seconds>] [ENVIRONMENT <name=value>...] [LABELS <label>...]
#                  [PROPERTIES <name> <value>...])
#
# Adds a test that sweeps the command: it runs again and again, and in each run one of its calls fails (docs/sweep.md). The test
# fails if a failure is not survived, and if nothing could be made to fail. With DATABASE only the runs are made that this
# file does not know; a path that is not absolute is meant from the build folder. A file belongs to one command; a script that has
# changed needs a new one. JOBS runs are made at once, one for each core if
# it is not given; for CTest the test takes so many processors.
function(mapsan_add_sweep)
  cmake_parse_arguments(PARSE_ARGV 0 test "" "NAME;DATABASE;JOBS;WORKING_DIRECTORY;TIMEOUT"
                        "COMMAND;OPTIONS;CONFIGURATIONS;ENVIRONMENT;LABELS;PROPERTIES")
  _mapsan_check_arguments(mapsan_add_sweep)
  set(verdict --error-exitcode 86)
  if(DEFINED test_DATABASE)
    get_filename_component(database "${test_DATABASE}" ABSOLUTE BASE_DIR "${CMAKE_CURRENT_BINARY_DIR}")
    list(APPEND verdict --database "${database}")
  endif()
  cmake_host_system_information(RESULT processors QUERY NUMBER_OF_LOGICAL_CORES)
  if(DEFINED test_JOBS)
    set(processors "${test_JOBS}")
    list(APPEND verdict --jobs "${test_JOBS}")
  endif()
  # What it says where it has swept nothing.
  list(PREPEND test_PROPERTIES PROCESSORS "${processors}"
       FAIL_REGULAR_EXPRESSION "mapsan: the program has made none of the calls that can be made to fail")
  _mapsan_add(sweep ${verdict})
endfunction()

# Stops where the arguments of the function, which are in test_NAME and so on, can't be meant so; further words are lists of its own.
function(_mapsan_check_arguments function)
  if(NOT test_NAME OR NOT test_COMMAND)
    message(FATAL_ERROR "${function} needs NAME and COMMAND")
  endif()
  if(test_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "${function} does not know: ${test_UNPARSED_ARGUMENTS}")
  endif()
  if(test_KEYWORDS_MISSING_VALUES)
    message(FATAL_ERROR "${function}(NAME ${test_NAME}): no value stands behind ${test_KEYWORDS_MISSING_VALUES}")
  endif()
  # They would be arguments of the program.
  foreach(list COMMAND OPTIONS ENVIRONMENT LABELS ${ARGN})
    foreach(word IN LISTS test_${list})
      if(word IN_LIST _mapsan_test_properties)
        message(FATAL_ERROR "${function}(NAME ${test_NAME}): ${word} is a property of tests: write PROPERTIES ${word} <value>")
      elseif(word MATCHES "^(EXPECT|ALLOW_UNCOVERED)$")
        message(FATAL_ERROR "${function}(NAME ${test_NAME}): ${function} does not know ${word}")
      endif()
    endforeach()
  endforeach()
endfunction()

# Adds the test of which the arguments are in test_NAME and so on, by that command of mapsan with these options.
function(_mapsan_add command)
  list(GET test_COMMAND 0 program)
  if(TARGET "${program}")
    list(REMOVE_AT test_COMMAND 0)
    list(INSERT test_COMMAND 0 "$<TARGET_FILE:${program}>")
  endif()
  set(configurations)
  if(test_CONFIGURATIONS)
    set(configurations CONFIGURATIONS ${test_CONFIGURATIONS})
  endif()
  add_test(NAME "${test_NAME}" ${configurations}
           COMMAND "${MAPSAN_COMMAND}" "${command}" ${ARGN} ${test_OPTIONS} -- ${test_COMMAND})
  foreach(property IN ITEMS WORKING_DIRECTORY TIMEOUT ENVIRONMENT LABELS)
    if(DEFINED test_${property})
      set_property(TEST "${test_NAME}" PROPERTY ${property} "${test_${property}}")
    endif()
  endforeach()
  if(test_PROPERTIES)
    set_tests_properties("${test_NAME}" PROPERTIES ${test_PROPERTIES})
  endif()
  set_property(GLOBAL PROPERTY MAPSAN_HAS_TESTS TRUE)
endfunction()

# Stops at a word that is no rule; the command knows what was meant.
function(_mapsan_check_rules test)
  foreach(rule IN LISTS ARGN)
    set(why "'${rule}' is no name of a rule")
    set(status 1)
    if(rule MATCHES "^[a-z]+(-[a-z]+)+$")
      execute_process(COMMAND "${MAPSAN_COMMAND}" explain "${rule}" RESULT_VARIABLE status ERROR_VARIABLE why OUTPUT_QUIET)
    endif()
    if(NOT status EQUAL 0)
      message(FATAL_ERROR "mapsan_add_test(NAME ${test} EXPECT ${rule}): ${why}")
    endif()
  endforeach()
endfunction()

# The properties of tests that have no word of their own in mapsan_add_test.
set(_mapsan_test_properties
    ATTACHED_FILES ATTACHED_FILES_ON_FAIL COST DEPENDS DISABLED ENVIRONMENT_MODIFICATION FAIL_REGULAR_EXPRESSION FIXTURES_CLEANUP
    FIXTURES_REQUIRED FIXTURES_SETUP MEASUREMENT PASS_REGULAR_EXPRESSION PROCESSORS PROCESSOR_AFFINITY REQUIRED_FILES
    RESOURCE_GROUPS RESOURCE_LOCK RUN_SERIAL SKIP_REGULAR_EXPRESSION SKIP_RETURN_CODE TIMEOUT_AFTER_MATCH
    TIMEOUT_SIGNAL_GRACE_PERIOD TIMEOUT_SIGNAL_NAME WILL_FAIL)

# mapsan_memcheck()
#
# Makes `ctest -T memcheck` run each test under mapsan, whether include(CTest) comes before or after it.
macro(mapsan_memcheck)
  set(MEMORYCHECK_COMMAND "${MAPSAN_MEMCHECK_COMMAND}" CACHE FILEPATH "the memory checker of ctest -T memcheck" FORCE)
  set(MEMORYCHECK_COMMAND "${MAPSAN_MEMCHECK_COMMAND}")
  set(MEMORYCHECK_TYPE CudaSanitizer CACHE STRING "the kind of the memory checker" FORCE)
  set(MEMORYCHECK_TYPE CudaSanitizer)
  set_property(GLOBAL PROPERTY MAPSAN_IS_MEMCHECK TRUE)
  _mapsan_set_memcheck()
endmacro()

# Writes what include(CTest) has written of other values.
function(_mapsan_set_memcheck)
  set(file "${PROJECT_BINARY_DIR}/DartConfiguration.tcl")
  if(NOT EXISTS "${file}")
    return()
  endif()
  file(READ "${file}" before)
  set(text "${before}")
  string(REGEX REPLACE "\nMemoryCheckCommand:[^\n]*" "\nMemoryCheckCommand: ${MAPSAN_MEMCHECK_COMMAND}" text "${text}")
  string(REGEX REPLACE "\nMemoryCheckType:[^\n]*" "\nMemoryCheckType: CudaSanitizer" text "${text}")
  if(NOT text STREQUAL before)
    file(WRITE "${file}" "${text}")
  endif()
endfunction()

# At the end, when all is set: what would go wrong in silence.
function(_mapsan_check_project)
  get_property(has_tests GLOBAL PROPERTY MAPSAN_HAS_TESTS)
  if(has_tests AND NOT CMAKE_TESTING_ENABLED AND NOT (DEFINED BUILD_TESTING AND NOT BUILD_TESTING))
    message(WARNING "mapsan has added tests, and CTest will run no tests: call enable_testing() or include(CTest) in "
                    "${CMAKE_SOURCE_DIR}/CMakeLists.txt")
  endif()
  get_property(is_memcheck GLOBAL PROPERTY MAPSAN_IS_MEMCHECK)
  set(file "${PROJECT_BINARY_DIR}/DartConfiguration.tcl")
  if(is_memcheck)
    _mapsan_set_memcheck()
  elseif(MEMORYCHECK_COMMAND STREQUAL MAPSAN_MEMCHECK_COMMAND AND EXISTS "${file}")
    file(READ "${file}" text)
    string(FIND "${text}" "\nMemoryCheckCommand: ${MAPSAN_MEMCHECK_COMMAND}\n" command)
    string(FIND "${text}" "\nMemoryCheckType: CudaSanitizer\n" type)
    if(command EQUAL -1 OR type EQUAL -1)
      message(SEND_ERROR "MEMORYCHECK_COMMAND or MEMORYCHECK_TYPE (CudaSanitizer) was not set when include(CTest) read them, so "
                         "that 'ctest -T memcheck' would not check by mapsan: call mapsan_memcheck() in place of setting them")
    endif()
  endif()
endfunction()
get_property(_mapsan_checks_project GLOBAL PROPERTY MAPSAN_CHECKS_PROJECT)
if(NOT _mapsan_checks_project AND NOT CMAKE_VERSION VERSION_LESS 3.19)
  set_property(GLOBAL PROPERTY MAPSAN_CHECKS_PROJECT TRUE)
  cmake_language(DEFER DIRECTORY "${CMAKE_SOURCE_DIR}" CALL _mapsan_check_project)
endif()
