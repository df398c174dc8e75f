# Everything comes from the distribution's packages (scripts/packages names them); nothing is downloaded.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenSSL 3.0 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_package(prometheus-cpp CONFIG REQUIRED COMPONENTS core)
find_package(Boost 1.81 REQUIRED)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(libpqxx REQUIRED IMPORTED_TARGET libpqxx)
pkg_check_modules(utf8proc REQUIRED IMPORTED_TARGET libutf8proc)
pkg_check_modules(librabbitmq REQUIRED IMPORTED_TARGET librabbitmq)
pkg_check_modules(rdkafka REQUIRED IMPORTED_TARGET rdkafka)

# Boost is used through headers alone: Asio, Beast and System.
add_library(flashsale_boost INTERFACE)
target_link_libraries(flashsale_boost INTERFACE Boost::headers Threads::Threads)
target_compile_definitions(flashsale_boost INTERFACE BOOST_ASIO_NO_DEPRECATED)

find_path(TOMLPLUSPLUS_INCLUDE_DIR toml++/toml.h REQUIRED)
add_library(tomlplusplus_headers INTERFACE)
target_include_directories(tomlplusplus_headers SYSTEM INTERFACE ${TOMLPLUSPLUS_INCLUDE_DIR})
