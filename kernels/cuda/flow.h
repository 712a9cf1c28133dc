// Dense inverse search of the optical flow; the formulas stand in kernels/flow/reference.py.
//
// `Search` does one iteration of one level. A block owns 8 x 8 patches. What they need from their
// neighbours (one ring for the shared equations, one for each sweep of the coupling but the last)
// it computes itself over 16 x 16 patches, one per thread, so that blocks meet only between
// launches.
#pragma once

#include "picture.h"

namespace synchresis {

struct Pair {
  float x;
  float y;
};

template <int PATCH>
struct Search {
  static constexpr int TILE = 8, RING = 4, REGION = TILE + 2 * RING;
  static constexpr int THREADS = REGION * REGION, PHASES = 7;
  static constexpr float NOISE = 2.0f, PRIOR = 0.5f, LARGEST_STEP = 2.0f, STILL_BIAS = 0.8f;

  Picture earlier;     // the picture before, on this level
  Picture later;       // the new picture
  const float* coarse; // [2, coarse_rows, coarse_cols] found on the level before, or null
  const float* from;   // [2, rows, cols] of the iteration before; unused in a level's first
  float* start;        // [2, rows, cols] where the level starts; written by its first iteration
  float* to;           // [2, rows, cols]
  float* trust;        // [rows, cols], stand-in for the smaller eigenvalue of a cell's equations
  int rows;
  int cols;
  int coarse_rows;
  int coarse_cols;
  int stride;          // pixels from patch to patch; a patch has PATCH along its side
  int first;           // whether this is the level's first iteration
  int tries_still;     // whether standing still is tried at the level's start
  float scale;         // pixels of this level in one of the level before
  float coupling;
  float reach;

  // What a patch says about its displacement, times how well it fits.
  struct Equations {
    float fit;
    float xx, xy, yy;     // squares of slopes
    float slope_x, slope_y;
    float pull_x, pull_y;
    float offset;
  };

  struct Shared {
    Equations said[THREADS];
    Pair d[THREADS];        // before the iteration
    Pair swept[2][THREADS];
    Pair anchor[THREADS];   // the level's start
    Pair right[THREADS];
    float matrix[3][THREADS];
    float weight[8][THREADS];  // of the neighbours, row by row without the middle
    float own_trust[THREADS];
  };

  struct Cell {
    int row;
    int col;
    bool inside;
  };

  HD Cell cell(Place place) const {
    const int tiles = (cols + TILE - 1) / TILE;
    const int row = place.block / tiles * TILE - RING + place.thread / REGION;
    const int col = place.block % tiles * TILE - RING + place.thread % REGION;
    return {row, col, row >= 0 && row < rows && col >= 0 && col < cols};
  }

  // Whether a thread's patch stands at least `margin` inside the block's region.
  HD static bool within(int thread, int margin) {
    const int row = thread / REGION, col = thread % REGION;
    return row >= margin && row < REGION - margin && col >= margin && col < REGION - margin;
  }

  HD Pair read(const float* field, int row, int col, int height, int width) const {
    const int i = clamped(row, 0, height - 1) * width + clamped(col, 0, width - 1);
    return {field[i], field[height * width + i]};
  }

  HD void write(float* field, Cell at, Pair value) const {
    field[at.row * cols + at.col] = value.x;
    field[rows * cols + at.row * cols + at.col] = value.y;
  }

  // Displacement found on the level before, in pixels of this one, between its cells where this
  // grid is twice as fine: three quarters the own old cell, a quarter the nearest.
  HD Pair inherited(Cell at) const {
    if (coarse == nullptr) return {0, 0};
    if (coarse_rows == rows) {
      const Pair own = read(coarse, at.row, at.col, rows, cols);
      return {scale * own.x, scale * own.y};
    }
    const int row = at.row / 2, col = at.col / 2;
    const int next_row = at.row % 2 ? row + 1 : row - 1, next_col = at.col % 2 ? col + 1 : col - 1;
    const Pair a = read(coarse, row, col, coarse_rows, coarse_cols);
    const Pair b = read(coarse, next_row, col, coarse_rows, coarse_cols);
    const Pair c = read(coarse, row, next_col, coarse_rows, coarse_cols);
    const Pair d = read(coarse, next_row, next_col, coarse_rows, coarse_cols);
    return {scale * (0.75f * (0.75f * a.x + 0.25f * b.x) + 0.25f * (0.75f * c.x + 0.25f * d.x)),
            scale * (0.75f * (0.75f * a.y + 0.25f * b.y) + 0.25f * (0.75f * c.y + 0.25f * d.y))};
  }

