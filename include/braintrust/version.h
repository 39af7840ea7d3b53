#pragma once

// The version of Braintrust C++, kept here once; CMake and the package files read it from this header.

#define BRAINTRUST_VERSION_MAJOR 0
#define BRAINTRUST_VERSION_MINOR 1
#define BRAINTRUST_VERSION_PATCH 0
#define BRAINTRUST_VERSION "0.1.0"
