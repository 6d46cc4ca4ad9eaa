"""Letters and alerts on their way: what is due in, each written once, delivered, and tried again until it is, out."""
