// From the displacements to what the motion engine reads: residual, camera motion, scaled fields.
#pragma once

#include "picture.h"

namespace synchresis {

// Displacement in pixels of the analysed picture, and how much each cell changed. One thread per
// cell; a cell has SIDE x SIDE pixels on the level it is measured on.
struct Measure {
  static constexpr int THREADS = 64, PHASES = 1, SIDE = 4;
  using Shared = Nothing;

  Picture earlier;      // on the level where a cell has SIDE pixels
  Picture later;
  const float* found;   // [2, rows, cols], pixels of the finest level searched
  float* displacement;  // [2, rows, cols], pixels of the analysed picture
  float* residual;      // [rows, cols], mean |later(x + d) - earlier(x)|, grey 0 to 1
  float* difference;    // [rows, cols], mean |later(x) - earlier(x)|, grey 0 to 1
  int rows;
  int cols;
  float scale;          // pixels of the analysed picture in one of the finest level
  float share;          // pixels of the measured level in one of the analysed picture

  template <int P>
  HD void phase(Shared&, Place place) const {
    const int cell = place.block * THREADS + place.thread, cells = rows * cols;
    if (cell >= cells) return;
    const float u = scale * found[cell], v = scale * found[cells + cell];
    float moved = 0, still = 0;
    for (int i = 0; i < SIDE * SIDE; ++i) {
      const int y = cell / cols * SIDE + i / SIDE, x = cell % cols * SIDE + i % SIDE;
      const float was = earlier.at(y, x);
      moved += fabsf(later.sample(float(y) + share * v, float(x) + share * u) - was);
      still += fabsf(later.at(y, x) - was);
    }
    displacement[cell] = u;
    displacement[cells + cell] = v;
    residual[cell] = moved / (SIDE * SIDE * 255.0f);
    difference[cell] = still / (SIDE * SIDE * 255.0f);
  }
};

// Affine motion of the camera: least squares over all cells, six times, cells that go elsewhere
// counting less and less. One block; each round sums 12 products over the cells in three phases.
struct FitMotion {
  static constexpr int THREADS = 192, ROUNDS = 6, PHASES = 3 * ROUNDS + 1;
  static constexpr int SUMS = 12, GROUP = 16;
  static constexpr float CONFIDENT = 4.0f, DOUBT = 0.01f;
  static_assert(THREADS == SUMS * GROUP, "in the second phase each thread sums a sixteenth");

  const float* displacement;  // [2, rows, cols], pixels
  const float* trust;         // [rows, cols]
  float* motion;              // [6], pixels; x and y from -1/2 to 1/2 across the picture
  int rows;
  int cols;
  float per_pixel;            // 320 / width

  struct Shared {
    float part[SUMS][THREADS];  // of one thread
    float group[SUMS][GROUP];   // of a sixteenth of the threads
    float sum[SUMS];            // w, wx, wy, wxx, wxy, wyy; wu, wux, wuy; wv, wvx, wvy
  };

  struct Affine {
    float of[2][3];  // axis, then constant, x and y
  };

  // Solve the symmetric 3 x 3 equations for both axes.
  HD static Affine solved(const float* s) {
    const double a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5];
    const double aa = d * f - e * e, ab = c * e - b * f, ac = b * e - c * d;
    const double bb = a * f - c * c, bc = b * c - a * e, cc = a * d - b * b;
    const double inverse = 1.0 / (a * aa + b * ab + c * ac);
    Affine found;
    for (int axis = 0; axis < 2; ++axis) {
      const double p = s[6 + 3 * axis], q = s[7 + 3 * axis], r = s[8 + 3 * axis];
      found.of[axis][0] = float((aa * p + ab * q + ac * r) * inverse);
      found.of[axis][1] = float((ab * p + bb * q + bc * r) * inverse);
      found.of[axis][2] = float((ac * p + bc * q + cc * r) * inverse);
    }
    return found;
  }

  // Deviation, in pixels at a width of 320, at which a cell counts a quarter, after each round.
  HD static float deviation(int round) {
    return round == 0 ? 8.0f : round == 1 ? 4.0f : round == 2 ? 2.0f : round == 3 ? 1.0f : 0.5f;
  }

  HD float weight(int round, int cell, float x, float y, const Affine& fitted) const {
    const float confidence = trust[cell] / (trust[cell] + CONFIDENT) + DOUBT;
    if (round == 0) return confidence;
    const float(&m)[2][3] = fitted.of;
    const float du = displacement[cell] - (m[0][0] + m[0][1] * x + m[0][2] * y);
    const float dv = displacement[rows * cols + cell] - (m[1][0] + m[1][1] * x + m[1][2] * y);
    const float scale = per_pixel / deviation(round - 1);
    const float away = 1.0f + (du * du + dv * dv) * scale * scale;
    return confidence / (away * away);
  }

