"""A domain's figures and judged sources in, what a postmaster should know of it out: one file for each thing to look at."""
