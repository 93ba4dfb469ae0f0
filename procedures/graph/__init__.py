"""Drawing a procedure: where boxes and lines go, and the SVG made of it."""
