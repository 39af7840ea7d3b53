#pragma once

// Which sanitizer this is compiled for, as 0 or 1: GCC defines a name for each, Clang answers a question.

#if defined(__has_feature)
#define BRAINTRUST_TEST_HAS(feature) __has_feature(feature)
#else
#define BRAINTRUST_TEST_HAS(feature) 0
#endif

#if defined(__SANITIZE_ADDRESS__) || BRAINTRUST_TEST_HAS(address_sanitizer)
#define BRAINTRUST_ADDRESS_SANITIZED 1
#else
#define BRAINTRUST_ADDRESS_SANITIZED 0
#endif

#if defined(__SANITIZE_THREAD__) || BRAINTRUST_TEST_HAS(thread_sanitizer)
#define BRAINTRUST_THREAD_SANITIZED 1
#else
#define BRAINTRUST_THREAD_SANITIZED 0
#endif
