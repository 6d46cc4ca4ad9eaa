"""One module a command: settings and arguments in, the exit status out."""
