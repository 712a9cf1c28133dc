"""The CPU kernels beside what one would use instead: flow and overlap-add, one pinned thread."""

import cv2

from synchresis.bench.case import pinned_to_one_core
from synchresis.bench.environment import stamp_environment
from synchresis.bench.kernels_flow import flow_figures, flow_results, measure_flow
from synchresis.bench.kernels_overlap_add import measure_overlap_add
from synchresis.bench.options import Options
from synchresis.bench.result import Figure, Report, Result

SIZES = ((120, 160), (240, 320), (480, 640))
"""Heights and widths of the pictures that flow is measured on."""


def run(options: Options) -> Report:
    """Measure what the options want of flow (part `flow`) and overlap-add (part `overlap-add`)."""
    results: list[Result] = []
    figures: list[Figure] = []
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        with pinned_to_one_core():
            if options.wants("flow"):
                sizes = SIZES[1:2] if options.quick else SIZES
                contests = [measure_flow(options, height, width) for height, width in sizes]
                results += [result for each in contests for result in flow_results(each)]
                figures += flow_figures(contests)
            if options.wants("overlap-add"):
                found, drawn = measure_overlap_add(options)
                results += found
                figures += drawn
    finally:
        cv2.setNumThreads(threads)
    stamp = stamp_environment(seed=options.seed, device="cpu")
    return Report("kernels", stamp, results, figures)
