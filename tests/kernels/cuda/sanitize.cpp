// Runs every kernel's host twin on random data in buffers of exactly the right size, in three orders
// of threads: under the sanitizers nothing may be read or written outside, and all orders must give
// the same bits. Prints what differs and returns 1 then.
#include <cstdio>
#include <vector>

#include "kernels.cu"

using synchresis::Picture;
using Floats = std::vector<float>;

static std::mt19937 source(7);

static Floats noise(int count, float low, float high) {
  std::uniform_real_distribution<float> drawn(low, high);
  Floats values(count);
  for (float& value : values) value = drawn(source);
  return values;
}

constexpr int ORDERS[] = {0, 1, 99};
static int failures = 0;

// Runs a kernel in every order on copies of what it changes; `make` builds it round the copies.
template <class Make>
static void check(const char* name, int blocks, const std::vector<Floats>& given, Make make) {
  std::vector<Floats> first;
  for (int order : ORDERS) {
    std::vector<Floats> changed = given;
    synchresis::loop_blocks(make(changed), blocks, order);
    if (order == 0) first = changed;
    for (size_t i = 0; i < changed.size(); ++i) {
      const size_t bytes = changed[i].size() * sizeof(float);
      if (std::memcmp(changed[i].data(), first[i].data(), bytes) == 0) continue;
      std::printf("%s: array %zu depends on the order of threads (%d)\n", name, i, order);
      ++failures;
    }
  }
}

static int blocks_for(int threads, int each) { return (threads + each - 1) / each; }

static void check_pictures() {
  const int height = 21, width = 34;
  std::vector<unsigned char> bytes(4 * height * width, 77);
  const Floats fine = noise(4 * height * width, 0, 255);
  const std::vector<Floats> levels = {noise(height * width, 0, 255), noise(height * width, 0, 255)};
  const int blocks = blocks_for(height * width, HalveBytes::THREADS);
  check("halve_bytes", blocks, levels, [&](std::vector<Floats>& c) {
    return HalveBytes{bytes.data(), c[0].data(), c[1].data(), height, width};
  });
  const std::vector<unsigned char> exact(height * width, 3);
  check("take_bytes", blocks, levels, [&](std::vector<Floats>& c) {
    return TakeBytes{exact.data(), c[0].data(), c[1].data(), height, width};
  });
  check("halve_floats", blocks, levels, [&](std::vector<Floats>& c) {
    return HalveFloats{fine.data(), c[0].data(), c[1].data(), height, width};
  });
}

template <int PATCH>
static void check_search(int rows, int cols, int stride, bool first) {
  const int height = rows * stride, width = cols * stride, cells = rows * cols;
  const Floats earlier = noise(height * width, 0, 255), later = noise(height * width, 0, 255);
  const Floats coarse = noise(cells / 2, -9, 9), from = noise(2 * cells, -900, 900);
  const std::vector<Floats> changed = {noise(2 * cells, -9, 9), Floats(2 * cells), Floats(cells)};
  check("search", blocks_for(rows, 8) * blocks_for(cols, 8), changed, [&](std::vector<Floats>& c) {
    synchresis::Search<PATCH> search{};
    search.earlier = {earlier.data(), height, width};
    search.later = {later.data(), height, width};
    search.coarse = first ? coarse.data() : nullptr;
    search.from = from.data();
    search.start = c[0].data();
    search.to = c[1].data();
    search.trust = c[2].data();
    search.rows = rows, search.cols = cols, search.stride = stride;
    search.coarse_rows = rows / 2, search.coarse_cols = cols / 2;
    search.first = search.tries_still = first;
    search.scale = 2, search.coupling = 5, search.reach = 0.3f;
    return search;
  });
}

static void check_fields() {
  const int rows = 10, cols = 14, cells = rows * cols, height = 80, width = 112;
  const Floats a = noise(40 * 56, 0, 255), b = noise(40 * 56, 0, 255);
  const Floats found = noise(2 * cells, -99, 99), trust = noise(cells, 0, 50);
  check("measure", blocks_for(cells, synchresis::Measure::THREADS),
        {Floats(2 * cells), Floats(cells), Floats(cells)}, [&](std::vector<Floats>& c) {
          return synchresis::Measure{{a.data(), 40, 56}, {b.data(), 40, 56}, found.data(),
                                     c[0].data(), c[1].data(), c[2].data(), rows, cols, 1, 0.5f};
        });
  check("fit_motion", 1, {Floats(6)}, [&](std::vector<Floats>& c) {
    return synchresis::FitMotion{found.data(), trust.data(), c[0].data(), rows, cols, 1};
  });
  const std::vector<unsigned char> grey(height * width, 9);
  const synchresis::FrameFacts facts{0.04f, 0, 0, 0.75f};
  const Floats motion = noise(6, -2, 2);
  const std::vector<Floats> out = {Floats(2 * cells),          Floats(cells),     Floats(cells),
                                   Floats(6),                  Floats(height * width / 4),
                                   Floats(4 * cells),          Floats(8)};
  check("describe", blocks_for(height * width / 4, synchresis::Describe::THREADS), out,
        [&](std::vector<Floats>& c) {
          return synchresis::Describe{grey.data(), &facts,      found.data(), trust.data(),
                                      trust.data(), motion.data(), c[0].data(), c[1].data(),
                                      c[2].data(), c[3].data(), c[4].data(),  c[5].data(),
                                      c[6].data(), width,       height,       rows,
                                      cols};
        });
}

static void check_sound() {
  const int zones = 3, width = 15;
  const std::vector<synchresis::Word> seed(1, 5), numbers(zones, 9), samples(zones, 256);
  check("noise", blocks_for(zones * 8, synchresis::Noise::THREADS), {Floats(zones * width)},
        [&](std::vector<Floats>& c) {
          return synchresis::Noise{seed.data(), numbers.data(), samples.data(), c[0].data(), zones,
                                   width};
        });
  const Floats real = noise(zones * 513, -1, 1), imag = noise(zones * 513, -1, 1);
  const Floats turn = noise(2048, -1, 1), weights = noise(1024, 0, 1);
  check("overlap_add", zones, {noise(zones * 576, -1, 1), Floats(zones * 256)},
        [&](std::vector<Floats>& c) {
          return synchresis::OverlapAdd{real.data(), imag.data(), turn.data(),
                                        weights.data(), c[0].data(), c[1].data()};
        });
}

int main() {
  check_pictures();
  for (bool first : {true, false}) {
    check_search<4>(30, 42, 2, first);
    check_search<4>(30, 42, 4, first);
    check_search<8>(18, 22, 8, first);
  }
  check_fields();
  check_sound();
  return failures ? 1 : 0;
}
