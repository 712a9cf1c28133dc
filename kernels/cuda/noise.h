// Counter-based noise: a number depends on seed, zone, sample and lane only; the formulas stand in
// engines/voice/noise.py (SplitMix64's finalizer, Box-Muller).
#pragma once

#include "portable.h"

namespace synchresis {

using Word = unsigned long long;

// Standard normal numbers. One thread per pair of lanes.
struct Noise {
  static constexpr int THREADS = 128, PHASES = 1;
  static constexpr Word GOLDEN = 0x9E3779B97F4A7C15ull;
  static constexpr Word M1 = 0xBF58476D1CE4E5B9ull, M2 = 0x94D049BB133111EBull;
  using Shared = Nothing;

  const Word* seed;     // [1], of the whole performance
  const Word* numbers;  // [zones], number of each zone
  const Word* samples;  // [zones], absolute index of each zone's sample
  float* out;           // [zones, width]
  int zones;
  int width;

  HD static Word mix(Word value) {
    value = (value ^ (value >> 30)) * M1;
    value = (value ^ (value >> 27)) * M2;
    return value ^ (value >> 31);
  }

  // Uniform, above 0, at most 1, with 24 bits.
  HD static double unit(Word key, Word lane) {
    return (double(mix(key + lane * GOLDEN) >> 40) + 1.0) / 16777216.0;
  }

  HD Word key(int zone) const {
    Word key = mix(seed[0] * GOLDEN + 1);
    key = mix(key ^ (numbers[zone] * M1 + 1));
    return mix(key ^ (samples[zone] * M2 + 1));
  }

  template <int P>
  HD void phase(Shared&, Place place) const {
    const int pairs = (width + 1) / 2, i = place.block * THREADS + place.thread;
    if (i >= zones * pairs) return;
    const int zone = i / pairs, lane = i % pairs * 2;
    const Word drawn = key(zone);
    const double radius = sqrt(-2.0 * log(unit(drawn, Word(lane))));
    const double angle = 2.0 * 3.14159265358979323846 * unit(drawn, Word(lane + 1));
    out[zone * width + lane] = float(radius * cos(angle));
    if (lane + 1 < width) out[zone * width + lane + 1] = float(radius * sin(angle));
  }
};

}  // namespace synchresis
