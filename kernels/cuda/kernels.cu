// Every kernel under its exported name: device functions under nvcc, host twins otherwise.
#include "overlap_add.h"

SYNCHRESIS_KERNEL(overlap_add, synchresis::OverlapAdd)
