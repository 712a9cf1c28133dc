"""Names of taught packs."""

from synchresis.engines.packs import Pack
from synchresis.errors import ParameterError


def check_name(name: str, base: Pack) -> None:
    """A name must not read as a mix, a model or a path, nor hide the base.

    Raises:
        ParameterError: it does, or the base is an overlay itself.
    """
    if not name or not name.replace("_", "").replace("-", "").isalnum():
        raise ParameterError(f"name {name!r} must be letters, digits, - and _ only")
    if name == base.name:
        raise ParameterError(f"name {name!r} is that of the pack itself; choose another")
    if base.base is not None:
        raise ParameterError(f"pack {base.name!r} is an overlay; teach from a full pack")
