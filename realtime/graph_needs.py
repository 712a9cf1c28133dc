"""What a graph needs on this machine, looked for before anything of it runs."""

from synchresis.engines.packs import load_pack
from synchresis.engines.voice.palettes import resolve
from synchresis.errors import InputError, SynchresisError
from synchresis.realtime.graph import CameraSpec, Graph, SpeakerSpec
from synchresis.realtime.sources import SourceSettings, is_live, open_film
from synchresis.realtime.toml_lines import Key, placed


def check_needs(graph: Graph) -> None:
    """Look for films, scenes, the pack and its palettes; cameras and streams are left alone.

    Nodes with a `key` run on other machines, whose files are not looked for.

    Raises:
        InputError: with line and key of what is missing or cannot be used.
    """
    here = {name: node for name, node in graph.nodes.items() if node.key is None}
    for name, node in here.items():
        if isinstance(node, CameraSpec) and not is_live(node.source):
            try:
                open_film(SourceSettings(node.source)).close()
            except SynchresisError as err:
                raise _refusal(graph, ("nodes", name, "source"), err) from err
    if all(isinstance(node, CameraSpec) for node in here.values()):
        return
    try:
        pack = load_pack(graph.pack)
    except SynchresisError as err:
        raise _refusal(graph, ("pack",), err) from err
    if not any(isinstance(node, SpeakerSpec) for node in here.values()):
        return
    for number, zone in enumerate(graph.zones):
        try:
            resolve(zone.palette, pack)
        except SynchresisError as err:
            raise _refusal(graph, ("zones", number, "palette"), err) from err


def _refusal(graph: Graph, key: Key, why: SynchresisError) -> InputError:
    return InputError(placed(graph.path, graph.path.read_text("utf-8"), key, str(why)))
