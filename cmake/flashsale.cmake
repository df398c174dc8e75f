# What turns a mistake into an end of the process rather than into somebody's program: for a server that reads what
# strangers send. tests/integration/hardening_test.py looks at what comes out.
add_library(flashsale_hardening INTERFACE)
target_compile_options(flashsale_hardening INTERFACE -fstack-protector-strong -fPIE)
target_compile_definitions(flashsale_hardening INTERFACE _GLIBCXX_ASSERTIONS)
target_link_options(flashsale_hardening INTERFACE -pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
include(CheckCXXCompilerFlag)
foreach(flag IN ITEMS -fstack-clash-protection -fcf-protection=full)
  string(MAKE_C_IDENTIFIER "FLASHSALE_HAS${flag}" has_flag)
  check_cxx_compiler_flag(${flag} ${has_flag})
  if(${has_flag})
    target_compile_options(flashsale_hardening INTERFACE ${flag})
  endif()
endforeach()
# Level 3 came with GCC 12; releases define one themselves. It takes optimisation.
target_compile_options(flashsale_hardening INTERFACE
  $<$<CONFIG:Release,RelWithDebInfo>:-U_FORTIFY_SOURCE> $<$<CONFIG:Release,RelWithDebInfo>:-D_FORTIFY_SOURCE=3>)

# Compiler options that every target of the project shares.
add_library(flashsale_options INTERFACE)
target_compile_options(flashsale_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  $<$<BOOL:${FLASHSALE_WERROR}>:-Werror>
  # False alarms of GCC 12 in Boost and libstdc++ templates.
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete>
  -fno-omit-frame-pointer)
target_compile_definitions(flashsale_options INTERFACE FLASHSALE_VERSION="${PROJECT_VERSION}")
target_link_libraries(flashsale_options INTERFACE flashsale_hardening)
if(FLASHSALE_SANITIZE)
  target_compile_options(flashsale_options INTERFACE -fsanitize=${FLASHSALE_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(flashsale_options INTERFACE -fsanitize=${FLASHSALE_SANITIZE})
  if(FLASHSALE_SANITIZE STREQUAL "thread")
    target_compile_options(flashsale_options INTERFACE $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  endif()
endif()
find_program(MOLD mold)
if(MOLD AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  target_link_options(flashsale_options INTERFACE -fuse-ld=mold)
endif()
find_program(CCACHE ccache)
if(CCACHE)
  # Presets share what is alike in them: the name of the build directory is no reason to compile again.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_NOHASHDIR=1 ${CCACHE})
endif()

# flashsale_module(name DEPENDS …): static library flashsale_<name> of src/<name>/*.cpp.
function(flashsale_module name)
  cmake_parse_arguments(module "" "" "DEPENDS" ${ARGN})
  file(GLOB sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  add_library(flashsale_${name} STATIC ${sources})
  target_include_directories(flashsale_${name} PUBLIC ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(flashsale_${name} PUBLIC ${module_DEPENDS} PRIVATE flashsale_options)
endfunction()

# flashsale_embed(target name namespace glob...): one set of files of a module. Each matching file becomes
#   extern const std::string_view <namespace>::<its name with . and - as _>, declared in embedded/<name>.hpp
# and all of them stand in <namespace>::files (name, text), sorted by folder and name. A module may have several sets;
# their names begin with the target's, and each has a namespace of its own.
function(flashsale_embed target name namespace)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/ OUTPUT_VARIABLE globs)
  file(GLOB files CONFIGURE_DEPENDS ${globs})
  set(header ${PROJECT_BINARY_DIR}/embedded/${name}.hpp)
  set(source ${PROJECT_BINARY_DIR}/embedded/${name}.cpp)
  add_custom_command(
    OUTPUT ${header} ${source}
    COMMAND ${CMAKE_COMMAND} -DNAMESPACE=${namespace} "-DFILES=${files}" -DHEADER=${header} -DSOURCE=${source}
            -P ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${files} ${PROJECT_SOURCE_DIR}/cmake/embed.cmake
    VERBATIM)
  target_sources(${target} PRIVATE ${source} ${header})
  target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR})
endfunction()
