// An unmodified program: curl_program CASE PROVIDER
#include "auto/curl_cases.h"

int main(int argc, char** argv) { return argc == 3 ? run_curl_case(argv[1], argv[2]) : 2; }
