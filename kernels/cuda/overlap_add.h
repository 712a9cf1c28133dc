// Overlap-add of one hop: inverse real FFT of 1024 samples, window, overlap-add, state shift.
//
// One block per stream. A real signal of 1024 samples is a complex one of 512 (even samples real,
// odd ones imaginary) with the spectrum
//   Z[k] = X[k] + X*[512 - k] + i exp(2 pi i k / 1024) (X[k] - X*[512 - k])
// (times 1/1024, which the window's table carries). Its inverse FFT is a radix-8 Stockham transform:
// 512 = 8 * 8 * 8, three passes of 64 butterflies, no bit reversal.
#pragma once

#include "portable.h"

namespace synchresis {

struct Complex {
  float re;
  float im;
};

HD Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
HD Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
HD Complex operator*(Complex a, Complex b) {
  return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
}
HD Complex conjugate(Complex a) { return {a.re, -a.im}; }
HD Complex times_i(Complex a) { return {-a.im, a.re}; }

// Inverse DFT of four points in place.
HD void butterfly4(Complex& a, Complex& b, Complex& c, Complex& d) {
  const Complex even = a + c, odd = a - c, sum = b + d, turned = times_i(b - d);
  a = even + sum;
  b = odd + turned;
  c = even - sum;
  d = odd - turned;
}

// Inverse DFT of eight points in place, in natural order.
HD void butterfly8(Complex (&v)[8]) {
  constexpr float H = 0.70710678118654752f;  // sqrt(1/2)
  Complex e0 = v[0], e1 = v[2], e2 = v[4], e3 = v[6];
  Complex o0 = v[1], o1 = v[3], o2 = v[5], o3 = v[7];
  butterfly4(e0, e1, e2, e3);
  butterfly4(o0, o1, o2, o3);
  o1 = Complex{H, H} * o1;
  o2 = times_i(o2);
  o3 = Complex{-H, H} * o3;
  v[0] = e0 + o0;
  v[1] = e1 + o1;
  v[2] = e2 + o2;
  v[3] = e3 + o3;
  v[4] = e0 - o0;
  v[5] = e1 - o1;
  v[6] = e2 - o2;
  v[7] = e3 - o3;
}

struct OverlapAdd {
  static constexpr int HALF = 512, BINS = 513, HOP = 256, TAIL = 576;
  static constexpr int THREADS = 64, PHASES = 5;

  const float* real;      // [B, 513], the outer bins' imaginary parts are ignored
  const float* imag;      // [B, 513]
  const float* turn;      // [1024, 2], exp(2 pi i k / 1024) as re, im
  const float* weights;   // [1024], window / 1024
  float* tail;            // [B, 576], what earlier frames still have to play, next sample first
  float* out;             // [B, 256]

  struct Shared {
    Complex a[HALF];
    Complex b[HALF];
  };

  HD Complex unit(int k) const { return {turn[2 * k], turn[2 * k + 1]}; }

  HD Complex bin(int stream, int k) const {
    const int at = stream * BINS + k;
    return {real[at], k == 0 || k == HALF ? 0.0f : imag[at]};
  }

  HD void pack(Shared& s, Place at) const {
    for (int k = at.thread; k < HALF; k += THREADS) {
      const Complex low = bin(at.block, k), high = conjugate(bin(at.block, HALF - k));
      s.a[k] = low + high + times_i(unit(k) * (low - high));
    }
  }

  // One pass: SPAN points are transformed already, eight times as many afterwards.
  template <int SPAN>
  HD void pass(const Complex* from, Complex* to, int thread) const {
    Complex v[8];
    const int inner = thread % SPAN;
    for (int leg = 0; leg < 8; ++leg) {
      v[leg] = unit(inner * leg * (1024 / (8 * SPAN))) * from[thread + leg * THREADS];
    }
    butterfly8(v);
    const int start = (thread / SPAN) * SPAN * 8 + inner;
    for (int leg = 0; leg < 8; ++leg) to[start + leg * SPAN] = v[leg];
  }

  // Each thread alone owns the samples n, n + 256, n + 512 and n + 768 of its stream.
  HD void add(const Shared& s, Place at) const {
    const float* frame = &s.b[0].re;
    float* kept = tail + at.block * TAIL;
    for (int n = at.thread; n < HOP; n += THREADS) {
      const int last = n + 2 * HOP;
      const bool third = last < TAIL;
      out[at.block * HOP + n] = kept[n] + weights[n] * frame[n];
      kept[n] = kept[n + HOP] + weights[n + HOP] * frame[n + HOP];
      kept[n + HOP] = (third ? kept[last] : 0.0f) + weights[last] * frame[last];
      if (third) kept[last] = weights[last + HOP] * frame[last + HOP];
    }
  }

  template <int P>
  HD void phase(Shared& s, Place at) const {
    if constexpr (P == 0) pack(s, at);
    if constexpr (P == 1) pass<1>(s.a, s.b, at.thread);
    if constexpr (P == 2) pass<8>(s.b, s.a, at.thread);
    if constexpr (P == 3) pass<64>(s.a, s.b, at.thread);
    if constexpr (P == 4) add(s, at);
  }
};

}  // namespace synchresis
