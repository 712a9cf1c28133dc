// Every kernel under its exported name: device functions under nvcc, host twins otherwise.
#include "field.h"
#include "flow.h"
#include "noise.h"
#include "overlap_add.h"
#include "picture.h"

using Byte = unsigned char;
using TakeBytes = synchresis::Shrink<Byte, 1>;
using HalveBytes = synchresis::Shrink<Byte, 2>;
using HalveFloats = synchresis::Shrink<float, 2>;

SYNCHRESIS_KERNEL(take_bytes, TakeBytes)
SYNCHRESIS_KERNEL(halve_bytes, HalveBytes)
SYNCHRESIS_KERNEL(halve_floats, HalveFloats)
SYNCHRESIS_KERNEL(search_4, synchresis::Search<4>)
SYNCHRESIS_KERNEL(search_8, synchresis::Search<8>)
SYNCHRESIS_KERNEL(measure, synchresis::Measure)
SYNCHRESIS_KERNEL(fit_motion, synchresis::FitMotion)
SYNCHRESIS_KERNEL(describe, synchresis::Describe)
SYNCHRESIS_KERNEL(noise, synchresis::Noise)
SYNCHRESIS_KERNEL(overlap_add, synchresis::OverlapAdd)
