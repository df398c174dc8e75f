#pragma once
// The one place that includes libpqxx (tests/unit/style_test.py holds that), for its headers are not the same to
// everybody: those of 7.7 to 7.9 give exceptions another layout and other constructors where the including source has
// std::source_location. Distributions build the library as C++17, without it. Seen with it, the headers declare what
// the library does not have, and parts of one program would disagree. So it is hidden from them.
#include <source_location>
#include <version>

#pragma push_macro("__cpp_lib_source_location")
#undef __cpp_lib_source_location
#include <pqxx/pqxx>
#include <pqxx/stream_to>
#pragma pop_macro("__cpp_lib_source_location")