  HD void gather(Shared& s, int thread, int round) const {
    const Affine fitted = round == 0 ? Affine{} : solved(s.sum);
    float sums[SUMS] = {};
    for (int cell = thread; cell < rows * cols; cell += THREADS) {
      const float x = (float(cell % cols) + 0.5f) / float(cols) - 0.5f;
      const float y = (float(cell / cols) + 0.5f) / float(rows) - 0.5f;
      const float w = weight(round, cell, x, y, fitted);
      const float u = w * displacement[cell], v = w * displacement[rows * cols + cell];
      const float products[SUMS] = {w, w * x, w * y, w * x * x, w * x * y, w * y * y,
                                    u, u * x, u * y, v,         v * x,     v * y};
      for (int i = 0; i < SUMS; ++i) sums[i] += products[i];
    }
    for (int i = 0; i < SUMS; ++i) s.part[i][thread] = sums[i];
  }

  HD void merge(Shared& s, int thread) const {
    const int sum = thread / GROUP, group = thread % GROUP;
    float total = 0;
    for (int i = group; i < THREADS; i += GROUP) total += s.part[sum][i];
    s.group[sum][group] = total;
  }

  HD void total(Shared& s, int thread) const {
    if (thread >= SUMS) return;
    float total = 0;
    for (int i = 0; i < GROUP; ++i) total += s.group[thread][i];
    s.sum[thread] = total;
  }

  template <int P>
  HD void phase(Shared& s, Place place) const {
    constexpr int round = P / 3;
    if constexpr (P == 3 * ROUNDS) {
      write(s, place.thread);
    } else if constexpr (P % 3 == 0) {
      gather(s, place.thread, round);
    } else if constexpr (P % 3 == 1) {
      merge(s, place.thread);
    } else {
      total(s, place.thread);
    }
  }

  HD void write(const Shared& s, int thread) const {
    if (thread > 0) return;
    const Affine found = solved(s.sum);
    for (int i = 0; i < 6; ++i) motion[i] = found.of[i / 3][i % 3];
  }
};

// What a frame brings besides its pixels; lies beside them in one upload.
struct FrameFacts {
  float dt_s;    // since the frame before
  float tau_s;   // lookahead
  float fresh;   // 1 where there is no frame before: nothing moves
  float aspect;  // height over width of the picture as shown
};

// Fields per second in picture widths, and the motion engine's inputs. One thread per network pixel.
struct Describe {
  static constexpr int THREADS = 256, PHASES = 1;
  using Shared = Nothing;

  const unsigned char* grey;   // [2 net_height, 2 net_width]
  const FrameFacts* facts;
  const float* displacement;   // [2, rows, cols], pixels
  const float* residual;       // [rows, cols]
  const float* difference;     // [rows, cols]
  const float* motion;         // [6], pixels
  float* field_flow;           // [2, rows, cols], picture widths per second
  float* field_residual;       // [rows, cols]
  float* field_difference;     // [rows, cols]
  float* field_motion;         // [6], picture widths per second
  float* net_pixels;           // [net_height, net_width], 0 to 1; null: no engine inputs
  float* net_flow;             // [4, rows, cols]: flow less camera motion, residual, difference
  float* net_timing;           // [8]: dt, tau, camera motion
  int width;
  int height;
  int rows;
  int cols;

  HD void pixel(int i) const {
    const int half = width / 2;
    const unsigned char* corner = grey + (i / half) * 2 * width + (i % half) * 2;
    const int sum = corner[0] + corner[1] + corner[width] + corner[width + 1];
    net_pixels[i] = float((sum + 2) / 4) * (1.0f / 255.0f);
  }

  // Picture widths per second in one pixel per frame, along x (0) or y (1).
  HD float per_second(int axis) const {
    if (facts->fresh != 0) return 0.0f;
    const float widths = axis ? facts->aspect / float(height) : 1.0f / float(width);
    return widths / facts->dt_s;
  }

  HD void cell(int i) const {
    const int cells = rows * cols;
    const float x = (float(i % cols) + 0.5f) / float(cols) - 0.5f;
    const float y = (float(i / cols) + 0.5f) / float(rows) - 0.5f;
    const float kept = facts->fresh != 0 ? 0.0f : 1.0f;
    for (int axis = 0; axis < 2; ++axis) {
      const float* m = motion + 3 * axis;
      const float d = displacement[axis * cells + i], rate = per_second(axis);
      field_flow[axis * cells + i] = d * rate;
      if (net_flow) net_flow[axis * cells + i] = (d - (m[0] + m[1] * x + m[2] * y)) * rate;
    }
    field_residual[i] = kept * residual[i];
    field_difference[i] = kept * difference[i];
    if (net_flow) {
      net_flow[2 * cells + i] = kept * residual[i];
      net_flow[3 * cells + i] = kept * difference[i];
    }
  }

  HD void facts_of(int i) const {
    const float value = i < 2 ? (i ? facts->tau_s : facts->dt_s)
                              : motion[i - 2] * per_second(i < 5 ? 0 : 1);
    if (i >= 2) field_motion[i - 2] = value;
    if (net_timing) net_timing[i] = value;
  }

  template <int P>
  HD void phase(Shared&, Place place) const {
    const int i = place.block * THREADS + place.thread;
    if (net_pixels && i < (width / 2) * (height / 2)) pixel(i);
    if (i < rows * cols) cell(i);
    if (i < 8) facts_of(i);
  }
};

}  // namespace synchresis
