"""Files that `render` leaves behind: whole or not at all."""
