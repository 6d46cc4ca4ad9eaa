"""One run of look-ups: who speaks for whom, who is asked when, and what is kept of the answers."""
