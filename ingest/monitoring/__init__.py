"""How a running daemon is doing: what its threads and the database tell in; HTTP, figures and signs of life out."""
