// Replaces a text in all records of a segment by another one of the same length, and mends the
// checksums: rewrite_log SEGMENT FROM TO. The bytes of a segment are drawn in
// src/estadio/log/block.h.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum { kSegmentHeaderBytes = 8192, kSeedAt = 64, kHeaderBytes = 32, kChecksummedAt = 16 };

int main(int count, char** arguments) {
  if (count != 4 || strlen(arguments[2]) != strlen(arguments[3])) return 2;
  FILE* file = fopen(arguments[1], "r+b");
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) return 2;
  const size_t bytes = (size_t)ftell(file);
  char* segment = malloc(bytes);
  rewind(file);
  if (segment == NULL || fread(segment, 1, bytes, file) != bytes) return 2;
  uint64_t seed = 0;
  memcpy(&seed, segment + kSeedAt, sizeof seed);
  const size_t length = strlen(arguments[2]);
  int changed = 0;
  uint32_t size = 0;
  for (size_t at = kSegmentHeaderBytes; at + kHeaderBytes < bytes; at += size) {
    memcpy(&size, segment + at + 4, sizeof size);
    if (size < kHeaderBytes || at + size > bytes) break;  // zeros: the end
    for (size_t i = at + kHeaderBytes; i + length <= at + size; ++i) {
      if (memcmp(segment + i, arguments[2], length) != 0) continue;
      memcpy(segment + i, arguments[3], length);
      ++changed;
    }
    const uint64_t checksum =
        XXH3_64bits_withSeed(segment + at + kChecksummedAt, size - kChecksummedAt, seed);
    memcpy(segment + at + 8, &checksum, sizeof checksum);
  }
  rewind(file);
  if (fwrite(segment, 1, bytes, file) != bytes || fclose(file) != 0) return 2;
  return changed > 0 ? 0 : 1;
}
