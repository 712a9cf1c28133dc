"""`synchresis bench`: measure, show, compare. The benchmarks are loaded only when one runs."""

import argparse
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from synchresis.errors import ParameterError, how_to_install

if TYPE_CHECKING:
    from synchresis.bench.result import Report

DESCRIPTIONS = {
    "latency": "service time by stage, age live, motion-to-sound through a real audio path",
    "glass": "screen flash to microphone, for a machine with a webcam, speakers and a microphone",
    "kernels": "flow and overlap-add against OpenCV, torch, librosa and SciPy",
    "engines": "every backend on every engine: steps, batches, memory, cold start",
    "sync": "when the motion engine hears hits, against simple baselines",
    "voice": "what the voice engine sounds like, against simple baselines",
    "soak": "hours of live run with random faults",
}


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `bench` and its benchmarks to the command line."""
    parser = subparsers.add_parser("bench", help="measure this machine and compare")
    parser.set_defaults(run=run)
    benches = parser.add_subparsers(dest="bench", required=True, metavar="NAME")
    for name, text in DESCRIPTIONS.items():
        _add_bench(benches.add_parser(name, help=text, description=text), name)
    compare = benches.add_parser("compare", help="two --json reports, metric by metric")
    compare.add_argument("before", metavar="A.json")
    compare.add_argument("after", metavar="B.json")
    goals = benches.add_parser("goals", help="how far --json reports are from goals and floors")
    goals.add_argument("reports", nargs="+", metavar="REPORT.json")
    page = benches.add_parser("report", help="one page from --json reports")
    page.add_argument("reports", nargs="+", metavar="REPORT.json")
    page.add_argument("--html", required=True, metavar="OUT", help="page to write")


def run(args: argparse.Namespace) -> int:
    """Run one benchmark, or compare, judge or show reports."""
    if args.bench == "compare":
        return _compare(args)
    if args.bench == "goals":
        return _goals(args)
    if args.bench == "report":
        return _show(args)
    result = import_module("synchresis.bench.result")
    for path in (args.html, args.json):
        if path not in (None, "-"):
            import_module("synchresis.realtime.sinks.part_file").PartFile(path)  # or refused
    report = _measure(args)
    if args.html:
        import_module("synchresis.bench.report").write_page([report], args.html)
    if args.json == "-":
        sys.stdout.buffer.write(result.encode_report(report))
        return 0
    if args.json:
        result.write_report(report, args.json)
    _print(report)
    return 0


def _add_bench(parser: argparse.ArgumentParser, name: str) -> None:
    parser.add_argument(
        "--device", choices=("cpu", "cuda"), default="cpu", help="where engines run"
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of everything random")
    parser.add_argument("--pack", default="default", help="name or path of the pack")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, more noise")
    parser.add_argument(
        "--part", action="append", default=[], metavar="NAME", help="only this part (repeatable)"
    )
    parser.add_argument(
        "--json", nargs="?", const="-", metavar="OUT", help="write the report (alone: print it)"
    )
    parser.add_argument("--html", metavar="OUT", help="write a self-contained page")
    if name == "sync":
        parser.add_argument("--clips", metavar="DIR", help="folder of real clips with manifest.csv")
    if name == "voice":
        parser.add_argument("--sounds", metavar="DIR", help="real recordings with manifest.csv")
    if name == "glass":
        parser.add_argument("--camera", default="0", help="camera to look with")
    if name == "latency":
        parser.add_argument(
            "--audio", metavar="NAME", help="audio device that hears itself (loopback, cable, mic)"
        )
    if name == "soak":
        parser.add_argument("--hours", type=float, default=2 / 60, help="length of the run")


def _measure(args: argparse.Namespace) -> "Report":
    options = import_module("synchresis.bench.options")
    known = {"audio", "clips", "sounds", "camera", "hours"}
    special: dict[str, Any] = {key: value for key, value in vars(args).items() if key in known}
    chosen = options.Options(
        device=args.device,
        seed=args.seed,
        quick=args.quick,
        pack=args.pack,
        parts=tuple(args.part),
        **special,
    )
    options.check(args.bench, chosen)
    try:
        bench = import_module(f"synchresis.bench.{args.bench}")
    except ModuleNotFoundError as err:
        raise ParameterError(
            f"bench {args.bench} needs {err.name}: {how_to_install('bench')}"
        ) from err
    report: Report = bench.run(chosen)
    return report


def _print(report: "Report") -> None:
    width = max((len(result.metric) for result in report.results), default=0)
    for result in report.results:
        ratio = "" if result.ratio is None else f"  ratio {result.ratio:.3g} to {result.peer}"
        unit = "" if result.unit == "1" else f" {result.unit}"
        note = f"  ({result.note})" if result.note else ""
        print(f"{result.metric:{width}}  {result.value:10.5g}{unit}{ratio}{note}")


def _compare(args: argparse.Namespace) -> int:
    read = import_module("synchresis.bench.result").read_report
    lines = import_module("synchresis.bench.compare").comparison_lines
    for line in lines(read(args.before), read(args.after)):
        print(line)
    return 0


def _goals(args: argparse.Namespace) -> int:
    read = import_module("synchresis.bench.result").read_report
    for line in import_module("synchresis.bench.goals").goal_lines(map(read, args.reports)):
        print(line)
    return 0


def _show(args: argparse.Namespace) -> int:
    read = import_module("synchresis.bench.result").read_report
    page = import_module("synchresis.bench.report")
    page.write_page([read(path) for path in args.reports], args.html)
    return 0
