"""The program: command line, settings, mailboxes, the pipeline and its schedule."""
