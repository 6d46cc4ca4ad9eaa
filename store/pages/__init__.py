"""What the pages show: read-only connections in, values out, each in time for a page."""
