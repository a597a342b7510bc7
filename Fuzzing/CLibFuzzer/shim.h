#pragma once
#include <stddef.h>
#include <stdint.h>

// libFuzzer's entry point for programs with a main function of their own (https://llvm.org/docs/LibFuzzer.html, "Using
// libFuzzer as a library"). LLVM comes without a header for it.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*callback)(const uint8_t *data, size_t size));
