"""Sources: where frames come from."""

from synchresis.realtime.sources.opening import SourceSettings, is_live, open_film, open_live
from synchresis.realtime.sources.source import Film, LiveSource

__all__ = ["Film", "LiveSource", "SourceSettings", "is_live", "open_film", "open_live"]
