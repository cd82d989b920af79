"""What the page keeps in memory of each source: its state, and its spectra over the last hour."""
