// Pictures of the pyramid: how they are made and how they are read.
#pragma once

#include "portable.h"

namespace synchresis {

HD int clamped(int value, int low, int high) {
  return value < low ? low : value > high ? high : value;
}

HD float clamped(float value, float low, float high) { return fminf(fmaxf(value, low), high); }

// float[height, width], grey levels 0 to 255; outside it its nearest pixel is seen.
struct Picture {
  const float* pixels;
  int height;
  int width;

  HD float at(int y, int x) const {
    return pixels[clamped(y, 0, height - 1) * width + clamped(x, 0, width - 1)];
  }

  HD float sample(float y, float x) const {
    y = clamped(y, 0.0f, float(height - 1));
    x = clamped(x, 0.0f, float(width - 1));
    const int top = clamped(int(y), 0, height - 2), left = clamped(int(x), 0, width - 2);
    const float* corner = pixels + top * width + left;
    y -= float(top);
    x -= float(left);
    const float upper = corner[0] * (1 - x) + corner[1] * x;
    const float lower = corner[width] * (1 - x) + corner[width + 1] * x;
    return upper * (1 - y) + lower * y;
  }
};

// One level of the pyramid: the picture there was becomes the one before, then the new one is made
// of SIZE x SIZE means of `source`. One thread per pixel.
template <class Source, int SIZE>
struct Shrink {
  static constexpr int THREADS = 256, PHASES = 1;
  using Shared = Nothing;

  const Source* source;  // [height * SIZE, width * SIZE]
  float* now;            // [height, width]
  float* before;         // [height, width]
  int height;
  int width;

  template <int P>
  HD void phase(Shared&, Place place) const {
    const int i = place.block * THREADS + place.thread;
    if (i >= height * width) return;
    const Source* corner = source + (i / width) * SIZE * (width * SIZE) + (i % width) * SIZE;
    float sum = 0;
    for (int y = 0; y < SIZE; ++y) {
      for (int x = 0; x < SIZE; ++x) sum += float(corner[y * width * SIZE + x]);
    }
    before[i] = now[i];
    now[i] = sum / (SIZE * SIZE);
  }
};

}  // namespace synchresis
