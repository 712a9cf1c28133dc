"""Teaching: new palettes from recordings, new looks from videos, as overlays on a pack."""