  HD int corner(int index) const { return stride * index - (PATCH - stride) / 2; }

  HD float variance(Cell at, Pair d) const {
    float sum = 0, squares = 0;
    UNROLL for (int i = 0; i < PATCH * PATCH; ++i) {
      const int y = corner(at.row) + i / PATCH, x = corner(at.col) + i % PATCH;
      const float r = later.sample(float(y) + d.y, float(x) + d.x) - earlier.at(y, x);
      sum += r;
      squares += r * r;
    }
    const float mean = sum / float(PATCH * PATCH);
    return squares / float(PATCH * PATCH) - mean * mean;
  }

  HD Pair begin(Cell at) const {
    const Pair found = inherited(at);
    if (!tries_still) return found;
    const bool still = STILL_BIAS * variance(at, {0, 0}) < variance(at, found);
    return still ? Pair{0, 0} : found;
  }

  HD Equations ask(Cell at, Pair d) const {
    float r_sum = 0, rr = 0, xx = 0, xy = 0, yy = 0, sx = 0, sy = 0, xr = 0, yr = 0;
    UNROLL for (int i = 0; i < PATCH * PATCH; ++i) {
      const int row = corner(at.row) + i / PATCH, col = corner(at.col) + i % PATCH;
      const int y = clamped(row, 0, earlier.height - 1), x = clamped(col, 0, earlier.width - 1);
      const float gx = 0.5f * (earlier.at(y, x + 1) - earlier.at(y, x - 1));
      const float gy = 0.5f * (earlier.at(y + 1, x) - earlier.at(y - 1, x));
      const float r = later.sample(float(row) + d.y, float(col) + d.x) - earlier.at(y, x);
      r_sum += r;
      rr += r * r;
      xx += gx * gx;
      xy += gx * gy;
      yy += gy * gy;
      sx += gx;
      sy += gy;
      xr += gx * r;
      yr += gy * r;
    }
    const float n = 1.0f / float(PATCH * PATCH);
    const float mean = r_sum * n;
    const float fit = NOISE * NOISE / (rr * n - mean * mean + NOISE * NOISE);
    const float pull_x = (xx * d.x + xy * d.y - xr) * n, pull_y = (xy * d.x + yy * d.y - yr) * n;
    const float offset = (sx * d.x + sy * d.y) * n - mean;
    const float w = fit * n;
    return {fit,    w * xx,       w * xy,       w * yy,      w * sx,
            w * sy, fit * pull_x, fit * pull_y, fit * offset};
  }

  HD void listen(Shared& s, Place place) const {
    const Cell at = cell(place);
    const int t = place.thread;
    s.said[t] = {};
    s.d[t] = s.anchor[t] = s.swept[0][t] = s.swept[1][t] = {0, 0};
    if (!at.inside) return;
    const Pair begun = first ? begin(at) : read(start, at.row, at.col, rows, cols);
    const Pair d = first ? begun : read(from, at.row, at.col, rows, cols);
    s.anchor[t] = begun;
    s.d[t] = s.swept[0][t] = d;
    s.said[t] = ask(at, d);
  }

  // How much a neighbour counts: less the further it stands and the less it moves alike.
  HD float likeness(const Shared& s, int t, int near, int row, int col) const {
    const float bell = float((row == 0 ? 2 : 1) * (col == 0 ? 2 : 1)) / 16.0f;
    const float dx = s.d[near].x - s.d[t].x, dy = s.d[near].y - s.d[t].y;
    return bell / (1.0f + (dx * dx + dy * dy) / (reach * reach));
  }

