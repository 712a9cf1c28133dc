// One kernel body for the GPU and for the host.
//
// A kernel is a struct of plain arguments with
//   THREADS           threads of a block,
//   PHASES            parts of the body; a barrier stands between two of them,
//   Shared            what the threads of a block share from phase to phase,
//   phase<P>(s, at)   part P of the body for the thread `at`.
// nvcc makes a __global__ function of it. A plain C++ compiler makes its twin: a function that runs
// the threads of each phase in a loop, forwards, backwards or shuffled. Within a phase no thread may
// read what another one writes, so all orders must give the same bits; what differs is a race.
#pragma once

#include <cmath>

#ifdef __CUDACC__
#define HD __host__ __device__ __forceinline__
#define UNROLL _Pragma("unroll 16")  // loads of 16 pixels are under way at once
#else
#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>
#define HD inline
#define UNROLL
#endif

namespace synchresis {

// Where a thread stands: its block in the grid and its number in the block.
struct Place {
  int block;
  int thread;
};

struct Nothing {};  // Shared of a kernel whose threads share nothing.

#ifdef __CUDACC__

template <class Kernel, int P = 0>
__device__ __forceinline__ void run_phases(const Kernel& kernel, typename Kernel::Shared& shared,
                                           Place at) {
  kernel.template phase<P>(shared, at);
  if constexpr (P + 1 < Kernel::PHASES) {
    __syncthreads();
    run_phases<Kernel, P + 1>(kernel, shared, at);
  }
}

#define SYNCHRESIS_KERNEL(name, Kernel)                                                       \
  extern "C" __global__ void __launch_bounds__(Kernel::THREADS) name(const Kernel kernel) {   \
    __shared__ typename Kernel::Shared shared;                                                \
    synchresis::run_phases(kernel, shared, {int(blockIdx.x), int(threadIdx.x)});              \
  }

#else

// The numbers 0 to count - 1: order 0 forwards, 1 backwards, any other is the seed of a shuffle.
inline std::vector<int> turns(int count, int order) {
  std::vector<int> turn(count);
  std::iota(turn.begin(), turn.end(), 0);
  if (order == 1) {
    std::reverse(turn.begin(), turn.end());
  } else if (order != 0) {
    std::shuffle(turn.begin(), turn.end(), std::mt19937(order));
  }
  return turn;
}

template <class Kernel, int P = 0>
inline void loop_phases(const Kernel& kernel, typename Kernel::Shared& shared, int block,
                        const std::vector<int>& threads) {
  for (int thread : threads) kernel.template phase<P>(shared, {block, thread});
  if constexpr (P + 1 < Kernel::PHASES) loop_phases<Kernel, P + 1>(kernel, shared, block, threads);
}

// Shared memory starts as NaN, so that reading what was never written shows.
template <class Kernel>
inline void loop_blocks(const Kernel& kernel, int blocks, int order) {
  const std::vector<int> threads = turns(Kernel::THREADS, order);
  std::vector<typename Kernel::Shared> shared(1);
  for (int block : turns(blocks, order)) {
    std::memset(static_cast<void*>(shared.data()), 0xff, sizeof(typename Kernel::Shared));
    loop_phases(kernel, shared[0], block, threads);
  }
}

#define SYNCHRESIS_KERNEL(name, Kernel)                                       \
  extern "C" int name##_threads() { return Kernel::THREADS; }                 \
  extern "C" int name##_bytes() { return int(sizeof(Kernel)); }               \
  extern "C" void name(const void* arguments, int blocks, int order) {        \
    synchresis::loop_blocks(*static_cast<const Kernel*>(arguments), blocks, order); \
  }

#endif

}  // namespace synchresis
