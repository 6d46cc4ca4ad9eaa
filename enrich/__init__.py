"""An address in, who owns it out. No SQL."""
