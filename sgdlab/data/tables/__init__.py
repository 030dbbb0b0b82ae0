"""Tables of a user's own: text, cells, labels, arrays."""
