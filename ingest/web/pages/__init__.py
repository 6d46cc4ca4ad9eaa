"""What a page shows: what is asked for and a connection in, a view out. Figures come from store.pages, judgements from standing."""
