"""Everything that is configured, tried: settings in, findings with the next step to take out, one after the other."""