  HD void add(Equations& sum, float weight, const Equations& one) const {
    sum.fit += weight * one.fit;
    sum.xx += weight * one.xx;
    sum.xy += weight * one.xy;
    sum.yy += weight * one.yy;
    sum.slope_x += weight * one.slope_x;
    sum.slope_y += weight * one.slope_y;
    sum.pull_x += weight * one.pull_x;
    sum.pull_y += weight * one.pull_y;
    sum.offset += weight * one.offset;
  }

  HD void share(Shared& s, Place place) const {
    const Cell at = cell(place);
    const int t = place.thread;
    if (!at.inside || !within(t, 1)) return;
    Equations sum = {};
    float pulling = 0;
    for (int i = 0; i < 9; ++i) {
      const int row = i / 3 - 1, col = i % 3 - 1, near = t + row * REGION + col;
      const bool there = at.row + row >= 0 && at.row + row < rows && at.col + col >= 0 &&
                         at.col + col < cols;
      const float weight = there ? likeness(s, t, near, row, col) : 0.0f;
      if (there) add(sum, weight, s.said[near]);
      if (i == 4) continue;
      s.weight[i < 4 ? i : i - 1][t] = coupling * weight;
      pulling += coupling * weight;
    }
    solve(s, t, sum, pulling);
  }

  // Eliminate the common change of brightness and prepare the sweeps.
  HD void solve(Shared& s, int t, const Equations& sum, float pulling) const {
    const float xx = sum.xx - sum.slope_x * sum.slope_x / sum.fit;
    const float xy = sum.xy - sum.slope_x * sum.slope_y / sum.fit;
    const float yy = sum.yy - sum.slope_y * sum.slope_y / sum.fit;
    s.own_trust[t] = (xx * yy - xy * xy) / (xx + yy + 1e-9f);
    s.right[t] = {sum.pull_x - sum.slope_x * sum.offset / sum.fit + PRIOR * s.anchor[t].x,
                  sum.pull_y - sum.slope_y * sum.offset / sum.fit + PRIOR * s.anchor[t].y};
    const float a = xx + PRIOR + pulling, c = yy + PRIOR + pulling;
    const float inverse = 1.0f / (a * c - xy * xy);
    s.matrix[0][t] = c * inverse;
    s.matrix[1][t] = -xy * inverse;
    s.matrix[2][t] = a * inverse;
  }

  template <int SWEEP>
  HD void sweep(Shared& s, Place place) const {
    const int t = place.thread;
    if (!cell(place).inside || !within(t, SWEEP + 1)) return;
    const Pair* d = s.swept[SWEEP % 2];
    Pair b = s.right[t];
    for (int i = 0; i < 8; ++i) {
      const int at = i < 4 ? i : i + 1, near = t + (at / 3 - 1) * REGION + at % 3 - 1;
      b.x += s.weight[i][t] * d[near].x;
      b.y += s.weight[i][t] * d[near].y;
    }
    s.swept[(SWEEP + 1) % 2][t] = {s.matrix[0][t] * b.x + s.matrix[1][t] * b.y,
                                   s.matrix[1][t] * b.x + s.matrix[2][t] * b.y};
  }

  HD void finish(const Shared& s, Place place) const {
    const Cell at = cell(place);
    const int t = place.thread;
    if (!at.inside || !within(t, RING)) return;
    const Pair d = s.d[t], z = s.swept[0][t];
    write(to, at, {d.x + clamped(z.x - d.x, -LARGEST_STEP, LARGEST_STEP),
                   d.y + clamped(z.y - d.y, -LARGEST_STEP, LARGEST_STEP)});
    trust[at.row * cols + at.col] = s.own_trust[t];
    if (first) write(start, at, s.anchor[t]);
  }

  template <int P>
  HD void phase(Shared& s, Place place) const {
    if constexpr (P == 0) listen(s, place);
    if constexpr (P == 1) share(s, place);
    if constexpr (P >= 2 && P <= 5) sweep<P - 2>(s, place);
    if constexpr (P == 6) finish(s, place);
  }
};

}  // namespace synchresis
