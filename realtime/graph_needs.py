"""What nodes of a graph need on this machine, looked for before anything runs."""

import tomllib
from collections.abc import Sequence

from synchresis.engines.packs import load_pack
from synchresis.engines.voice.palettes import is_model, resolve
from synchresis.errors import InputError, SynchresisError
from synchresis.realtime.graph import CameraSpec, Graph, SpeakerSpec
from synchresis.realtime.sinks.part_file import PartFile
from synchresis.realtime.sources import SourceSettings, is_live, open_film
from synchresis.realtime.toml_lines import KeyPath, placed


def check_needs(graph: Graph, names: Sequence[str]) -> None:
    """Look for films, scenes, folders of outputs, the pack and its palettes.

    Cameras, streams and audio devices are left alone: they may come later.

    Args:
        graph: whole.
        names: of the nodes that are to run here; those the graph lacks are left to the runner.

    Raises:
        InputError: with line and key of what is missing or cannot be used.
    """
    here = {name: graph.nodes[name] for name in names if name in graph.nodes}
    for name, node in here.items():
        if isinstance(node, CameraSpec) and not is_live(node.source):
            try:
                open_film(SourceSettings(node.source)).close()
            except SynchresisError as err:
                raise _refusal(graph, ("nodes", name, "source"), str(err)) from err
        if isinstance(node, SpeakerSpec) and node.out not in ("device", "null"):
            try:
                PartFile(node.out)
            except SynchresisError as err:
                raise _refusal(graph, ("nodes", name, "out"), str(err)) from err
    if not all(isinstance(node, CameraSpec) for node in here.values()):
        _check_instrument(graph)


def _check_instrument(graph: Graph) -> None:
    """Parsers and speakers open the whole instrument: both engines and all palettes."""
    try:
        pack = load_pack(graph.pack)
        _ = pack.motion
    except SynchresisError as err:
        raise _refusal(graph, ("pack",), str(err)) from err
    given = bool(tomllib.loads(graph.path.read_text("utf-8")).get("zones"))
    for number, zone in enumerate(graph.zones):
        try:
            resolve(zone.palette, pack)
        except SynchresisError as err:
            if given:
                raise _refusal(graph, ("zones", number, "palette"), str(err)) from err
            why = f"none are given, so there is one for all, and {err}"
            raise _refusal(graph, ("zones",), why) from err
    if not all(is_model(zone.palette) for zone in graph.zones):
        try:
            _ = pack.voice
        except SynchresisError as err:
            raise _refusal(graph, ("pack",), str(err)) from err


def _refusal(graph: Graph, key: KeyPath, why: str) -> InputError:
    return InputError(placed(graph.path, graph.path.read_text("utf-8"), key, why))
